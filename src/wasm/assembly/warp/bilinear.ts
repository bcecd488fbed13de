import { forgetColumns, fractionY, loseColumns, rowBetween } from './columns';
import { mapLine, locate, place, requireOpaque2 } from './position';
import { finish, lower, upper } from './pixels';
import {
  cornerRow,
  corners,
  fractionXs,
  fractionYs,
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

/** Added to a float of less than 2^22, it rounds that to a whole number and leaves it in the low bits. */
export const ROUNDER: f32 = 12582912;
export const ROUNDER_BITS: i32 = 0x4b400000;

/** Rounding a 32-bit float changes it by at most this part. */
export const FLOAT_ERROR: f32 = 5.9604644775390625e-8;

/**
 * The most by which a fast value may be off, in parts of the peak: 10 roundings, each of at most half a unit in the last
 * place; two more for good measure. A value farther than this from a half is rounded to what the exact one is.
 */
const BILINEAR_ERROR: f32 = 12 * FLOAT_ERROR;

/** The rows of the window that lie interpolated along x where `corners` are, even ones first; -1 = none. */
let heldEven: i32 = -1;
let heldOdd: i32 = -1;

/** Forgets what is known of the warp before. */
export function beginBilinear(): void {
  forgetColumns();
  heldEven = -1;
  heldOdd = -1;
}

/** One line of 2 × 2 interpolation into `results`; gives the number of valid pixels. */
export function bilinearLine(line: i32): i32 {
  const row = isFull && isRounded ? rowBetween(line) : -1;
  if (row >= 0) return betweenRows(row);
  loseColumns();
  mapLine(line);
  place(0, 2, true);
  requireOpaque2();
  return isRounded ? fastLine() : exactLine();
}

/** A line of which all pixels lie between opaque ones of two rows; each row is interpolated along x once for all lines. */
function betweenRows(row: i32): i32 {
  const upper = alongRow(row);
  const lower = alongRow(row + 1);
  const y = f32x4.splat(<f32>fractionY);
  const limit = f32x4.splat(<f32>0.5 - BILINEAR_ERROR * peak);
  const rounder = f32x4.splat(ROUNDER);
  const bits = i32x4.splat(ROUNDER_BITS);
  const pitch = <usize>stride * 16;
  const from = windowAt + <usize>row * pitch;
  const to = results;
  const last = <usize>width;
  for (let i: usize = 0; i < last; i++) {
    const above = v128.load(upper + i * 16);
    const value = f32x4.add(above, f32x4.mul(f32x4.sub(v128.load(lower + i * 16), above), y));
    const raised = f32x4.add(value, rounder);
    const rest = f32x4.abs(f32x4.sub(value, f32x4.sub(raised, rounder)));
    if (i32x4.bitmask(f32x4.gt(rest, limit)) == 0) v128.store(to + i * 16, i32x4.sub(raised, bits));
    else {
      store<f64>(fractionYs + i * 8, fractionY);
      exactPixel(i, from + <usize>load<u32>(offsets + i * 4), pitch, true);
    }
  }
  return width;
}

/** The pixels of a row of the window at the positions of the columns: where they lie. */
function alongRow(row: i32): usize {
  const isOdd = (row & 1) == 1;
  const to = isOdd ? corners + cornerRow() : corners;
  if ((isOdd ? heldOdd : heldEven) == row) return to;
  if (isOdd) heldOdd = row;
  else heldEven = row;
  const from = windowAt + <usize>row * <usize>stride * 16;
  const weightXs = weights;
  const found = offsets;
  const last = <usize>width;
  for (let i: usize = 0; i < last; i++) {
    const at = from + <usize>load<u32>(found + i * 4);
    const a = v128.load(at);
    const rise = f32x4.mul(f32x4.sub(v128.load(at, 16), a), v128.load_splat<f32>(weightXs + i * 4));
    v128.store(to + i * 16, f32x4.add(a, rise));
  }
  return to;
}

function fastLine(): i32 {
  narrowFractions();
  const pitch = <usize>stride * 16;
  const limit = f32x4.splat(<f32>0.5 - BILINEAR_ERROR * peak);
  const rounder = f32x4.splat(ROUNDER);
  const bits = i32x4.splat(ROUNDER_BITS);
  const weightXs = weights;
  const weightYs = weights + weightRow;
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
    const x = v128.load_splat<f32>(weightXs + i * 4);
    const y = v128.load_splat<f32>(weightYs + i * 4);
    const a = v128.load(at);
    const c = v128.load(at + pitch);
    const above = f32x4.add(a, f32x4.mul(f32x4.sub(v128.load(at, 16), a), x));
    const below = f32x4.add(c, f32x4.mul(f32x4.sub(v128.load(at + pitch, 16), c), x));
    const value = f32x4.add(above, f32x4.mul(f32x4.sub(below, above), y));
    const raised = f32x4.add(value, rounder);
    const rest = f32x4.abs(f32x4.sub(value, f32x4.sub(raised, rounder)));
    if (i32x4.bitmask(f32x4.gt(rest, limit)) == 0) v128.store(to + i * 16, i32x4.sub(raised, bits));
    else exactPixel(i, at, pitch, true);
  }
  return valid;
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

function narrowFractions(): void {
  for (let at: usize = 0; at < <usize>width * 4; at += 8) {
    v128.store_lane<i64>(weights + at, f32x4.demote_f64x2_zero(v128.load(fractionXs + at * 2)), 0);
    v128.store_lane<i64>(weights + weightRow + at, f32x4.demote_f64x2_zero(v128.load(fractionYs + at * 2)), 0);
  }
}

/** A pixel between four opaque ones, in 64-bit floats. */
@inline
function exactPixel(i: usize, at: usize, pitch: usize, round: bool): void {
  const one = f64x2.splat(1);
  const w = f64x2.sub(one, v128.load_splat<f64>(fractionXs + i * 8));
  const h = f64x2.sub(one, v128.load_splat<f64>(fractionYs + i * 8));
  const x = f64x2.sub(one, w);
  const k = f64x2.sub(one, h);
  const down = at + pitch;
  const low = between(lower(at), lower(at + 16), lower(down), lower(down + 16), w, x, h, k);
  const high = between(upper(at), upper(at + 16), upper(down), upper(down + 16), w, x, h, k);
  v128.store(results + i * 16, finish(low, high, round));
}

@inline
function between(a: v128, b: v128, c: v128, d: v128, w: v128, x: v128, h: v128, k: v128): v128 {
  const above = f64x2.add(f64x2.mul(a, w), f64x2.mul(b, x));
  const below = f64x2.add(f64x2.mul(c, w), f64x2.mul(d, x));
  return f64x2.add(f64x2.mul(above, h), f64x2.mul(below, k));
}

/**
 * A pixel at an edge of the window or of the data, or partly transparent: each of the four source pixels is checked.
 * Gives 1 if it is valid, else 0.
 */
export function carefulPixel(i: i32): i32 {
  const to = results + <usize>i * 16;
  if (locate(i) < 0) {
    v128.store(to, i32x4.splat(0));
    return 0;
  }
  const u = load<f64>(xs + <usize>i * 8) - 0.5 - originX;
  const v = load<f64>(ys + <usize>i * 8) - 0.5 - originY;
  const col = <i32>floor(u);
  const line = <i32>floor(v);
  const x = u - <f64>col;
  const y = v - <f64>line;
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  let total: f64 = 0;
  for (let k = 0; k < 4; k++) {
    const c = col + (k & 1);
    const l = line + (k >> 1);
    if (c < 0 || l < 0 || c >= stride || l >= lines) continue;
    const pixel = windowAt + <usize>(l * stride + c) * 16;
    if (load<f32>(pixel, 12) == 0) continue;
    const weight = ((k & 1) == 1 ? x : 1 - x) * (k >> 1 == 1 ? y : 1 - y);
    total += weight;
    low = f64x2.add(low, f64x2.mul(lower(pixel), f64x2.splat(weight)));
    high = f64x2.add(high, f64x2.mul(upper(pixel), f64x2.splat(weight)));
  }
  const all = f64x2.splat(total);
  low = f64x2.div(low, all);
  high = f64x2.div(high, all);
  v128.store(to, finish(low, high, isRounded));
  if (!isRounded) store<f32>(to, <f32>floor(f64x2.extract_lane(high, 1) + 0.5), 12);
  return 1;
}
