import {
  CODE_OF_LENGTH,
  codeOfDistance,
  DISTANCE_BASE,
  DISTANCE_EXTRA,
  DISTANCE_SYMBOLS,
  END_OF_BLOCK,
  LENGTH_BASE,
  LENGTH_EXTRA,
  LITLEN_SYMBOLS,
  MAX_MATCH,
} from './deflate-tables.ts';
import { writeBits } from './bit-sink.ts';
import type { BitSink } from './bit-sink.ts';
import { planCodeHeader, writeCodeHeader } from './code-header.ts';
import { canonicalCodes, limitedLengths } from './huffman.ts';
import type { Sequences } from './sequences.ts';

/** Two literals and the 7 bits that wait fit 32 bits with 12 bits a code; what the shorter codes cost is not measurable. */
const LITLEN_LIMIT = 12;
/** A distance's code, its 13 extra bits and the 7 that wait fit 32 bits. */
const DISTANCE_LIMIT = 11;

/**
 * A block ends at the first sequence that takes it over so many bytes. Shorter blocks follow the picture better and
 * cost a code of 50 to 100 bytes each. With a run and a match over the mark it is still short enough to be stored.
 */
const BLOCK_BYTES = 40_000;

const litlenCounts = new Uint32Array(LITLEN_SYMBOLS);
const distanceCounts = new Uint32Array(DISTANCE_SYMBOLS);
const litlenLengths = new Uint8Array(LITLEN_SYMBOLS);
const distanceLengths = new Uint8Array(DISTANCE_SYMBOLS);
const litlenCodes = new Uint32Array(LITLEN_SYMBOLS);
const distanceCodes = new Uint32Array(DISTANCE_SYMBOLS);
/** Code and extra bits of a whole match length in one: `bits | length << 24`. */
const matchCodes = new Uint32Array(MAX_MATCH + 1);
const evenCounts = new Uint32Array(256);

/** Bytes that deflate takes at most for so many: stored blocks, and the eight that writing runs ahead. */
export function deflateBound(length: number): number {
  return length + 16 * Math.ceil((length + 1) / BLOCK_BYTES) + 16;
}

/** Writes a whole deflate stream: dynamic blocks, or stored ones where no code is shorter, closed at a full byte. */
export function writeDeflate(sink: BitSink, bytes: Uint8Array, length: number, sequences: Sequences): void {
  const { runs, matches, count } = sequences;
  let from = 0;
  let start = 0;
  do {
    let to = from;
    let end = start;
    while (to < count && end - start < BLOCK_BYTES) {
      end += runs[to]! + (matches[to]! >>> 16);
      to++;
    }
    const isLast = to >= count;
    writeBlock(sink, bytes.subarray(start, end), sequences, from, to, isLast);
    from = to;
    start = end;
  } while (from < count);
  if (start !== length) throw new RangeError(`Deflating ${length} bytes: the sequences cover ${start}`);
  writeBits(sink, 0, (8 - sink.bitCount) & 7);
}

function writeBlock(
  sink: BitSink,
  bytes: Uint8Array,
  sequences: Sequences,
  from: number,
  to: number,
  isLast: boolean,
): void {
  countSymbols(bytes, sequences, from, to);
  limitedLengths(litlenCounts, LITLEN_LIMIT, litlenLengths);
  limitedLengths(distanceCounts, DISTANCE_LIMIT, distanceLengths);
  const headerBits = planCodeHeader(litlenLengths, distanceLengths);
  if (headerBits + dataBits() > 8 * bytes.length + 32) {
    writeStored(sink, bytes, isLast);
    return;
  }
  canonicalCodes(litlenLengths, litlenCodes);
  canonicalCodes(distanceLengths, distanceCodes);
  writeBits(sink, isLast ? 5 : 4, 3);
  writeCodeHeader(sink);
  joinMatchCodes();
  writeData(sink, bytes, sequences, from, to);
}

