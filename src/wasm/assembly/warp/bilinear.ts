import { BILINEAR_ERROR, carefulPixel, exactPixel } from './bilinear-exact';
import { gridLine, placeInGrid } from './bilinear-grid';
import { forgetColumns, fractionY, loseColumns, rowBetween } from './columns';
import { mapLine, place } from './position';
import { requireOpaque } from './opaque';
import { ROUNDER, ROUNDER_BITS } from './rounding';
import {
  cornerRow,
  corners,
  fractionXs,
  fractionYs,
  isFull,
  isRounded,
  lines,
  offsets,
  peak,
  results,
  stride,
  weightRow,
  weights,
  width,
  windowAt,
} from './state';

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
  const isPlain = isFull && isRounded;
  const row = isPlain ? rowBetween(line) : -1;
  if (row >= 0) return betweenRows(row);
  loseColumns();
  if (isPlain && placeInGrid(line)) return gridLine();
  mapLine(line);
  place(0, 2, true);
  requireOpaque(2);
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
