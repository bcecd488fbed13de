// Where destination pixels lie in the source: the same operations on the same numbers as in src/raster.
import { EDGE, NEAREST_EPSILON } from './columns';
import {
  fractionXs,
  fractionYs,
  imageHeight,
  imageWidth,
  isFull,
  lines,
  maskAt,
  nodeColumns,
  nodeRows,
  nodeXs,
  nodeYs,
  offsets,
  originX,
  originY,
  step,
  stride,
  width,
  xs,
  ys,
} from './state';

const EDGE_TOLERANCE: f64 = 1e-4;
/** Added to a whole number that is not negative, it leaves that number in the low bits. */
export const WHOLE: f64 = 4503599627370496;

@inline
export function mix(a: f64, b: f64, t: f64): f64 {
  if (t == 0) return a;
  return t == 1 ? b : a + (b - a) * t;
}

/** Fills `xs` and `ys` with the positions of the pixel centres of a destination line. */
export function mapLine(line: i32): void {
  if (step == 0) mapSeparableLine(line);
  else mapGridLine(line);
}

function mapSeparableLine(line: i32): void {
  const y = f64x2.splat(load<f64>(nodeYs + (<usize>line * 2 + 1) * 8));
  const rowX = xs;
  const rowY = ys;
  const nodes = nodeXs + 8;
  for (let at: usize = 0, end = <usize>width * 8; at < end; at += 16) {
    const from = nodes + at * 2;
    v128.store(rowX + at, v128.load_lane<f64>(from + 16, v128.load_splat<f64>(from), 1));
    v128.store(rowY + at, y);
  }
}

function mapGridLine(line: i32): void {
  const size = <f64>step;
  const rowX = xs;
  const rowY = ys;
  const above = min(line / step, max(0, nodeRows - 2));
  const from = <usize>(above * nodeColumns) * 8;
  const to = nodeRows > 1 ? from + <usize>nodeColumns * 8 : from;
  const t = <f64>line / size - <f64>above;
  let x = mix(load<f64>(nodeXs + from), load<f64>(nodeXs + to), t);
  let y = mix(load<f64>(nodeYs + from), load<f64>(nodeYs + to), t);
  for (let i = 0, left = 0; i < width; i += step, left++) {
    const right = <usize>min(left + 1, nodeColumns - 1) * 8;
    const nextX = mix(load<f64>(nodeXs + from + right), load<f64>(nodeXs + to + right), t);
    const nextY = mix(load<f64>(nodeYs + from + right), load<f64>(nodeYs + to + right), t);
    const dx = f64x2.splat((nextX - x) / size);
    const dy = f64x2.splat((nextY - y) / size);
    const startX = f64x2.splat(x);
    const startY = f64x2.splat(y);
    let k = f64x2(0, 1);
    const end = <usize>(i + step) * 8;
    for (let at = <usize>i * 8; at < end; at += 16) {
      v128.store(rowX + at, f64x2.add(startX, f64x2.mul(dx, k)));
      v128.store(rowY + at, f64x2.add(startY, f64x2.mul(dy, k)));
      k = f64x2.add(k, f64x2.splat(2));
    }
    // A node is taken as it is: its right neighbour may have no image.
    store<f64>(rowX + <usize>i * 8, x);
    store<f64>(rowY + <usize>i * 8, y);
    x = nextX;
    y = nextY;
  }
}