function countSymbols(bytes: Uint8Array, { runs, matches }: Sequences, from: number, to: number): void {
  litlenCounts.fill(0);
  distanceCounts.fill(0);
  evenCounts.fill(0);
  let at = 0;
  for (let i = from; i < to; i++) {
    const end = at + runs[i]!;
    // Two tables: an equal neighbour does not have to wait for the count before it.
    for (; at + 1 < end; at += 2) {
      const even = bytes[at]!;
      const odd = bytes[at + 1]!;
      evenCounts[even] = evenCounts[even]! + 1;
      litlenCounts[odd] = litlenCounts[odd]! + 1;
    }
    if (at < end) {
      const last = bytes[at]!;
      evenCounts[last] = evenCounts[last]! + 1;
    }
    const match = matches[i]!;
    at = end + (match >>> 16);
    if (match !== 0) {
      const symbol = 257 + CODE_OF_LENGTH[match >>> 16]!;
      const distance = codeOfDistance(match & 0xffff);
      litlenCounts[symbol] = litlenCounts[symbol]! + 1;
      distanceCounts[distance] = distanceCounts[distance]! + 1;
    }
  }
  for (let i = 0; i < 256; i++) litlenCounts[i] = litlenCounts[i]! + evenCounts[i]!;
  litlenCounts[END_OF_BLOCK] = 1;
  // Codes of a single symbol are legal, and not every decoder of old takes them.
  if (at > 0 && litlenCounts.subarray(0, 256).every((n) => n === 0)) litlenCounts[0] = 1;
  for (let i = 0; distanceCounts.reduce((used, n) => used + (n > 0 ? 1 : 0), 0) < 2; i++) distanceCounts[i] ||= 1;
}

function dataBits(): number {
  let bits = 0;
  for (let i = 0; i < LITLEN_SYMBOLS; i++) {
    bits += litlenCounts[i]! * (litlenLengths[i]! + (i > END_OF_BLOCK ? LENGTH_EXTRA[i - 257]! : 0));
  }
  for (let i = 0; i < DISTANCE_SYMBOLS; i++) bits += distanceCounts[i]! * (distanceLengths[i]! + DISTANCE_EXTRA[i]!);
  return bits;
}

function joinMatchCodes(): void {
  for (let length = 3; length <= MAX_MATCH; length++) {
    const code = CODE_OF_LENGTH[length]!;
    const litlen = litlenCodes[257 + code]!;
    const bits = (litlen & 0xffff) | ((length - LENGTH_BASE[code]!) << (litlen >>> 16));
    matchCodes[length] = (bits | (((litlen >>> 16) + LENGTH_EXTRA[code]!) << 24)) >>> 0;
  }
}

function writeData(sink: BitSink, bytes: Uint8Array, { runs, matches }: Sequences, from: number, to: number): void {
  const { view } = sink;
  const codes = litlenCodes;
  let { at, bits, bitCount } = sink;
  let next = 0;
  for (let i = from; i < to; i++) {
    const end = next + runs[i]!;
    for (; next + 1 < end; next += 2) {
      const one = codes[bytes[next]!]!;
      const two = codes[bytes[next + 1]!]!;
      bits |= (one & 0xffff) << bitCount;
      bitCount += one >>> 16;
      bits |= (two & 0xffff) << bitCount;
      bitCount += two >>> 16;
      view.setInt32(at, bits, true);
      at += bitCount >> 3;
      bits >>>= bitCount & 24;
      bitCount &= 7;
    }
    if (next < end) {
      const one = codes[bytes[next++]!]!;
      bits |= (one & 0xffff) << bitCount;
      bitCount += one >>> 16;
      view.setInt32(at, bits, true);
      at += bitCount >> 3;
      bits >>>= bitCount & 24;
      bitCount &= 7;
    }
    const match = matches[i]!;
    if (match === 0) continue;
    const length = match >>> 16;
    const distance = match & 0xffff;
    next += length;
    const whole = matchCodes[length]!;
    bits |= (whole & 0xffffff) << bitCount;
    bitCount += whole >>> 24;
    view.setInt32(at, bits, true);
    at += bitCount >> 3;
    bits >>>= bitCount & 24;
    bitCount &= 7;
    const code = codeOfDistance(distance);
    const one = distanceCodes[code]!;
    bits |= ((one & 0xffff) | ((distance - DISTANCE_BASE[code]!) << (one >>> 16))) << bitCount;
    bitCount += (one >>> 16) + DISTANCE_EXTRA[code]!;
    view.setInt32(at, bits, true);
    at += bitCount >> 3;
    bits >>>= bitCount & 24;
    bitCount &= 7;
  }
  sink.at = at;
  sink.bits = bits;
  sink.bitCount = bitCount;
  writeBits(sink, codes[END_OF_BLOCK]! & 0xffff, codes[END_OF_BLOCK]! >>> 16);
}

function writeStored(sink: BitSink, bytes: Uint8Array, isLast: boolean): void {
  writeBits(sink, isLast ? 1 : 0, 3);
  writeBits(sink, 0, (8 - sink.bitCount) & 7);
  writeBits(sink, bytes.length, 16);
  writeBits(sink, bytes.length ^ 0xffff, 16);
  sink.bytes.set(bytes, sink.at);
  sink.at += bytes.length;
}
