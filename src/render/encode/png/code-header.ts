import { writeBits } from './bit-sink.ts';
import type { BitSink } from './bit-sink.ts';
import { DISTANCE_SYMBOLS, LITLEN_SYMBOLS } from './deflate-tables.ts';
import { canonicalCodes, limitedLengths } from './huffman.ts';

/** The lengths of the code that codes the lengths go out in this order (RFC 1951, 3.2.7). */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** Symbol 16 repeats the length before it, 17 and 18 repeat 0; their counts follow in so many bits. */
const EXTRA = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 7);

/** The header of the block being written: what `planCodeHeader` finds and `writeCodeHeader` writes. */
const header = {
  litlenCount: 0,
  distanceCount: 0,
  orderCount: 0,
  symbols: new Uint8Array(LITLEN_SYMBOLS + DISTANCE_SYMBOLS),
  repeats: new Uint8Array(LITLEN_SYMBOLS + DISTANCE_SYMBOLS),
  count: 0,
};
const all = new Uint8Array(LITLEN_SYMBOLS + DISTANCE_SYMBOLS);
const counts = new Uint32Array(EXTRA.length);
const lengths = new Uint8Array(EXTRA.length);
const codes = new Uint32Array(EXTRA.length);

/**
 * Run-length codes the lengths of both codes of a dynamic block.
 *
 * @returns the bits that the block's header takes
 */
export function planCodeHeader(litlenLengths: Uint8Array, distanceLengths: Uint8Array): number {
  header.litlenCount = countUsed(litlenLengths, 257);
  header.distanceCount = countUsed(distanceLengths, 1);
  all.set(litlenLengths);
  all.set(distanceLengths.subarray(0, header.distanceCount), header.litlenCount);
  header.count = 0;
  counts.fill(0);
  const total = header.litlenCount + header.distanceCount;
  for (let i = 0; i < total;) {
    let run = 1;
    while (run < 138 && i + run < total && all[i + run] === all[i]) run++;
    pushRun(all[i]!, run);
    i += run;
  }
  limitedLengths(counts, 7, lengths);
  header.orderCount = ORDER.length;
  while (header.orderCount > 4 && lengths[ORDER[header.orderCount - 1]!] === 0) header.orderCount--;
  return counts.reduce((bits, n, symbol) => bits + n * (lengths[symbol]! + EXTRA[symbol]!), 17 + 3 * header.orderCount);
}

function countUsed(lengths: Uint8Array, least: number): number {
  let count = lengths.length;
  while (count > least && lengths[count - 1] === 0) count--;
  return count;
}

function pushRun(length: number, run: number): void {
  let rest = run;
  if (length === 0) {
    if (rest >= 11) push(18, rest - 11);
    else if (rest >= 3) push(17, rest - 3);
    else for (; rest > 0; rest--) push(0, 0);
    return;
  }
  push(length, 0);
  for (rest--; rest >= 3;) {
    const repeat = Math.min(rest, 6);
    push(16, repeat - 3);
    rest -= repeat;
  }
  for (; rest > 0; rest--) push(length, 0);
}

function push(symbol: number, repeat: number): void {
  header.symbols[header.count] = symbol;
  header.repeats[header.count++] = repeat;
  counts[symbol] = counts[symbol]! + 1;
}

/** Writes the header that was planned last. */
export function writeCodeHeader(sink: BitSink): void {
  const { litlenCount, distanceCount, orderCount, symbols, repeats, count } = header;
  writeBits(sink, litlenCount - 257, 5);
  writeBits(sink, distanceCount - 1, 5);
  writeBits(sink, orderCount - 4, 4);
  for (let i = 0; i < orderCount; i++) writeBits(sink, lengths[ORDER[i]!]!, 3);
  canonicalCodes(lengths, codes);
  for (let i = 0; i < count; i++) {
    const symbol = symbols[i]!;
    writeBits(sink, codes[symbol]! & 0xffff, codes[symbol]! >>> 16);
    writeBits(sink, repeats[i]!, EXTRA[symbol]!);
  }
}