/** The images of the nodes of a grid on a destination line, along x and along y: as many as it takes to end a line. */
export function mixNodes(line: i32, toXs: usize, toYs: usize): void {
  const above = min(line / step, max(0, nodeRows - 2));
  const upper = <usize>(above * nodeColumns) * 8;
  const lower = nodeRows > 1 ? upper + <usize>nodeColumns * 8 : upper;
  const upperXs = nodeXs + upper;
  const lowerXs = nodeXs + lower;
  const upperYs = nodeYs + upper;
  const lowerYs = nodeYs + lower;
  const t = <f64>line / <f64>step - <f64>above;
  const most = <usize>(nodeColumns - 1) * 8;
  const end = <usize>((width + step - 1) / step) * 8;
  for (let at: usize = 0; at <= end; at += 8) {
    const node = min(at, most);
    store<f64>(toXs + at, mix(load<f64>(upperXs + node), load<f64>(lowerXs + node), t));
    store<f64>(toYs + at, mix(load<f64>(upperYs + node), load<f64>(lowerYs + node), t));
  }
}

/** The low halves of four numbers of 64 bits. */
@inline
export function narrow(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 0, 2, 4, 6);
}

/**
 * Fills `offsets` and the fractions for kernels that reach `before` pixels before the one at or left of a position less
 * a half, and `span` pixels in all. `fromWindow`: fractions are those of positions in the window, not in the image,
 * which may differ in the last bit.
 */
export function place(before: i32, span: i32, fromWindow: bool): void {
  const half = f64x2.splat(0.5);
  const zero = f64x2.splat(0);
  const shiftX = f64x2.splat(fromWindow ? originX : 0);
  const shiftY = f64x2.splat(fromWindow ? originY : 0);
  const baseX = f64x2.splat(<f64>before + (fromWindow ? 0 : originX));
  const baseY = f64x2.splat(<f64>before + (fromWindow ? 0 : originY));
  const limitX = f64x2.splat(<f64>(stride - span));
  const limitY = f64x2.splat(<f64>(lines - span));
  const pitch = f64x2.splat(<f64>stride);
  const whole = f64x2.splat(WHOLE);
  const rowX = xs;
  const rowY = ys;
  const partX = fractionXs;
  const partY = fractionYs;
  const found = offsets;
  const end = <usize>width * 8;
  for (let at: usize = 0; at < end; at += 32) {
    let x = f64x2.sub(f64x2.sub(v128.load(rowX + at), half), shiftX);
    let y = f64x2.sub(f64x2.sub(v128.load(rowY + at), half), shiftY);
    let wholeX = f64x2.floor(x);
    let wholeY = f64x2.floor(y);
    v128.store(partX + at, f64x2.sub(x, wholeX));
    v128.store(partY + at, f64x2.sub(y, wholeY));
    wholeX = f64x2.sub(wholeX, baseX);
    wholeY = f64x2.sub(wholeY, baseY);
    const offset0 = v128.or(
      f64x2.add(f64x2.add(f64x2.mul(wholeY, pitch), wholeX), whole),
      v128.not(inRange(wholeX, wholeY, zero, limitX, limitY)),
    );
    x = f64x2.sub(f64x2.sub(v128.load(rowX + at, 16), half), shiftX);
    y = f64x2.sub(f64x2.sub(v128.load(rowY + at, 16), half), shiftY);
    wholeX = f64x2.floor(x);
    wholeY = f64x2.floor(y);
    v128.store(partX + at, f64x2.sub(x, wholeX), 16);
    v128.store(partY + at, f64x2.sub(y, wholeY), 16);
    wholeX = f64x2.sub(wholeX, baseX);
    wholeY = f64x2.sub(wholeY, baseY);
    const offset1 = v128.or(
      f64x2.add(f64x2.add(f64x2.mul(wholeY, pitch), wholeX), whole),
      v128.not(inRange(wholeX, wholeY, zero, limitX, limitY)),
    );
    v128.store(found + (at >> 1), narrow(offset0, offset1));
  }
}

@inline
function inRange(x: v128, y: v128, zero: v128, limitX: v128, limitY: v128): v128 {
  // False for NaN.
  return v128.and(
    v128.and(f64x2.ge(x, zero), f64x2.ge(y, zero)),
    v128.and(f64x2.le(x, limitX), f64x2.le(y, limitY)),
  );
}

