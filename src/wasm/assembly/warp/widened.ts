import { far, near } from './cubic';
import { mapLine, placeNearest } from './position';
import { finish, lower, upper } from './pixels';
import { FLOAT_ERROR, ROUNDER, ROUNDER_BITS } from './rounding';
import {
  isFull,
  isPartial,
  isRounded,
  lines,
  maskAt,
  offsets,
  originX,
  originY,
  peak,
  results,
  stride,
  width,
  windowAt,
  xs,
  ys,
} from './state';

// The kernel: bilinear or cubic, how many destination pixels there are per source pixel (at most 1), and which source
// pixels it reaches, counted from the one at or left of a position less a half.
let isCubic: bool = false;
let scaleX: f64 = 1;
let scaleY: f64 = 1;
let fromX: i32 = 0;
let toX: i32 = 0;
let fromY: i32 = 0;
let toY: i32 = 0;
// The weights of the pixel in work: 64-bit floats, and behind them the same as 32-bit floats.
let columnWeights: usize = 0;
let columnFloats: usize = 0;
let lineWeights: usize = 0;
let lineFloats: usize = 0;

/** Tells of the kernel; its weights go to `at`, where it takes `widenedBytes`. */
export function setWidened(cubic: bool, x: f64, y: f64, left: i32, right: i32, top: i32, bottom: i32, at: usize): void {
  isCubic = cubic;
  scaleX = x;
  scaleY = y;
  fromX = left;
  toX = right;
  fromY = top;
  toY = bottom;
  columnWeights = at;
  columnFloats = columnWeights + entries(stride, right - left) * 8;
  lineWeights = columnFloats + entries(stride, right - left) * 4;
  lineFloats = lineWeights + entries(lines, bottom - top) * 8;
}

/** Bytes of weights of a kernel of so many columns and lines over a window of `stride × height` pixels. */
export function widenedBytes(windowWidth: i32, windowHeight: i32, reachX: i32, reachY: i32): i32 {
  return <i32>(entries(windowWidth, reachX) + entries(windowHeight, reachY)) * 12;
}

/** Weights along an axis, a vector more for good measure. */
function entries(size: i32, reach: i32): usize {
  return <usize>(min(size, reach + 1) + 8) & ~3;
}

// Set by `weigh`: the first source pixel in the window, how many there are, and the sum of the absolute weights.
let first: i32 = 0;
let count: i32 = 0;
let absolute: f64 = 0;

