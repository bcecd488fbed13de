// Samples between bands, which callers have, and pixels of four 32-bit numbers, on which kernels work.
import { peak, results, setPeak, width } from './state';

/** Four samples as floats; every value of up to 16 bits is exact. */
@inline
function loadFour<T>(at: usize): v128 {
  if (isFloat<T>()) return v128.load(at);
  if (sizeof<T>() == 2) return f32x4.convert_i32x4_s(v128.load_ext<T>(at));
  const bytes = v128.load_zero<u32>(at);
  return isSigned<T>()
    ? f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(bytes)))
    : f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes)));
}

/**
 * Makes pixels of `count` samples of three bands and their mask, four at a time: up to three more are read and written
 * than there are. A sample under mask 0, which may be NaN, becomes 0.
 */
@inline
export function interleave<T>(band0: usize, band1: usize, band2: usize, mask: usize, count: i32, to: usize): void {
  const zero = f32x4.splat(0);
  let most = f32x4.splat(peak);
  for (let i: usize = 0; i < <usize>count; i += 4) {
    const at = i * sizeof<T>();
    const m = loadFour<u8>(mask + i);
    const valid = f32x4.gt(m, zero);
    const a = v128.and(loadFour<T>(band0 + at), valid);
    const b = v128.and(loadFour<T>(band1 + at), valid);
    const c = v128.and(loadFour<T>(band2 + at), valid);
    if (!isFloat<T>()) {
      most = f32x4.pmax(most, f32x4.pmax(f32x4.abs(a), f32x4.pmax(f32x4.abs(b), f32x4.abs(c))));
    }
    const low0 = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
    const low1 = v128.shuffle<i32>(c, m, 0, 4, 1, 5);
    const high0 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
    const high1 = v128.shuffle<i32>(c, m, 2, 6, 3, 7);
    const pixel = to + i * 16;
    v128.store(pixel, v128.shuffle<i64>(low0, low1, 0, 2));
    v128.store(pixel, v128.shuffle<i64>(low0, low1, 1, 3), 16);
    v128.store(pixel, v128.shuffle<i64>(high0, high1, 0, 2), 32);
    v128.store(pixel, v128.shuffle<i64>(high0, high1, 1, 3), 48);
  }
  const first = max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1));
  setPeak(max(first, max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3))));
}

/** Clamps four whole numbers to a type and writes them. */
@inline
function storeFour<T>(at: usize, values: v128): void {
  if (sizeof<T>() == 4) {
    v128.store(at, values);
    return;
  }
  if (sizeof<T>() == 2) {
    const words = isSigned<T>() ? i16x8.narrow_i32x4_s(values, values) : i16x8.narrow_i32x4_u(values, values);
    v128.store_lane<i64>(at, words, 0);
    return;
  }
  const words = i16x8.narrow_i32x4_s(values, values);
  const bytes = isSigned<T>() ? i8x16.narrow_i16x8_s(words, words) : i8x16.narrow_i16x8_u(words, words);
  v128.store_lane<i32>(at, bytes, 0);
}

/** Writes `results` as samples of three bands (0: none) and their mask, four at a time. */
@inline
export function separate<T>(band0: usize, band1: usize, band2: usize, mask: usize): void {
  const from = results;
  for (let i: usize = 0, last = <usize>width; i < last; i += 4) {
    const pixel = from + i * 16;
    const p0 = v128.load(pixel);
    const p1 = v128.load(pixel, 16);
    const p2 = v128.load(pixel, 32);
    const p3 = v128.load(pixel, 48);
    const low0 = v128.shuffle<i32>(p0, p1, 0, 4, 1, 5);
    const low1 = v128.shuffle<i32>(p2, p3, 0, 4, 1, 5);
    const high0 = v128.shuffle<i32>(p0, p1, 2, 6, 3, 7);
    const high1 = v128.shuffle<i32>(p2, p3, 2, 6, 3, 7);
    const at = i * sizeof<T>();
    storeFour<T>(band0 + at, v128.shuffle<i64>(low0, low1, 0, 2));
    if (band1 != 0) storeFour<T>(band1 + at, v128.shuffle<i64>(low0, low1, 1, 3));
    if (band2 != 0) storeFour<T>(band2 + at, v128.shuffle<i64>(high0, high1, 0, 2));
    const opacity = v128.shuffle<i64>(high0, high1, 1, 3);
    storeFour<u8>(mask + i, isFloat<T>() ? i32x4.trunc_sat_f32x4_s(opacity) : opacity);
  }
}

// The pixels of exact ways are two pairs of 64-bit floats.

@inline
export function lower(pixel: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load_zero<u64>(pixel));
}

@inline
export function upper(pixel: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load_zero<u64>(pixel, 8));
}

/** A pixel of results: rounded half up for integers. */
@inline
export function finish(low: v128, high: v128, round: bool): v128 {
  if (!round) {
    return v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
  }
  const half = f64x2.splat(0.5);
  return v128.shuffle<i64>(
    i32x4.trunc_sat_f64x2_s_zero(f64x2.floor(f64x2.add(low, half))),
    i32x4.trunc_sat_f64x2_s_zero(f64x2.floor(f64x2.add(high, half))),
    0,
    2,
  );
}
