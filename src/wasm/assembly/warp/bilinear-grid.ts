// Lines that a grid maps wholly between opaque pixels: nothing is looked up pixel by pixel.
import { BILINEAR_ERROR, exactPixel } from './bilinear-exact';
import { EDGE } from './columns';
import { mixNodes, narrow, WHOLE } from './position';
import { ROUNDER, ROUNDER_BITS } from './rounding';
import {
  fractionXs,
  fractionYs,
  lines,
  offsets,
  originX,
  originY,
  peak,
  results,
  step,
  stride,
  weightRow,
  weights,
  width,
  windowAt,
  xs,
  ys,
} from './state';

/** Cells of fewer pixels are not placed four at a time. */
const LEAST_STEP: i32 = 4;

/** What dividing by the step is the same as multiplying by: grids have powers of two. */
let inverse: f64 = 0;

/**
 * Fills `offsets` and, with how far positions are from the pixel centres before them, two rows of `weights`: false if a
 * position of the line does not lie between four pixels of the window. `xs` and `ys` hold the nodes of the line then.
 */
export function placeInGrid(line: i32): bool {
  if (step < LEAST_STEP || (step & (step - 1)) != 0) return false;
  inverse = 1 / <f64>step;
  mixNodes(line, xs, ys);
  if (!isWithin(xs, originX, stride) || !isWithin(ys, originY, lines)) return false;
  const half = f64x2.splat(0.5);
  const shiftX = f64x2.splat(originX);
  const shiftY = f64x2.splat(originY);
  const pitch = f64x2.splat(<f64>stride);
  const whole = f64x2.splat(WHOLE);
  const found = offsets;
  const weightXs = weights;
  const weightYs = weights + weightRow;
  for (let i = 0, node: usize = 0; i < width; i += step, node += 8) {
    const startX = v128.load_splat<f64>(xs + node);
    const startY = v128.load_splat<f64>(ys + node);
    const dx = f64x2.splat(slopeAt(xs + node));
    const dy = f64x2.splat(slopeAt(ys + node));
    let k = f64x2(0, 1);
    const end = <usize>(i + step) * 4;
    for (let at = <usize>i * 4; at < end; at += 16) {
      const next = f64x2.add(k, f64x2.splat(2));
      const x0 = f64x2.sub(f64x2.sub(f64x2.add(startX, f64x2.mul(dx, k)), half), shiftX);
      const x1 = f64x2.sub(f64x2.sub(f64x2.add(startX, f64x2.mul(dx, next)), half), shiftX);
      const y0 = f64x2.sub(f64x2.sub(f64x2.add(startY, f64x2.mul(dy, k)), half), shiftY);
      const y1 = f64x2.sub(f64x2.sub(f64x2.add(startY, f64x2.mul(dy, next)), half), shiftY);
      const column0 = f64x2.floor(x0);
      const column1 = f64x2.floor(x1);
      const row0 = f64x2.floor(y0);
      const row1 = f64x2.floor(y1);
      v128.store(weightXs + at, demote(f64x2.sub(x0, column0), f64x2.sub(x1, column1)));
      v128.store(weightYs + at, demote(f64x2.sub(y0, row0), f64x2.sub(y1, row1)));
      const offset0 = f64x2.add(f64x2.add(f64x2.mul(row0, pitch), column0), whole);
      const offset1 = f64x2.add(f64x2.add(f64x2.mul(row1, pitch), column1), whole);
      v128.store(found + at, narrow(offset0, offset1));
      k = f64x2.add(next, f64x2.splat(2));
    }
  }
  return true;
}

/**
 * Whether the positions of a line lie between two pixels each, along one axis: within a cell they lie between those of its
 * two nodes, but for rounding, and the last node may lie behind the last pixel.
 */
function isWithin(nodes: usize, origin: f64, size: i32): bool {
  const least = origin + 0.5 + EDGE;
  const most = origin + <f64>size - 0.5 - EDGE;
  const lastCell = (width - 1) / step;
  const end = nodes + <usize>lastCell * 8;
  const lastPixel = load<f64>(end) + slopeAt(end) * <f64>(width - 1 - lastCell * step);
  // Also false for NaN.
  let inside = i32(lastPixel >= least) & i32(lastPixel < most);
  for (let at = nodes; at <= end; at += 8) {
    const position = load<f64>(at);
    inside &= i32(position >= least) & i32(position < most);
  }
  return inside == 1;
}

