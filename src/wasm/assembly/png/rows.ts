// Lays the planes of a picture as rows of pixels, as they lie in the file before they are filtered.

import { bandCount, indicesAt, maskAt, pictureWidth, PLACES, planeAt, sampleBytes } from './memory';

let withAlpha: bool = false;
let indexBits: i32 = 0;
let mostIndices: i32 = 0;

/** The next rows are of the bands, with the mask as alpha where asked. */
export function selectDirect(hasAlpha: bool): void {
  withAlpha = hasAlpha;
  indexBits = 0;
}

/** The next rows are of indices of 1, 2, 4 or 8 bits, each index replaced by its place; all are below `count`. */
export function selectIndices(bits: i32, count: i32): void {
  indexBits = bits;
  mostIndices = count;
}

export function bitsOfIndex(): i32 {
  return indexBits;
}

/** Bytes of one pixel; those that share a byte count as one. */
export function bytesOfPixel(): i32 {
  return indexBits != 0 ? 1 : (bandCount() + i32(withAlpha)) * sampleBytes();
}

/** Bytes of one row without its filter byte. */
export function bytesOfRow(): i32 {
  return indexBits != 0 ? (pictureWidth() * indexBits + 7) >> 3 : pictureWidth() * bytesOfPixel();
}

/** True if all of so many bytes are `value`. */
export function isEvenly(at: usize, length: i32, value: i32): bool {
  const splat = i8x16.splat(<i8>value);
  let i = 0;
  for (; i + 16 <= length; i += 16) {
    if (v128.any_true(v128.xor(v128.load(at + i), splat))) return false;
  }
  for (; i < length; i++) if (load<u8>(at + i) != <u8>value) return false;
  return true;
}

/** Lays one row at `to`, of which up to 64 bytes behind the row are written too. */
export function layRow(row: i32, to: usize): void {
  const width = pictureWidth();
  const from = row * width;
  if (indexBits != 0) layIndices(indicesAt() + from, width, to);
  else if (sampleBytes() == 2) layWide(from, width, to);
  else if (bandCount() == 1) {
    if (withAlpha) layGreyAlpha(planeAt(0) + from, maskAt() + from, width, to);
    else memory.copy(to, planeAt(0) + from, width);
  } else if (withAlpha) layColourAlpha(from, width, to);
  else layColour(planeAt(0) + from, planeAt(1) + from, planeAt(2) + from, width, to);
}

function layColour(reds: usize, greens: usize, blues: usize, width: i32, to: usize): void {
  for (let i = 0; i < width; i += 16, to += 48) {
    const r = v128.load(reds + i);
    const g = v128.load(greens + i);
    const b = v128.load(blues + i);
    const first = i8x16.shuffle(r, g, 0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5);
    v128.store(to, i8x16.shuffle(first, b, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15));
    const second = i8x16.shuffle(r, g, 21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26);
    v128.store(to + 16, i8x16.shuffle(second, b, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15));
    const third = i8x16.shuffle(r, g, 0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0);
    v128.store(to + 32, i8x16.shuffle(third, b, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31));
  }
}

/** What lies under mask 0 becomes 0. */
function layColourAlpha(from: i32, width: i32, to: usize): void {
  const zero = i8x16.splat(0);
  for (let i = from; i < from + width; i += 16, to += 64) {
    const alpha = v128.load(maskAt() + i);
    const seen = i8x16.ne(alpha, zero);
    const r = v128.and(v128.load(planeAt(0) + i), seen);
    const g = v128.and(v128.load(planeAt(1) + i), seen);
    const b = v128.and(v128.load(planeAt(2) + i), seen);
    const rgLow = joinLow(r, g);
    const rgHigh = joinHigh(r, g);
    const baLow = joinLow(b, alpha);
    const baHigh = joinHigh(b, alpha);
    v128.store(to, i8x16.shuffle(rgLow, baLow, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23));
    v128.store(to + 16, i8x16.shuffle(rgLow, baLow, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31));
    v128.store(to + 32, i8x16.shuffle(rgHigh, baHigh, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23));
    v128.store(to + 48, i8x16.shuffle(rgHigh, baHigh, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31));
  }
}

function layGreyAlpha(greys: usize, alphas: usize, width: i32, to: usize): void {
  const zero = i8x16.splat(0);
  for (let i = 0; i < width; i += 16, to += 32) {
    const alpha = v128.load(alphas + i);
    const grey = v128.and(v128.load(greys + i), i8x16.ne(alpha, zero));
    v128.store(to, joinLow(grey, alpha));
    v128.store(to + 16, joinHigh(grey, alpha));
  }
}

@inline
export function joinLow(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

@inline
export function joinHigh(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/** Samples of 16 bits go out highest byte first; a mask of 8 bits takes both bytes of its 16. */
function layWide(from: i32, width: i32, to: usize): void {
  const bands = bandCount();
  const pixelBytes = bytesOfPixel();
  for (let band = 0; band < bands; band++) {
    const plane = planeAt(band);
    for (let i = from, at = to + 2 * band; i < from + width; i++, at += pixelBytes) {
      const value = load<u16>(plane + 2 * i);
      store<u16>(at, bswap<u16>(value));
    }
  }
  if (!withAlpha) return;
  for (let i = from, at = to; i < from + width; i++, at += pixelBytes) {
    const alpha = <i32>load<u8>(maskAt() + i);
    store<u16>(at + 2 * bands, alpha * 257);
    if (alpha == 0) memory.fill(at, 0, 2 * bands);
  }
}

/** Pixels are halved in number as often as it takes: two neighbours become one of twice the bits. */
function layIndices(from: usize, width: i32, to: usize): void {
  if (mostIndices <= 16) {
    const places = v128.load(PLACES);
    for (let i = 0; i < width; i += 16) v128.store(to + i, i8x16.swizzle(places, v128.load(from + i)));
  } else {
    for (let i = 0; i < width; i++) store<u8>(to + i, load<u8>(PLACES + load<u8>(from + i)));
  }
  if (indexBits == 8) return;
  memory.fill(to + width, 0, 32);
  const low = i16x8.splat(255);
  for (let bits = indexBits, count = width; bits < 8; bits <<= 1, count = (count + 1) >> 1) {
    for (let i = 0; i < count; i += 32) {
      const one = joinPairs(v128.load(to + i), bits);
      const two = joinPairs(v128.load(to + i + 16), bits);
      v128.store(to + (i >> 1), i8x16.narrow_i16x8_u(v128.and(one, low), v128.and(two, low)));
    }
    memory.fill(to + ((count + 1) >> 1), 0, 32);
  }
}

@inline
function joinPairs(pairs: v128, bits: i32): v128 {
  return v128.or(i16x8.shl(pairs, bits), i16x8.shr_u(pairs, 8));
}