/** Fills `offsets` with the nearest source pixels, -1 where there is none or it is invalid; gives how many there are. */
export function placeNearest(): i32 {
  const epsilon = f64x2.splat(NEAREST_EPSILON);
  const minX = f64x2.splat(originX);
  const minY = f64x2.splat(originY);
  const maxX = f64x2.splat(originX + <f64>stride - EDGE);
  const maxY = f64x2.splat(originY + <f64>lines - EDGE);
  const pitch = f64x2.splat(<f64>stride);
  const whole = f64x2.splat(WHOLE);
  const rowX = xs;
  const rowY = ys;
  const to = offsets;
  const end = <usize>width * 8;
  let all = i32x4.splat(0);
  for (let at: usize = 0; at < end; at += 32) {
    let x = v128.load(rowX + at);
    let y = v128.load(rowY + at);
    const inside0 = v128.and(
      v128.and(f64x2.ge(x, minX), f64x2.ge(y, minY)),
      v128.and(f64x2.lt(x, maxX), f64x2.lt(y, maxY)),
    );
    x = f64x2.sub(f64x2.floor(f64x2.add(x, epsilon)), minX);
    y = f64x2.sub(f64x2.floor(f64x2.add(y, epsilon)), minY);
    const offset0 = f64x2.add(f64x2.add(f64x2.mul(y, pitch), x), whole);
    x = v128.load(rowX + at, 16);
    y = v128.load(rowY + at, 16);
    const inside1 = v128.and(
      v128.and(f64x2.ge(x, minX), f64x2.ge(y, minY)),
      v128.and(f64x2.lt(x, maxX), f64x2.lt(y, maxY)),
    );
    x = f64x2.sub(f64x2.floor(f64x2.add(x, epsilon)), minX);
    y = f64x2.sub(f64x2.floor(f64x2.add(y, epsilon)), minY);
    const offset1 = f64x2.add(f64x2.add(f64x2.mul(y, pitch), x), whole);
    const found = narrow(v128.or(offset0, v128.not(inside0)), v128.or(offset1, v128.not(inside1)));
    all = v128.or(all, found);
    v128.store(to + (at >> 1), found);
  }
  if (isFull && i32x4.bitmask(all) == 0) return width;
  let valid = 0;
  if (i32x4.bitmask(all) == 0) {
    // Without a branch: all lie in the window, and what is valid may change from one to the next.
    for (let i = 0; i < width; i++) {
      const at = offsets + <usize>i * 4;
      const offset = load<i32>(at);
      const isMasked = i32(load<u8>(maskAt + offset) == 0);
      store<i32>(at, offset | -isMasked);
      valid += 1 - isMasked;
    }
    return valid;
  }
  for (let i = 0; i < width; i++) {
    const at = offsets + <usize>i * 4;
    let offset = load<i32>(at);
    if (offset < 0) offset = locate(i);
    else if (!isFull && load<u8>(maskAt + offset) == 0) offset = -1;
    store<i32>(at, offset);
    valid += i32(offset >= 0);
  }
  return valid;
}

/** The offset of the source pixel nearest to pixel `i` if it is valid, else -1. */
export function locate(i: i32): i32 {
  const col = pixelOf(load<f64>(xs + <usize>i * 8), imageWidth, originX, stride);
  const line = pixelOf(load<f64>(ys + <usize>i * 8), imageHeight, originY, lines);
  if (col < 0 || line < 0) return -1;
  const offset = line * stride + col;
  return isFull || load<u8>(maskAt + offset) != 0 ? offset : -1;
}

function pixelOf(position: f64, imageSize: f64, origin: f64, size: i32): i32 {
  // Also false for NaN.
  if (!(position > -EDGE_TOLERANCE && position < imageSize + EDGE_TOLERANCE)) return -1;
  return <i32>min(max(floor(position + NEAREST_EPSILON) - origin, 0), <f64>(size - 1));
}
