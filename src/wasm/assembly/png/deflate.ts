// Writes blocks of deflate from sequences: runs of literals, each with the match after it.

import { beginBits, bitsAt, closeByte, putBits, resumeBits, waitingBits, waitingCount } from './bits';
import { planCodeHeader, writeCodeHeader } from './code-header';
import { countBytes } from './histogram';
import { canonicalCodes, limitedLengths } from './huffman';
import { HISTOGRAM, SEQUENCES } from './memory';
import {
  codeOfDistance,
  codeOfLength,
  DISTANCE_SYMBOLS,
  END_OF_BLOCK,
  extraOfDistanceCode,
  extraOfLengthCode,
  LITLEN_SYMBOLS,
  MAX_MATCH,
} from './symbols';

/** Four literals and the 7 bits that wait fit 64 bits. A distance has 13 extra bits at most, and fits with a length. */
const LITLEN_LIMIT: i32 = 14;
const DISTANCE_LIMIT: i32 = 14;

const LITLEN_COUNTS: usize = memory.data(4 * 288, 16);
const DISTANCE_COUNTS: usize = memory.data(4 * 32, 16);
const LITLEN_LENGTHS: usize = memory.data(288, 16);
const DISTANCE_LENGTHS: usize = memory.data(32, 16);
const LITLEN_CODES: usize = memory.data(4 * 288, 16);
const DISTANCE_CODES: usize = memory.data(4 * 32, 16);
/** Code and extra bits of a whole match length in one: `bits | length << 24`. */
const MATCH_CODES: usize = memory.data(4 * 260, 16);

/**
 * Writes the block of `bytes` bytes from `from` on that the first `sequences` say: a dynamic one, or a stored one where no
 * code is shorter. A block has less than 65,536 bytes.
 */
export function writeBlock(from: usize, bytes: i32, sequences: i32, isLast: bool): void {
  countSymbols(from, sequences);
  limitedLengths(LITLEN_COUNTS, LITLEN_SYMBOLS, LITLEN_LIMIT, LITLEN_LENGTHS);
  limitedLengths(DISTANCE_COUNTS, DISTANCE_SYMBOLS, DISTANCE_LIMIT, DISTANCE_LENGTHS);
  const headerBits = planCodeHeader(LITLEN_LENGTHS, DISTANCE_LENGTHS);
  if (headerBits + dataBits() > 8 * bytes + 32) {
    writeStored(from, bytes, isLast);
    return;
  }
  canonicalCodes(LITLEN_LENGTHS, LITLEN_SYMBOLS, LITLEN_CODES);
  canonicalCodes(DISTANCE_LENGTHS, DISTANCE_SYMBOLS, DISTANCE_CODES);
  putBits(isLast ? 5 : 4, 3);
  writeCodeHeader();
  joinMatchCodes();
  writeData(from, sequences);
}

function countSymbols(from: usize, sequences: i32): void {
  memory.fill(LITLEN_COUNTS, 0, 4 * 288);
  memory.fill(DISTANCE_COUNTS, 0, 4 * 32);
  memory.fill(HISTOGRAM, 0, 4 * 4 * 256);
  const end = SEQUENCES + 8 * sequences;
  for (let sequence = SEQUENCES; sequence < end; sequence += 8) {
    const run = load<i32>(sequence);
    const match = load<u32>(sequence, 4);
    countBytes(from, run);
    from += run + (match >>> 16);
    if (match == 0) continue;
    increment(LITLEN_COUNTS + 4 * (257 + codeOfLength(match >>> 16)));
    increment(DISTANCE_COUNTS + 4 * codeOfDistance(match & 0xffff));
  }
  let literals = 0;
  for (let value = HISTOGRAM; value < HISTOGRAM + 4 * 256; value += 4) {
    const n = load<i32>(value) + load<i32>(value, 1024) + load<i32>(value, 2048) + load<i32>(value, 3072);
    store<i32>(LITLEN_COUNTS + value - HISTOGRAM, n);
    literals += n;
  }
  store<i32>(LITLEN_COUNTS + 4 * END_OF_BLOCK, 1);
  // Codes of a single symbol are legal, and not every decoder of old takes them.
  if (literals == 0) store<i32>(LITLEN_COUNTS, 1);
  let distances = 0;
  for (let i = 0; i < DISTANCE_SYMBOLS; i++) distances += i32(load<i32>(DISTANCE_COUNTS + 4 * i) > 0);
  for (let i = 0; distances < 2; i++) {
    if (load<i32>(DISTANCE_COUNTS + 4 * i) > 0) continue;
    store<i32>(DISTANCE_COUNTS + 4 * i, 1);
    distances++;
  }
}