/** The weights of the source pixels around a position, those of the window alone. */
function weigh(
  position: f64,
  origin: i32,
  size: i32,
  scale: f64,
  reachFrom: i32,
  reachTo: i32,
  weights: usize,
  floats: usize,
): void {
  const floored = floor(position);
  const base = <i32>floored;
  const from = max(reachFrom, origin - base);
  const to = min(reachTo, origin + size - 1 - base);
  first = base - origin + from;
  count = to - from + 1;
  const fraction = f64x2.splat(position - floored);
  const step = f64x2.splat(scale);
  const one = f64x2.splat(1);
  let k = f64x2.add(f64x2.splat(<f64>from), f64x2(0, 1));
  let sum = f64x2.splat(0);
  for (let i: usize = 0; <i32>i < count; i += 2) {
    const d = f64x2.abs(f64x2.mul(f64x2.sub(k, fraction), step));
    let weight: v128;
    if (isCubic) {
      const outer = v128.and(far(d), f64x2.le(d, f64x2.splat(2)));
      weight = v128.bitselect(near(d), outer, f64x2.le(d, one));
    } else {
      weight = v128.and(f64x2.sub(one, d), f64x2.le(d, one));
    }
    v128.store(weights + i * 8, weight);
    v128.store_lane<i64>(floats + i * 4, f32x4.demote_f64x2_zero(weight), 0);
    sum = f64x2.add(sum, f64x2.abs(weight));
    k = f64x2.add(k, f64x2.splat(2));
  }
  absolute = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** One line of a kernel stretched to the size of a destination pixel; gives the number of valid pixels. */
export function widenedLine(line: i32): i32 {
  mapLine(line);
  const valid = placeNearest();
  const isFast = isRounded && !isPartial;
  for (let i: usize = 0; i < <usize>width; i++) {
    const to = results + i * 16;
    v128.store(to, i32x4.splat(0));
    if (load<i32>(offsets + i * 4) < 0) continue;
    const x = load<f64>(xs + i * 8) - 0.5;
    const y = load<f64>(ys + i * 8) - 0.5;
    weigh(x, <i32>originX, stride, scaleX, fromX, toX, columnWeights, columnFloats);
    const col = first;
    const columns = count;
    const weightX = absolute;
    weigh(y, <i32>originY, lines, scaleY, fromY, toY, lineWeights, lineFloats);
    if (columns <= 0 || count <= 0) continue;
    const offset = first * stride + col;
    if (isFast && fastPixel(to, offset, columns, count, <f32>(weightX * absolute))) continue;
    exactPixel(to, offset, columns, count);
  }
  return valid;
}

/**
 * Divides by what the mask, 255 or 0, sums up to, so that invalid pixels have no weight; `weight` is the sum of the
 * absolute weights. False if the exact value might be rounded to another one.
 */
@inline
function fastPixel(to: usize, offset: i32, columns: i32, rows: i32, weight: f32): bool {
  const pitch = <usize>stride * 16;
  const bytes = <usize>columns * 4;
  let start = windowAt + <usize>offset * 16;
  let sum = f32x4.splat(0);
  for (let l: usize = 0; l < <usize>rows; l++, start += pitch) {
    let line = f32x4.mul(v128.load(start), v128.load_splat<f32>(columnFloats));
    for (let c: usize = 4; c < bytes; c += 4) {
      line = f32x4.add(line, f32x4.mul(v128.load(start + c * 4), v128.load_splat<f32>(columnFloats + c)));
    }
    sum = f32x4.add(sum, f32x4.mul(line, v128.load_splat<f32>(lineFloats + l * 4)));
  }
  const total = f32x4.extract_lane(sum, 3) * <f32>(1 / 255);
  if (!(total > weight * <f32>0.1 && total > <f32>1e-3)) return false;
  const value = f32x4.div(sum, f32x4.splat(total));
  const raised = f32x4.add(value, f32x4.splat(ROUNDER));
  const rest = f32x4.abs(f32x4.sub(value, f32x4.sub(raised, f32x4.splat(ROUNDER))));
  // Each sample and its weight go through as many additions as there are others on its line, and lines. Numerator and
  // denominator are off in proportion to the absolute weights, by which the value may exceed the peak as well.
  const share = weight / total;
  const limit = <f32>0.5 - <f32>(columns + rows + 8) * 2 * FLOAT_ERROR * peak * share * share;
  if (!(limit > 0) || i32x4.bitmask(f32x4.ge(rest, f32x4.splat(limit))) != 0) return false;
  v128.store(to, i32x4.sub(raised, i32x4.splat(ROUNDER_BITS)));
  return true;
}

/** In 64-bit floats. */
function exactPixel(to: usize, offset: i32, columns: i32, rows: i32): void {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  let total: f64 = 0;
  for (let l = 0; l < rows; l++, offset += stride) {
    let lineLow = f64x2.splat(0);
    let lineHigh = f64x2.splat(0);
    let line: f64 = 0;
    for (let c = 0; c < columns; c++) {
      if (!isFull && load<u8>(maskAt + offset + c) == 0) continue;
      const weight = load<f64>(columnWeights + <usize>c * 8);
      const pixel = windowAt + <usize>(offset + c) * 16;
      lineLow = f64x2.add(lineLow, f64x2.mul(lower(pixel), f64x2.splat(weight)));
      lineHigh = f64x2.add(lineHigh, f64x2.mul(upper(pixel), f64x2.splat(weight)));
      line += weight;
    }
    const weight = load<f64>(lineWeights + <usize>l * 8);
    low = f64x2.add(low, f64x2.mul(lineLow, f64x2.splat(weight)));
    high = f64x2.add(high, f64x2.mul(lineHigh, f64x2.splat(weight)));
    total += line * weight;
  }
  if (total < 1e-6) return;
  low = f64x2.div(low, f64x2.splat(total));
  high = f64x2.div(high, f64x2.splat(total));
  v128.store(to, finish(low, high, isRounded));
  const opacity = min(max(floor(f64x2.extract_lane(high, 1) + 0.5), 0), 255);
  if (isRounded) store<i32>(to, <i32>opacity, 12);
  else store<f32>(to, <f32>opacity, 12);
}
