// What the bytes of a sample would take.

import { COSTS } from './memory';

/** About what a match takes, in sixteenths of a bit. */
const MATCH_COST: u32 = 14 * 16;

/**
 * The first row of each place is there to be matched by the others; it cannot be matched itself, so it counts less. It
 * does count: where rows repeat, all filters do well on the others.
 */
const ROW_WEIGHT: u32 = 8;

let at: usize = 0;
let rowLength: i32 = 0;
let placeLength: i32 = 0;
let inPlace: i32 = 0;
let cost: u32 = 0;

/** The next sequences are of bytes from `base` on, in places of `placeBytes`, the first row of which has `rowBytes`. */
export function beginScales(base: usize, rowBytes: i32, placeBytes: i32): void {
  at = base;
  rowLength = rowBytes;
  placeLength = placeBytes;
  inPlace = 0;
  cost = 0;
}

/** Adds literals and the match after them. */
export function weigh(run: i32, match: u32): void {
  while (run > 0) {
    const isFirst = inPlace < rowLength;
    const length = min(run, (isFirst ? rowLength : placeLength) - inPlace);
    cost += costOf(length) * (isFirst ? 1 : ROW_WEIGHT);
    run -= length;
    inPlace += length;
    if (inPlace == placeLength) inPlace = 0;
  }
  if (match == 0) return;
  cost += MATCH_COST * (inPlace < rowLength ? 1 : ROW_WEIGHT);
  at += match >>> 16;
  inPlace = (inPlace + (match >>> 16)) % placeLength;
}

function costOf(length: i32): u32 {
  const end = at + length;
  let even: u32 = 0;
  let odd: u32 = 0;
  for (; at + 2 <= end; at += 2) {
    even += load<u32>(COSTS + ((<usize>load<u8>(at)) << 2));
    odd += load<u32>(COSTS + ((<usize>load<u8>(at, 1)) << 2));
  }
  for (; at < end; at++) even += load<u32>(COSTS + ((<usize>load<u8>(at)) << 2));
  return even + odd;
}

/** Sixteenths of a bit, times `ROW_WEIGHT`. */
export function weighed(): u32 {
  return cost;
}
