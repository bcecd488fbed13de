import { HASH_BITS, HEADS } from './memory';
import { matchLength, pushSequence } from './sequences';
import { MAX_DISTANCE, MAX_MATCH } from './symbols';

/**
 * After so many literals in a row (as a power of two) every second byte is looked at, then every third … The steps grow
 * fast, as pictures that were filtered well are mostly literals, and long matches are found late and extended backwards.
 */
const SKIP_SHIFT: i32 = 1;
const MAX_STEP: i32 = 32;
/** A match of this length pays whatever its literals would have cost. */
const SURE_MATCH: i32 = 40;
/** Sixteenths of a bit that a match takes: code of its length, code and extra bits of its distance. */
const NEAR_COST: i32 = 13 * 16;
const FAR_COST: i32 = 25 * 16;
/** What a match must save at least: each takes time, and makes the symbols of all others a little rarer. */
const LEAST_GAIN: i32 = 16;
/** Matches are first tried by their first four bytes and four others, at most this far behind them. */
const MAX_TAIL: i32 = 8;

/**
 * Splits filtered rows into literals and matches, with one look per byte: at the pixel before, at the row above, and at
 * the place where the same four bytes were seen last. The longest is taken if it is shorter than its literals would be
 * in their Huffman code, which short matches in a photograph are not. Noise is skipped over in growing steps, so that a
 * photograph costs little more than its Huffman code; a match found late is extended backwards.
 *
 * @param pixelBytes - of a pixel, and `rowBytes` of a row with its filter byte: the distances at which pictures repeat
 * @param costs - what a literal costs, by value (u32); `meanCost` on average
 */
export function findMatches(
  base: usize,
  length: i32,
  pixelBytes: i32,
  rowBytes: i32,
  costs: usize,
  meanCost: i32,
): void {
  const nearTail = tailOf(NEAR_COST, meanCost);
  const farTail = tailOf(FAR_COST, meanCost);
  // A slot that was not filled stands for the first byte, which is a place like all others.
  memory.fill(HEADS, 0, 4 << HASH_BITS);
  const end = base + length;
  let start = base;
  const last = end - 4 - MAX_TAIL;
  for (let at = base + 1; at <= last; ) {
    const four = load<u32>(at);
    const slot = HEADS + ((<usize>((four * 0x9e3779b1) >>> (32 - HASH_BITS))) << 2);
    const hashed = base + load<u32>(slot);
    store<u32>(slot, <u32>(at - base));
    let found = 0;
    let distance = 0;
    const near = load<u32>(at + nearTail);
    const above = at - rowBytes;
    if (above >= base && load<u32>(above) == four && load<u32>(above + nearTail) == near) {
      found = matchLength(at, rowBytes, end);
      distance = rowBytes;
    }
    const before = at - pixelBytes;
    if (before >= base && load<u32>(before) == four && load<u32>(before + nearTail) == near) {
      const run = matchLength(at, pixelBytes, end);
      if (run >= found) {
        found = run;
        distance = pixelBytes;
      }
    }
    const back = <i32>(at - hashed);
    if (
      back <= MAX_DISTANCE &&
      load<u32>(hashed) == four &&
      load<u32>(hashed + farTail) == load<u32>(at + farTail)
    ) {
      const repeat = matchLength(at, back, end);
      if (repeat > found + 1) {
        found = repeat;
        distance = back;
      }
    }
    if (found != 0) {
      const matchEnd = at + found;
      const first = max(max(start, base + distance), matchEnd - MAX_MATCH);
      let from = at;
      while (from > first && load<u8>(from - 1) == load<u8>(from - 1 - distance)) from--;
      const isNear = distance == pixelBytes || distance == rowBytes;
      if (<i32>(matchEnd - from) >= SURE_MATCH || isShorter(from, matchEnd, isNear ? 0 : distance, costs)) {
        pushSequence(<i32>(from - start), (<u32>(matchEnd - from) << 16) | distance);
        start = matchEnd;
        at = matchEnd;
        continue;
      }
    }
    at += min(MAX_STEP, 1 + (<i32>(at - start) >> SKIP_SHIFT));
  }
  pushSequence(<i32>(end - start), 0);
}

function tailOf(cost: i32, meanCost: i32): i32 {
  return min(MAX_TAIL, max(0, (cost + meanCost - 1) / meanCost - 4));
}

/** True if the literals would take more than the match; `far` is its distance if that is not a usual one. */
function isShorter(from: usize, end: usize, far: i32, costs: usize): bool {
  let gain = far == 0 ? -NEAR_COST : -NEAR_COST - (32 - clz(far)) * 16;
  for (; from < end && gain <= LEAST_GAIN; from++) gain += load<i32>(costs + ((<usize>load<u8>(from)) << 2));
  return gain > LEAST_GAIN;
}
