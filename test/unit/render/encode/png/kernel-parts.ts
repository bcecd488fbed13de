import { instantiate } from '../../../../../src/wasm/instantiate.ts';
import { PNG_MODULE } from '../../../../../src/wasm/png-module.ts';

/** The parts of the compiled module that the PNG writer does not call by themselves; numbers are addresses. */
interface Parts {
  begin(width: number, height: number, bandCount: number, sampleBytes: number): number;
  planeAt(band: number): number;
  fileAt(): number;
  adler32(at: number, length: number): number;
  limitedLengths(frequencies: number, symbols: number, maxLength: number, lengths: number): void;
  canonicalCodes(lengths: number, symbols: number, codes: number): void;
  beginBits(to: number): void;
  beginBlocks(base: number, length: number): void;
  pushSequence(run: number, match: number): void;
  endBlocks(): number;
}

const instance = instantiate<Parts>(PNG_MODULE);
const { exports, memory } = instance;

/** Makes room for so many bytes; gives where they are. */
function roomFor(bytes: number): number {
  instance.reserve(exports.begin(bytes, 1, 1, 1));
  return exports.planeAt(0);
}

/** Lengths of a Huffman code of at most `maxLength` bits. */
export function limitedLengths(frequencies: Uint32Array, maxLength: number): Uint8Array {
  const count = frequencies.length;
  const at = roomFor(5 * count);
  new Uint32Array(memory.buffer, at, count).set(frequencies);
  exports.limitedLengths(at, count, maxLength, at + 4 * count);
  return new Uint8Array(memory.buffer, at + 4 * count, count).slice();
}

/** The canonical code of these lengths: `code | length << 16`. */
export function canonicalCodes(lengths: Uint8Array): Uint32Array {
  const at = roomFor(8 * lengths.length);
  new Uint8Array(memory.buffer, at + 4 * lengths.length, lengths.length).set(lengths);
  exports.canonicalCodes(at + 4 * lengths.length, lengths.length, at);
  return new Uint32Array(memory.buffer, at, lengths.length).slice();
}

export function adler32(bytes: Uint8Array): number {
  const at = roomFor(bytes.length);
  new Uint8Array(memory.buffer, at, bytes.length).set(bytes);
  return exports.adler32(at, bytes.length) >>> 0;
}

/** Literals and the match after them; length 0 = none. */
export interface Sequence {
  readonly run: number;
  readonly length: number;
  readonly distance: number;
}

/** Deflates bytes as the sequences say that they repeat. */
export function deflate(plain: Uint8Array, sequences: readonly Sequence[]): Uint8Array {
  const at = roomFor(plain.length);
  new Uint8Array(memory.buffer, at, plain.length).set(plain);
  exports.beginBits(exports.fileAt());
  exports.beginBlocks(at, plain.length);
  for (const { run, length, distance } of sequences)
    exports.pushSequence(run, length > 0 ? (length << 16) | distance : 0);
  const end = exports.endBlocks();
  return new Uint8Array(memory.buffer).slice(exports.fileAt(), end);
}
