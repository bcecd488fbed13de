// Single pixels of bilinear interpolation, in 64-bit floats.
import { finish, lower, upper } from './pixels';
import { locate } from './position';
import { FLOAT_ERROR } from './rounding';
import {
  fractionXs,
  fractionYs,
  isRounded,
  lines,
  originX,
  originY,
  results,
  stride,
  windowAt,
  xs,
  ys,
} from './state';

/**
 * The most by which a fast value may be off, in parts of the peak: 10 roundings, each of at most half a unit in the last
 * place; two more for good measure. A value farther than this from a half is rounded to what the exact one is.
 */
export const BILINEAR_ERROR: f32 = 12 * FLOAT_ERROR;

/** A pixel between four opaque ones, in 64-bit floats. */
@inline
export function exactPixel(i: usize, at: usize, pitch: usize, round: bool): void {
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
