import { carefulPixel } from './bilinear-exact';
import { mapLine, place } from './position';
import { requireOpaque } from './opaque';
import { finish, lower, upper } from './pixels';
import { FLOAT_ERROR, ROUNDER, ROUNDER_BITS } from './rounding';
import {
  fractionXs,
  fractionYs,
  isRounded,
  offsets,
  peak,
  results,
  stride,
  weightRow,
  weights,
  width,
  windowAt,
} from './state';

/**
 * The most by which a fast value may be off, in parts of the peak: the absolute weights sum up to at most 1.25 along an
 * axis, and each product goes through at most 10 roundings: 15.7 in all, and some for good measure.
 */
const CUBIC_ERROR: f32 = 20 * FLOAT_ERROR;

/** One line of 4 × 4 cubic convolution into `results`; gives the number of valid pixels. */
export function cubicLine(line: i32): i32 {
  mapLine(line);
  place(1, 4, false);
  requireOpaque(4);
  return isRounded ? fastLine() : exactLine();
}

function fastLine(): i32 {
  fillWeights(fractionXs, weights);
  fillWeights(fractionYs, weights + weightRow * 4);
  const pitch = <usize>stride * 16;
  const limit = f32x4.splat(<f32>0.5 - CUBIC_ERROR * peak);
  const rounder = f32x4.splat(ROUNDER);
  const bits = i32x4.splat(ROUNDER_BITS);
  const firstRow = weights;
  const nextRow = weightRow;
  const window = windowAt;
  const found = offsets;
  const to = results;
  const last = <usize>width;
  let valid = 0;
  for (let i: usize = 0; i < last; i++) {
    const offset = load<i32>(found + i * 4);
    if (offset < 0) {
      valid += carefulPixel(<i32>i);
      continue;
    }
    valid++;
    const at = window + <usize>offset * 16;
    let weight = firstRow + i * 4;
    const w0 = v128.load_splat<f32>(weight);
    const w1 = v128.load_splat<f32>((weight += nextRow));
    const w2 = v128.load_splat<f32>((weight += nextRow));
    const w3 = v128.load_splat<f32>((weight += nextRow));
    let pixel = at;
    let sum = f32x4.mul(lineOf(pixel, w0, w1, w2, w3), v128.load_splat<f32>((weight += nextRow)));
    sum = f32x4.add(sum, f32x4.mul(lineOf((pixel += pitch), w0, w1, w2, w3), v128.load_splat<f32>((weight += nextRow))));
    sum = f32x4.add(sum, f32x4.mul(lineOf((pixel += pitch), w0, w1, w2, w3), v128.load_splat<f32>((weight += nextRow))));
    sum = f32x4.add(sum, f32x4.mul(lineOf((pixel += pitch), w0, w1, w2, w3), v128.load_splat<f32>((weight += nextRow))));
    const raised = f32x4.add(sum, rounder);
    const rest = f32x4.abs(f32x4.sub(sum, f32x4.sub(raised, rounder)));
    if (i32x4.bitmask(f32x4.gt(rest, limit)) == 0) v128.store(to + i * 16, i32x4.sub(raised, bits));
    else exactPixel(i, at, pitch, true);
  }
  return valid;
}

@inline
function lineOf(pixel: usize, w0: v128, w1: v128, w2: v128, w3: v128): v128 {
  return f32x4.add(
    f32x4.add(f32x4.mul(v128.load(pixel), w0), f32x4.mul(v128.load(pixel, 16), w1)),
    f32x4.add(f32x4.mul(v128.load(pixel, 32), w2), f32x4.mul(v128.load(pixel, 48), w3)),
  );
}

