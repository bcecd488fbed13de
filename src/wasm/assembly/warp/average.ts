import { narrow, WHOLE } from './position';
import { EPSILON, exactPixel, TOUCH } from './average-exact';
import { cornersOf, placeCorners } from './corners';
import { FLOAT_ERROR, ROUNDER, ROUNDER_BITS } from './rounding';
import {
  fractionXs,
  fractionYs,
  imageHeight,
  imageWidth,
  isFull,
  isRounded,
  lines,
  offsets,
  originX,
  originY,
  peak,
  results,
  stride,
  weightRow,
  weights,
  width,
  windowAt,
  xs,
  ys,
} from './state';

/** One line of means into `results`; gives the number of valid pixels. */
export function averageLine(line: i32): i32 {
  placeCorners(line);
  if (!isRounded) return exactLine();
  placeBoxes();
  return isFull ? fastLine(true) : fastLine(false);
}

/**
 * Along one axis, for each pixel of a row: where its box starts in the window, how much of its first and last source
 * pixel counts, how many there are and the sum of their weights. Pixels without a box start at NaN.
 */
@inline
function placeSpans(
  above: usize,
  below: usize,
  imageSize: f64,
  windowOrigin: f64,
  starts: usize,
  sums: usize,
  firsts: usize,
  lasts: usize,
  counts: usize,
): void {
  const limit = f64x2.splat(imageSize - TOUCH);
  const size = f64x2.splat(imageSize);
  const touch = f64x2.splat(TOUCH);
  const epsilon = f64x2.splat(EPSILON);
  const zero = f64x2.splat(0);
  const one = f64x2.splat(1);
  const two = f64x2.splat(2);
  const origin = f64x2.splat(windowOrigin);
  for (let at: usize = 0; at < <usize>width * 8; at += 16) {
    const a = v128.load(above + at);
    const b = v128.load(below + at, 8);
    // The operands' order decides what becomes of NaN: it stays.
    const least = f64x2.pmin(b, a);
    const most = f64x2.pmax(a, b);
    const hits = v128.and(f64x2.lt(least, limit), f64x2.gt(most, touch));
    const start = f64x2.pmax(f64x2.floor(f64x2.add(least, epsilon)), zero);
    const next = f64x2.add(start, one);
    const end = f64x2.pmax(f64x2.pmin(f64x2.ceil(f64x2.sub(most, epsilon)), size), next);
    // A single pixel counts 1, by its first weight.
    const single = f64x2.eq(end, next);
    const first = f64x2.sub(one, v128.andnot(f64x2.sub(least, start), single));
    const last = v128.andnot(f64x2.sub(one, f64x2.sub(end, most)), single);
    const count = f64x2.sub(end, start);
    const sum = f64x2.add(f64x2.add(first, last), f64x2.pmax(f64x2.sub(count, two), zero));
    v128.store(starts + at, v128.or(f64x2.sub(start, origin), v128.not(hits)));
    v128.store(sums + at, sum);
    const half = at >> 1;
    v128.store_lane<i64>(firsts + half, f32x4.demote_f64x2_zero(first), 0);
    v128.store_lane<i64>(lasts + half, f32x4.demote_f64x2_zero(last), 0);
    v128.store_lane<i64>(counts + half, f32x4.demote_f64x2_zero(count), 0);
  }
}

/**
 * Eight rows of weights: of the first and last columns and lines, the numbers of columns and lines, the inverse of the
 * sum of weights, and how near to a whole number a mean has to be.
 */
function placeBoxes(): void {
  const above = cornersOf(0);
  const below = cornersOf(1);
  const pitch = cornersOf(0, true) - above;
  placeSpans(above, below, imageWidth, originX, fractionXs, xs, row(0), row(1), row(4));
  placeSpans(above + pitch, below + pitch, imageHeight, originY, fractionYs, ys, row(2), row(3), row(5));
  const strides = f64x2.splat(<f64>stride);
  const zero = f64x2.splat(0);
  const one = f32x4.splat(1);
  const least = f32x4.splat(1e-3);
  const half = f32x4.splat(0.5);
  const error = f32x4.splat(FLOAT_ERROR * peak);
  const others = f32x4.splat(8);
  for (let at: usize = 0; at < <usize>width * 4; at += 16) {
    const found0 = v128.or(offsetOf(at * 2, strides), v128.not(insideOf(at * 2, zero)));
    const found1 = v128.or(offsetOf(at * 2 + 16, strides), v128.not(insideOf(at * 2 + 16, zero)));
    v128.store(offsets + at, narrow(found0, found1));
    const total0 = f32x4.demote_f64x2_zero(f64x2.mul(v128.load(xs + at * 2), v128.load(ys + at * 2)));
    const total1 = f32x4.demote_f64x2_zero(f64x2.mul(v128.load(xs + at * 2, 16), v128.load(ys + at * 2, 16)));
    const total = v128.shuffle<i64>(total0, total1, 0, 2);
    v128.store(row(6) + at, f32x4.div(one, total));
    // Each sample goes through as many additions as there are others on its line, and lines.
    const counts = f32x4.add(f32x4.add(v128.load(row(4) + at), v128.load(row(5) + at)), others);
    // Weights that nearly cancel each other out are left to the exact way.
    v128.store(row(7) + at, v128.and(f32x4.sub(half, f32x4.mul(error, counts)), f32x4.gt(total, least)));
  }
}

