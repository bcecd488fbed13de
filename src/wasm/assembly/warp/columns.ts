// Mappings by columns and rows: where the columns of a run of lines lie is worked out once, not for every line.
import {
  fractionXs,
  lines,
  nodeXs,
  nodeYs,
  offsets,
  originX,
  originY,
  step,
  stride,
  weights,
  width,
} from './state';

/** Keeps a position that is a pixel's edge but for rounding on the far side of it. */
export const NEAREST_EPSILON: f64 = 1e-10;
/** Nearer to the far edges of the window, a position is looked up by itself. */
export const EDGE: f64 = 1e-6;

const UNKNOWN: i32 = 0;
const INSIDE: i32 = 1;
const OUTSIDE: i32 = 2;

/** Whether `offsets` are columns, and if all of them have a place in the window. */
let state: i32 = UNKNOWN;

/** Forgets the columns of the run before. */
export function forgetColumns(): void {
  state = UNKNOWN;
}

/** To be called by whoever writes to `offsets`: columns are worked out anew then, if all of them lie inside. */
export function loseColumns(): void {
  if (state == INSIDE) state = UNKNOWN;
}

/**
 * The upper of the two rows of the window that a destination line lies between, `fractionY` below it; -1 if the line or a
 * column lies at an edge or outside. With it, `offsets` are the bytes from the beginning of a row to the left one of the two
 * pixels that each column lies between, and `weights` how far it is from that.
 */
export function rowBetween(line: i32): i32 {
  if (step != 0 || state == OUTSIDE) return -1;
  const y = load<f64>(nodeYs + (<usize>line * 2 + 1) * 8) - 0.5 - originY;
  const row = floor(y);
  // False for NaN.
  if (!(row >= 0 && row <= <f64>(lines - 2))) return -1;
  if (state == UNKNOWN) state = placeBetween() ? INSIDE : OUTSIDE;
  fractionY = y - row;
  return state == INSIDE ? <i32>row : -1;
}

/** See `rowBetween`. */
export let fractionY: f64 = 0;

function placeBetween(): bool {
  const last = <f64>(stride - 2);
  for (let i: usize = 0; i < <usize>width; i++) {
    const x = load<f64>(nodeXs + (i * 2 + 1) * 8) - 0.5 - originX;
    const column = floor(x);
    if (!(column >= 0 && column <= last)) return false;
    const fraction = x - column;
    store<f64>(fractionXs + i * 8, fraction);
    store<f32>(weights + i * 4, <f32>fraction);
    store<i32>(offsets + i * 4, <i32>column * 16);
  }
  return true;
}

/** The row of the window that a destination line lies in, with `offsets` its columns; -1 if line or column lie outside. */
export function rowAt(line: i32): i32 {
  if (step != 0 || state == OUTSIDE) return -1;
  const y = load<f64>(nodeYs + (<usize>line * 2 + 1) * 8);
  if (!(y >= originY && y < originY + <f64>lines - EDGE)) return -1;
  if (state == UNKNOWN) state = placeAt() ? INSIDE : OUTSIDE;
  return state == INSIDE ? <i32>(floor(y + NEAREST_EPSILON) - originY) : -1;
}

function placeAt(): bool {
  const last = originX + <f64>stride - EDGE;
  for (let i: usize = 0; i < <usize>width; i++) {
    const x = load<f64>(nodeXs + (i * 2 + 1) * 8);
    if (!(x >= originX && x < last)) return false;
    store<i32>(offsets + i * 4, <i32>(floor(x + NEAREST_EPSILON) - originX));
  }
  return true;
}