/** Keys' cubic at the four pixels around each position: four rows of weights from one of fractions. */
function fillWeights(fractions: usize, rows: usize): void {
  for (let at: usize = 0; at < <usize>width * 4; at += 8) {
    const f = v128.load(fractions + at * 2);
    storeNarrow(rows + at, far(f64x2.add(f64x2.splat(1), f)));
    storeNarrow(rows + weightRow + at, near(f));
    storeNarrow(rows + weightRow * 2 + at, near(f64x2.sub(f64x2.splat(1), f)));
    storeNarrow(rows + weightRow * 3 + at, far(f64x2.sub(f64x2.splat(2), f)));
  }
}

@inline
function storeNarrow(at: usize, values: v128): void {
  v128.store_lane<i64>(at, f32x4.demote_f64x2_zero(values), 0);
}

/** Keys' cubic at a distance of up to 1. */
@inline
export function near(d: v128): v128 {
  const slope = f64x2.sub(f64x2.mul(f64x2.splat(1.5), d), f64x2.splat(2.5));
  return f64x2.add(f64x2.mul(f64x2.mul(d, d), slope), f64x2.splat(1));
}

/** Keys' cubic at a distance of 1 to 2. */
@inline
export function far(d: v128): v128 {
  const slope = f64x2.add(f64x2.mul(f64x2.splat(-0.5), d), f64x2.splat(2.5));
  const curve = f64x2.mul(f64x2.mul(d, d), slope);
  return f64x2.add(f64x2.sub(curve, f64x2.mul(f64x2.splat(4), d)), f64x2.splat(2));
}

function exactLine(): i32 {
  const pitch = <usize>stride * 16;
  let valid = 0;
  for (let i: usize = 0; i < <usize>width; i++) {
    const offset = load<i32>(offsets + i * 4);
    if (offset < 0) {
      valid += carefulPixel(<i32>i);
      continue;
    }
    valid++;
    exactPixel(i, windowAt + <usize>offset * 16, pitch, false);
  }
  return valid;
}

/** A pixel between sixteen opaque ones, in 64-bit floats. */
@inline
function exactPixel(i: usize, at: usize, pitch: usize, round: bool): void {
  // Along x in the low half, along y in the high one.
  const f = v128.load_lane<f64>(fractionYs + i * 8, v128.load_splat<f64>(fractionXs + i * 8), 1);
  const weight0 = far(f64x2.add(f64x2.splat(1), f));
  const weight1 = near(f);
  const weight2 = near(f64x2.sub(f64x2.splat(1), f));
  const weight3 = far(f64x2.sub(f64x2.splat(2), f));
  const w0 = v128.shuffle<i64>(weight0, weight0, 0, 0);
  const w1 = v128.shuffle<i64>(weight1, weight1, 0, 0);
  const w2 = v128.shuffle<i64>(weight2, weight2, 0, 0);
  const w3 = v128.shuffle<i64>(weight3, weight3, 0, 0);
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (let l = 0, pixel = at; l < 4; l++, pixel += pitch) {
    const weight = l < 2 ? (l == 0 ? weight0 : weight1) : l == 2 ? weight2 : weight3;
    const h = v128.shuffle<i64>(weight, weight, 1, 1);
    const lineLow = exactSum(lower(pixel), lower(pixel + 16), lower(pixel + 32), lower(pixel + 48), w0, w1, w2, w3);
    const lineHigh = exactSum(upper(pixel), upper(pixel + 16), upper(pixel + 32), upper(pixel + 48), w0, w1, w2, w3);
    low = f64x2.add(low, f64x2.mul(lineLow, h));
    high = f64x2.add(high, f64x2.mul(lineHigh, h));
  }
  const to = results + i * 16;
  v128.store(to, finish(low, high, round));
  if (!round) store<f32>(to, 255, 12);
}

@inline
function exactSum(a: v128, b: v128, c: v128, d: v128, w0: v128, w1: v128, w2: v128, w3: v128): v128 {
  const first = f64x2.add(f64x2.mul(a, w0), f64x2.mul(b, w1));
  return f64x2.add(f64x2.add(first, f64x2.mul(c, w2)), f64x2.mul(d, w3));
}
