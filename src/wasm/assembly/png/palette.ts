// The colours of a picture, and the indices of one that has them already.

import {
  bandCount,
  CHUNK,
  COLOUR_SLOTS,
  COLOURS,
  indicesAt,
  maskAt,
  pictureHeight,
  pictureWidth,
  planeAt,
  USED,
} from './memory';
import { isEvenly, joinHigh, joinLow } from './rows';

const HASH_BITS: i32 = 10;
const SLOTS: u32 = 1 << HASH_BITS;
/** Every so many rows one is looked at before all others: a picture of many colours shows them there. */
const SAMPLED_ROW: i32 = 16;

/** The index of each grey value of a picture of grey values alone; `NONE` = not found yet. */
const GREY_INDICES: usize = memory.data(256, 16);
const NONE: u32 = 255;

let found: i32 = 0;

/**
 * Finds the colours of a picture of 8 bits and the index of each pixel; all pixels of mask 0 are one colour.
 *
 * @returns their number, or 0 as soon as there are more than `limit` (at most 256), which in a photograph is after a row
 */
export function countColours(limit: i32): i32 {
  const width = pictureWidth();
  const height = pictureHeight();
  memory.fill(COLOUR_SLOTS, 0, 8 * SLOTS);
  found = 0;
  if (limit < 255 && bandCount() == 1 && isEvenly(maskAt(), width * height, 255)) return countGreys(limit);
  for (let row = SAMPLED_ROW >> 1; row < height; row += SAMPLED_ROW) {
    if (!countAmong(row * width, (row + 1) * width, limit)) return 0;
  }
  return countAmong(0, width * height, limit) ? found : 0;
}

/** Counts the colours of the pixels `from … to`; false if there are too many. */
function countAmong(from: i32, to: i32, limit: i32): bool {
  const red = planeAt(0);
  const green = planeAt(bandCount() == 1 ? 0 : 1);
  const blue = planeAt(bandCount() == 1 ? 0 : 2);
  const alpha = maskAt();
  const indices = indicesAt();
  const zero = i8x16.splat(0);
  let index = 0;
  for (let i = from; i < to; i += 16) {
    const r = v128.load(red + i);
    const g = v128.load(green + i);
    const b = v128.load(blue + i);
    const a = v128.load(alpha + i);
    if (i > from && !isChange(r, red + i, g, green + i, b, blue + i, a, alpha + i)) {
      // Most pixels of a picture of few colours are like the one before.
      v128.store(indices + i, i8x16.splat(<i8>index));
      continue;
    }
    const seen = i8x16.ne(a, zero);
    const abLow = joinLow(a, v128.and(b, seen));
    const abHigh = joinHigh(a, v128.and(b, seen));
    const grLow = joinLow(v128.and(g, seen), v128.and(r, seen));
    const grHigh = joinHigh(v128.and(g, seen), v128.and(r, seen));
    v128.store(CHUNK, i8x16.shuffle(abLow, grLow, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23));
    v128.store(CHUNK, i8x16.shuffle(abLow, grLow, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31), 16);
    v128.store(CHUNK, i8x16.shuffle(abHigh, grHigh, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23), 32);
    v128.store(CHUNK, i8x16.shuffle(abHigh, grHigh, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31), 48);
    const count = min(16, to - i);
    for (let n = 0; n < count; n++) {
      const colour = load<u32>(CHUNK + (n << 2));
      const entry = load<u64>(COLOUR_SLOTS + (((colour * 0x9e3779b1) >>> (32 - HASH_BITS)) << 3));
      index = <i32>(entry >> 32) - 1;
      if (<u32>entry != colour || index < 0) {
        index = findOrAdd(colour, limit);
        if (index < 0) return false;
      }
      store<u8>(indices + i + n, index);
    }
  }
  return true;
}

/** The same of an opaque grey picture, where a value is the place in a table of indices. */
function countGreys(limit: i32): i32 {
  memory.fill(GREY_INDICES, <u8>NONE, 256);
  const width = pictureWidth();
  const height = pictureHeight();
  for (let row = SAMPLED_ROW >> 1; row < height; row += SAMPLED_ROW) {
    if (!countGreysAmong(row * width, (row + 1) * width, limit)) return 0;
  }
  return countGreysAmong(0, width * height, limit) ? found : 0;
}

function countGreysAmong(from: i32, to: i32, limit: i32): bool {
  const greys = planeAt(0);
  const indices = indicesAt();
  for (let i = from; i < to; i++) {
    const grey = <u32>load<u8>(greys + i);
    let index = <u32>load<u8>(GREY_INDICES + grey);
    if (index == NONE) {
      if (found == limit) return false;
      store<u32>(COLOURS + 4 * found, (grey * 0x01010100) | 255);
      index = found++;
      store<u8>(GREY_INDICES + grey, index);
    }
    store<u8>(indices + i, index);
  }
  return true;
}

/** Colour and index + 1 are in a slot, colour lowest, or 0; gives -1 where there is no room for another colour. */
function findOrAdd(colour: u32, limit: i32): i32 {
  let slot: u32 = (colour * 0x9e3779b1) >>> (32 - HASH_BITS);
  for (let entry: u64 = load<u64>(COLOUR_SLOTS + (slot << 3)); entry != 0; ) {
    if (<u32>entry == colour) return <i32>(entry >> 32) - 1;
    slot = (slot + 1) & (SLOTS - 1);
    entry = load<u64>(COLOUR_SLOTS + (slot << 3));
  }
  if (found == limit) return -1;
  store<u32>(COLOURS + 4 * found, colour);
  store<u64>(COLOUR_SLOTS + (slot << 3), ((<u64>(found + 1)) << 32) | (<u64>colour));
  return found++;
}

/** True if any of 16 pixels is not like the one to its left. */
@inline
function isChange(r: v128, red: usize, g: v128, green: usize, b: v128, blue: usize, a: v128, alpha: usize): bool {
  const rg = v128.or(v128.xor(r, v128.load(red - 1)), v128.xor(g, v128.load(green - 1)));
  const ba = v128.or(v128.xor(b, v128.load(blue - 1)), v128.xor(a, v128.load(alpha - 1)));
  return v128.any_true(v128.or(rg, ba));
}

/** Marks the indices that occur, those under mask 0 apart from the others. */
export function findUsed(): void {
  memory.fill(USED, 0, 2 * 256);
  const indices = indicesAt();
  const mask = maskAt();
  const pixels = pictureWidth() * pictureHeight();
  for (let i = 0; i < pixels; i++) {
    store<u8>(USED + (i32(load<u8>(mask + i) == 0) << 8) + load<u8>(indices + i), 1);
  }
}

/** Gives all pixels under mask 0 this index. */
export function hideMasked(index: i32): void {
  const indices = indicesAt();
  const mask = maskAt();
  const pixels = pictureWidth() * pictureHeight();
  const hidden = i8x16.splat(<i8>index);
  const zero = i8x16.splat(0);
  for (let i = 0; i < pixels; i += 16) {
    const isHidden = i8x16.eq(v128.load(mask + i), zero);
    v128.store(indices + i, v128.bitselect(hidden, v128.load(indices + i), isHidden));
  }
}
