// The header of a dynamic block: the lengths of both codes, run-length coded and Huffman coded themselves.

import { putBits } from './bits';
import { canonicalCodes, limitedLengths } from './huffman';
import { DISTANCE_SYMBOLS, LITLEN_SYMBOLS } from './symbols';

/** The lengths of the code that codes the lengths go out in this order (RFC 1951, 3.2.7). */
const ORDER: usize = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);

/** Symbol 16 repeats the length before it, 17 and 18 repeat 0; their counts follow in so many bits. */
const EXTRA: usize = memory.data<u8>([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 7]);

const CODE_LENGTH_SYMBOLS: i32 = 19;

/** The lengths of both codes, one after the other; what `planCodeHeader` makes of them, and the code for that. */
const LENGTHS: usize = memory.data(LITLEN_SYMBOLS + DISTANCE_SYMBOLS + 4, 16);
const SYMBOLS: usize = memory.data(LITLEN_SYMBOLS + DISTANCE_SYMBOLS + 4, 16);
const REPEATS: usize = memory.data(LITLEN_SYMBOLS + DISTANCE_SYMBOLS + 4, 16);
const COUNTS: usize = memory.data(4 * 20, 16);
const CODE_LENGTHS: usize = memory.data(20, 16);
const CODES: usize = memory.data(4 * 20, 16);

let litlenCount: i32 = 0;
let distanceCount: i32 = 0;
let orderCount: i32 = 0;
let pushed: i32 = 0;

/**
 * Run-length codes the lengths of both codes of a dynamic block.
 *
 * @returns the bits that the block's header takes
 */
export function planCodeHeader(litlenLengths: usize, distanceLengths: usize): i32 {
  litlenCount = countUsed(litlenLengths, LITLEN_SYMBOLS, 257);
  distanceCount = countUsed(distanceLengths, DISTANCE_SYMBOLS, 1);
  memory.copy(LENGTHS, litlenLengths, litlenCount);
  memory.copy(LENGTHS + litlenCount, distanceLengths, distanceCount);
  pushed = 0;
  memory.fill(COUNTS, 0, 4 * CODE_LENGTH_SYMBOLS);
  const total = litlenCount + distanceCount;
  for (let i = 0; i < total; ) {
    const length = load<u8>(LENGTHS + i);
    let run = 1;
    while (run < 138 && i + run < total && load<u8>(LENGTHS + i + run) == length) run++;
    pushRun(length, run);
    i += run;
  }
  limitedLengths(COUNTS, CODE_LENGTH_SYMBOLS, 7, CODE_LENGTHS);
  orderCount = CODE_LENGTH_SYMBOLS;
  while (orderCount > 4 && load<u8>(CODE_LENGTHS + load<u8>(ORDER + orderCount - 1)) == 0) orderCount--;
  let bits = 17 + 3 * orderCount;
  for (let symbol = 0; symbol < CODE_LENGTH_SYMBOLS; symbol++) {
    bits += load<i32>(COUNTS + 4 * symbol) * (<i32>load<u8>(CODE_LENGTHS + symbol) + <i32>load<u8>(EXTRA + symbol));
  }
  return bits;
}

function countUsed(lengths: usize, symbols: i32, least: i32): i32 {
  let count = symbols;
  while (count > least && load<u8>(lengths + count - 1) == 0) count--;
  return count;
}

function pushRun(length: i32, run: i32): void {
  if (length == 0) {
    if (run >= 11) push(18, run - 11);
    else if (run >= 3) push(17, run - 3);
    else for (; run > 0; run--) push(0, 0);
    return;
  }
  push(length, 0);
  for (run--; run >= 3; ) {
    const repeat = min(run, 6);
    push(16, repeat - 3);
    run -= repeat;
  }
  for (; run > 0; run--) push(length, 0);
}

function push(symbol: i32, repeat: i32): void {
  store<u8>(SYMBOLS + pushed, symbol);
  store<u8>(REPEATS + pushed++, repeat);
  store<i32>(COUNTS + 4 * symbol, load<i32>(COUNTS + 4 * symbol) + 1);
}

/** Writes the header that was planned last. */
export function writeCodeHeader(): void {
  putBits(litlenCount - 257, 5);
  putBits(distanceCount - 1, 5);
  putBits(orderCount - 4, 4);
  for (let i = 0; i < orderCount; i++) putBits(load<u8>(CODE_LENGTHS + load<u8>(ORDER + i)), 3);
  canonicalCodes(CODE_LENGTHS, CODE_LENGTH_SYMBOLS, CODES);
  for (let i = 0; i < pushed; i++) {
    const symbol = <i32>load<u8>(SYMBOLS + i);
    const code = load<u32>(CODES + 4 * symbol);
    putBits(code & 0xffff, code >>> 16);
    putBits(load<u8>(REPEATS + i), load<u8>(EXTRA + symbol));
  }
}
