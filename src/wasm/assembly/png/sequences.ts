// Where the matchers say what they found: into blocks of deflate as soon as those are long enough, or, of a sample, onto
// the scales.

import { closeByte } from './bits';
import { weigh } from './scales';
import { writeBlock } from './deflate';
import { SEQUENCES } from './memory';
import { MAX_MATCH } from './symbols';

/**
 * A block ends at the first sequence that takes it over so many bytes. Shorter blocks follow the picture better and
 * cost a code of 50 to 100 bytes each. With a run and a match over the mark it is still short enough to be stored.
 */
const BLOCK_BYTES: i32 = 40_000;

/** A run of literals is cut here, so that blocks can end within it. */
const MAX_RUN: i32 = 16_384;

let isSample: bool = false;
let blockAt: usize = 0;
let blockBytes: i32 = 0;
let count: i32 = 0;
let rest: i32 = 0;

/** The next sequences are of `length` bytes at `base`, and are written as blocks; the last of them closes the stream. */
export function beginBlocks(base: usize, length: i32): void {
  isSample = false;
  blockAt = base;
  blockBytes = 0;
  count = 0;
  rest = length;
}

/** The next sequences are of a sample, and are weighed. */
export function beginSample(): void {
  isSample = true;
}

/** Appends literals and the match after them, as `length << 16 | distance`; 0 = none. */
export function pushSequence(run: i32, match: u32): void {
  if (isSample) {
    weigh(run, match);
    return;
  }
  for (; run > MAX_RUN; run -= MAX_RUN) append(MAX_RUN, 0);
  if (run != 0 || match != 0) append(run, match);
}

function append(run: i32, match: u32): void {
  store<i32>(SEQUENCES + 8 * count, run);
  store<u32>(SEQUENCES + 8 * count++, match, 4);
  const bytes = run + (match >>> 16);
  blockBytes += bytes;
  rest -= bytes;
  if (blockBytes < BLOCK_BYTES && rest != 0) return;
  writeBlock(blockAt, blockBytes, count, rest == 0);
  blockAt += blockBytes;
  blockBytes = 0;
  count = 0;
}

/** Closes the stream at a full byte; gives where it ends. */
export function endBlocks(): usize {
  // Rows have at least two bytes, so that the last block was written with the last sequence.
  return closeByte();
}

/** Length of the match at `at`, of which the first four bytes are known to be equal; it ends at `end` at the latest. */
@inline
export function matchLength(at: usize, distance: i32, end: usize): i32 {
  const limit = min(end, at + MAX_MATCH);
  let next = at + 4;
  while (next < limit) {
    const equal = i8x16.bitmask(i8x16.eq(v128.load(next), v128.load(next - distance)));
    if (equal != 0xffff) {
      next += ctz(~equal);
      break;
    }
    next += 16;
  }
  return <i32>(min(next, limit) - at);
}