@inline
function increment(counter: usize): void {
  store<i32>(counter, load<i32>(counter) + 1);
}

function dataBits(): i32 {
  let bits = 0;
  for (let i = 0; i < LITLEN_SYMBOLS; i++) {
    const extra = i > END_OF_BLOCK ? extraOfLengthCode(i - 257) : 0;
    bits += load<i32>(LITLEN_COUNTS + 4 * i) * (<i32>load<u8>(LITLEN_LENGTHS + i) + extra);
  }
  for (let i = 0; i < DISTANCE_SYMBOLS; i++) {
    bits += load<i32>(DISTANCE_COUNTS + 4 * i) * (<i32>load<u8>(DISTANCE_LENGTHS + i) + extraOfDistanceCode(i));
  }
  return bits;
}

function joinMatchCodes(): void {
  for (let length = 3; length <= MAX_MATCH; length++) {
    const code = codeOfLength(length);
    const litlen = load<u32>(LITLEN_CODES + 4 * (257 + code));
    const extra = extraOfLengthCode(code);
    const rest = (length - 3) & ((1 << extra) - 1);
    const bits = (litlen & 0xffff) | (rest << (litlen >>> 16));
    store<u32>(MATCH_CODES + 4 * length, bits | (((litlen >>> 16) + extra) << 24));
  }
}

@inline
function codeOfByte(at: usize): u64 {
  return load<u32>(LITLEN_CODES + ((<usize>load<u8>(at)) << 2));
}

function writeData(from: usize, sequences: i32): void {
  let to = bitsAt();
  let bits = waitingBits();
  let count: u64 = waitingCount();
  const end = SEQUENCES + 8 * sequences;
  for (let sequence = SEQUENCES; sequence < end; sequence += 8) {
    const runEnd = from + load<u32>(sequence);
    for (; from + 4 <= runEnd; from += 4) {
      const a = codeOfByte(from);
      const b = codeOfByte(from + 1);
      const c = codeOfByte(from + 2);
      const d = codeOfByte(from + 3);
      // Pairs first, so that only one of four shifts waits for the bits before.
      const ab = (a & 0xffff) | ((b & 0xffff) << (a >> 16));
      const cd = (c & 0xffff) | ((d & 0xffff) << (c >> 16));
      const abCount = (a >> 16) + (b >> 16);
      bits |= (ab | (cd << abCount)) << count;
      count += abCount + (c >> 16) + (d >> 16);
      store<u64>(to, bits);
      to += <usize>(count >> 3);
      bits >>= count & 56;
      count &= 7;
    }
    for (; from < runEnd; from++) {
      const a = codeOfByte(from);
      bits |= (a & 0xffff) << count;
      count += a >> 16;
    }
    store<u64>(to, bits);
    to += <usize>(count >> 3);
    bits >>= count & 56;
    count &= 7;
    const match = load<u32>(sequence, 4);
    if (match == 0) continue;
    from += match >>> 16;
    const whole: u64 = load<u32>(MATCH_CODES + ((match >>> 16) << 2));
    bits |= (whole & 0xffffff) << count;
    count += whole >> 24;
    const distance = match & 0xffff;
    const code = codeOfDistance(distance);
    const extra = extraOfDistanceCode(code);
    const one: u64 = load<u32>(DISTANCE_CODES + 4 * code);
    const rest: u64 = (distance - 1) & ((1 << extra) - 1);
    bits |= ((one & 0xffff) | (rest << (one >> 16))) << count;
    count += (one >> 16) + extra;
    store<u64>(to, bits);
    to += <usize>(count >> 3);
    bits >>= count & 56;
    count &= 7;
  }
  resumeBits(to, bits, <i32>count);
  const last = load<u32>(LITLEN_CODES + 4 * END_OF_BLOCK);
  putBits(last & 0xffff, last >>> 16);
}

function writeStored(from: usize, bytes: i32, isLast: bool): void {
  putBits(isLast ? 1 : 0, 3);
  const to = closeByte();
  store<u16>(to, bytes);
  store<u16>(to, bytes ^ 0xffff, 2);
  memory.copy(to + 4, from, bytes);
  beginBits(to + 4 + bytes);
}