/** From one pixel to the next after a node. */
@inline
function slopeAt(node: usize): f64 {
  return (load<f64>(node, 8) - load<f64>(node)) * inverse;
}

@inline
function demote(low: v128, high: v128): v128 {
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}

/** Interpolates the line that was placed; gives the number of pixels, all of which are valid. */
export function gridLine(): i32 {
  const limit = f32x4.splat(<f32>0.5 - BILINEAR_ERROR * peak);
  const found = offsets;
  const weightXs = weights;
  const weightYs = weights + weightRow;
  const window = windowAt;
  const below = windowAt + <usize>stride * 16;
  const to = results;
  const last = <usize>width;
  let i: usize = 0;
  for (; i + 4 <= last; i += 4) {
    const at = i * 4;
    const rest0 = weigh(found + at, weightXs + at, weightYs + at, window, below, to + at * 4);
    const rest1 = weigh(found + at + 4, weightXs + at + 4, weightYs + at + 4, window, below, to + at * 4 + 16);
    const rest2 = weigh(found + at + 8, weightXs + at + 8, weightYs + at + 8, window, below, to + at * 4 + 32);
    const rest3 = weigh(found + at + 12, weightXs + at + 12, weightYs + at + 12, window, below, to + at * 4 + 48);
    const most = f32x4.pmax(f32x4.pmax(rest0, rest1), f32x4.pmax(rest2, rest3));
    if (i32x4.bitmask(f32x4.gt(most, limit)) == 0) continue;
    if (i32x4.bitmask(f32x4.gt(rest0, limit)) != 0) weighAgain(i);
    if (i32x4.bitmask(f32x4.gt(rest1, limit)) != 0) weighAgain(i + 1);
    if (i32x4.bitmask(f32x4.gt(rest2, limit)) != 0) weighAgain(i + 2);
    if (i32x4.bitmask(f32x4.gt(rest3, limit)) != 0) weighAgain(i + 3);
  }
  for (; i < last; i++) {
    const at = i * 4;
    const rest = weigh(found + at, weightXs + at, weightYs + at, window, below, to + at * 4);
    if (i32x4.bitmask(f32x4.gt(rest, limit)) != 0) weighAgain(i);
  }
  return width;
}

/** A pixel in 32-bit floats; gives how far its values are from the whole numbers that they were rounded to. */
@inline
function weigh(found: usize, weightX: usize, weightY: usize, window: usize, lowerRow: usize, to: usize): v128 {
  const offset = <usize>load<u32>(found) * 16;
  const x = v128.load_splat<f32>(weightX);
  const a = v128.load(window + offset);
  const c = v128.load(lowerRow + offset);
  const above = f32x4.add(a, f32x4.mul(f32x4.sub(v128.load(window + offset, 16), a), x));
  const below = f32x4.add(c, f32x4.mul(f32x4.sub(v128.load(lowerRow + offset, 16), c), x));
  const value = f32x4.add(above, f32x4.mul(f32x4.sub(below, above), v128.load_splat<f32>(weightY)));
  const raised = f32x4.add(value, f32x4.splat(ROUNDER));
  v128.store(to, i32x4.sub(raised, i32x4.splat(ROUNDER_BITS)));
  return f32x4.abs(f32x4.sub(value, f32x4.sub(raised, f32x4.splat(ROUNDER))));
}

/** The same in 64-bit floats. */
function weighAgain(i: usize): void {
  const node = (i / <usize>step) * 8;
  const k = <f64>(<i32>i % step);
  const x = load<f64>(xs + node) + slopeAt(xs + node) * k - 0.5 - originX;
  const y = load<f64>(ys + node) + slopeAt(ys + node) * k - 0.5 - originY;
  store<f64>(fractionXs + i * 8, x - floor(x));
  store<f64>(fractionYs + i * 8, y - floor(y));
  exactPixel(i, windowAt + <usize>load<u32>(offsets + i * 4) * 16, <usize>stride * 16, true);
}
