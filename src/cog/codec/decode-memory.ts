import { endianness } from 'node:os';
import { DECODE_MODULE } from '../../wasm/decode-module.ts';
import { instantiate, type WasmInstance } from '../../wasm/instantiate.ts';

interface DecodeExports {
  firstFree(): number;
  inflate(from: number, fromBytes: number, to: number, room: number): number;
  lzw(from: number, fromBytes: number, to: number, room: number): number;
  jpegFrame(): number;
  jpeg(
    from: number,
    fromBytes: number,
    scratch: number,
    width: number,
    height: number,
    rows: number,
    components: number,
    tableSets: number,
    subsampled: number,
    isYcc: boolean,
  ): number;
  takeApart(
    from: number,
    to: number,
    size: number,
    count: number,
    width: number,
    rows: number,
    isDifference: boolean,
  ): void;
}

/** Interleaved samples of whole rows that are to be taken apart; little-endian. */
export interface Apart {
  /** Whole samples from the first byte on. */
  readonly bytes: Uint8Array;
  /** Bytes of one sample: 1, 2, 4 or 8. */
  readonly size: number;
  readonly count: number;
  readonly width: number;
  readonly rows: number;
  /** True if they are horizontal differences. */
  readonly isDifference: boolean;
}

/** The memory never shrinks: blocks that need more than this (pixels of some 8 MiB) are decoded without it. */
export const MAX_MEMORY_BYTES = 24 * 1024 * 1024;

/** Decoders read and write a little beyond their ends. */
const SLACK_BYTES = 512;

const IS_LITTLE_ENDIAN_MACHINE = endianness() === 'LE';

let instance: WasmInstance<DecodeExports> | null = null;

/** The decoders and their memory, of which only the part behind `firstFree` is the caller's; null on machines of another byte order. */
export function decodeMemory(): WasmInstance<DecodeExports> | null {
  if (!IS_LITTLE_ENDIAN_MACHINE) return null;
  instance ??= instantiate<DecodeExports>(DECODE_MODULE);
  return instance;
}

/** True for bytes that are good until the next block is decoded, and so have to be copied. */
export function isInDecodeMemory(bytes: ArrayBufferView): boolean {
  return instance !== null && bytes.buffer === instance.memory.buffer;
}

/**
 * Inflates or decodes a block in the memory of the WebAssembly decoders.
 *
 * @returns a view of that memory, which is good until the next call; null if the stream is damaged or unusual, or the
 * block too large: whoever asks then takes another decoder, which also says what is wrong
 */
export function decodeInMemory(kind: 'inflate' | 'lzw', bytes: Uint8Array, decodedBytes: number): Uint8Array | null {
  const decoder = decodeMemory();
  if (decoder === null) return null;
  const { exports, memory } = decoder;
  const from = exports.firstFree();
  const to = align(from + bytes.length + SLACK_BYTES);
  // With room for the planes: the memory must not move while a view of it is in use.
  const end = to + 2 * (decodedBytes + SLACK_BYTES);
  if (end > MAX_MEMORY_BYTES) return null;
  decoder.reserve(end);
  const view = new Uint8Array(memory.buffer);
  view.set(bytes, from);
  view.fill(0, from + bytes.length, from + bytes.length + 16);
  const length = exports[kind](from, bytes.length, to, decodedBytes);
  return length < 0 ? null : view.subarray(to, to + length);
}

/**
 * Takes samples apart, into planes one behind the other in an array of their own, and undoes differences on the way.
 *
 * @returns null if there are too many of them
 */
export function takeApart({ bytes, size, count, width, rows, isDifference }: Apart): Uint8Array<ArrayBuffer> | null {
  const length = size * count * width * rows;
  const decoder = decodeMemory();
  if (decoder === null) return null;
  const { exports, memory } = decoder;
  let from = bytes.byteOffset;
  if (!isInDecodeMemory(bytes)) {
    from = exports.firstFree();
    const end = from + 2 * (length + SLACK_BYTES);
    if (end > MAX_MEMORY_BYTES) return null;
    decoder.reserve(end);
    new Uint8Array(memory.buffer).set(bytes.subarray(0, length), from);
  }
  const to = count === 1 ? from : align(from + length);
  exports.takeApart(from, to, size, count, width, rows, isDifference);
  return new Uint8Array(memory.buffer.slice(to, to + length));
}

function align(offset: number): number {
  return Math.ceil(offset / 16) * 16;
}