@inline
function offsetOf(at: usize, strides: v128): v128 {
  const offset = f64x2.add(f64x2.mul(v128.load(fractionYs + at), strides), v128.load(fractionXs + at));
  return f64x2.add(offset, f64x2.splat(WHOLE));
}

@inline
function insideOf(at: usize, zero: v128): v128 {
  return v128.and(f64x2.ge(v128.load(fractionXs + at), zero), f64x2.ge(v128.load(fractionYs + at), zero));
}

@inline
function row(number: usize): usize {
  return weights + weightRow * number;
}

/** The least of each band and of the mask that a box has met; only where not all of the window is opaque. */
let opaque: v128 = f32x4.splat(255);

@inline
function meet(pixel: usize, full: bool): v128 {
  const value = v128.load(pixel);
  if (!full) opaque = f32x4.pmin(opaque, value);
  return value;
}

@inline
function two(pixel: usize, left: v128, right: v128, full: bool): v128 {
  return f32x4.add(f32x4.mul(meet(pixel, full), left), f32x4.mul(meet(pixel + 16, full), right));
}

@inline
function three(pixel: usize, left: v128, right: v128, full: bool): v128 {
  return f32x4.add(two(pixel, left, f32x4.splat(1), full), f32x4.mul(meet(pixel + 32, full), right));
}

/** A line of any number of source pixels, of which the last one lies `inner` bytes behind the first. */
@inline
function more(pixel: usize, inner: usize, left: v128, right: v128, full: bool): v128 {
  const end = pixel + inner;
  let sum = f32x4.mul(meet(pixel, full), left);
  for (let p = pixel + 16; p < end; p += 16) sum = f32x4.add(sum, meet(p, full));
  return f32x4.add(sum, f32x4.mul(meet(end, full), right));
}

@inline
function fastLine(full: bool): i32 {
  const pitch = <usize>stride * 16;
  const rounder = f32x4.splat(ROUNDER);
  const bits = i32x4.splat(ROUNDER_BITS);
  const pixels = stride * lines;
  const columns = stride;
  const window = windowAt;
  const found = offsets;
  const to = results;
  const firstRow = weights;
  const nextRow = weightRow;
  const last = <usize>width;
  let valid = 0;
  for (let i: usize = 0; i < last; i++) {
    const at = firstRow + i * 4;
    const m = <i32>load<f32>(at + nextRow * 4);
    const n = <i32>load<f32>(at + nextRow * 5);
    const offset = load<i32>(found + i * 4);
    const start = window + <usize>offset * 16;
    // Two columns and lines are read even of a single one, for a branch less; memory beyond the window is not.
    if (offset < 0 || offset + (max(n, 2) - 1) * columns + max(m, 2) > pixels) {
      valid += exactPixel(<i32>i);
      continue;
    }
    const left = v128.load_splat<f32>(at);
    const right = v128.load_splat<f32>(at + nextRow);
    const top = v128.load_splat<f32>(at + nextRow * 2);
    const bottom = v128.load_splat<f32>(at + nextRow * 3);
    let sum: v128;
    opaque = f32x4.splat(255);
    if (m <= 2) {
      sum = f32x4.mul(two(start, left, right, full), top);
      let pixel = start + pitch;
      for (let k = 2; k < n; k++, pixel += pitch) sum = f32x4.add(sum, two(pixel, left, right, full));
      sum = f32x4.add(sum, f32x4.mul(two(pixel, left, right, full), bottom));
    } else if (m == 3) {
      sum = f32x4.mul(three(start, left, right, full), top);
      let pixel = start + pitch;
      for (let k = 2; k < n; k++, pixel += pitch) sum = f32x4.add(sum, three(pixel, left, right, full));
      sum = f32x4.add(sum, f32x4.mul(three(pixel, left, right, full), bottom));
    } else {
      const inner = <usize>(m - 1) * 16;
      sum = f32x4.mul(more(start, inner, left, right, full), top);
      let pixel = start + pitch;
      for (let k = 2; k < n; k++, pixel += pitch) sum = f32x4.add(sum, more(pixel, inner, left, right, full));
      sum = f32x4.add(sum, f32x4.mul(more(pixel, inner, left, right, full), bottom));
    }
    const mean = f32x4.mul(sum, v128.load_splat<f32>(at + nextRow * 6));
    const raised = f32x4.add(mean, rounder);
    const rest = f32x4.abs(f32x4.sub(mean, f32x4.sub(raised, rounder)));
    const limit = v128.load_splat<f32>(at + nextRow * 7);
    if (i32x4.bitmask(f32x4.ge(rest, limit)) == 0 && (full || f32x4.extract_lane(opaque, 3) == 255)) {
      v128.store(to + i * 16, i32x4.sub(raised, bits));
      valid++;
    } else {
      valid += exactPixel(<i32>i);
    }
  }
  return valid;
}

function exactLine(): i32 {
  let valid = 0;
  for (let i = 0; i < width; i++) valid += exactPixel(i);
  return valid;
}
