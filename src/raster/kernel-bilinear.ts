import type { Samples } from './raster.ts';
import { locate, type WarpRow } from './warp-row.ts';

/**
 * Bilinear interpolation of one row: 2 × 2 source pixels around a position, which lies between pixel centres. Pixels
 * that are invalid or outside the level are left out and the other weights scaled up to 1, so that nodata never bleeds
 * in. Alpha is interpolated with the same weights. Values are rounded half up for integers. Gives the number of valid
 * pixels.
 */
export function bilinearRow(
  row: WarpRow,
  bands: readonly Samples[],
  mask: Uint8Array,
  at: number,
  round: boolean,
): number {
  const { width, rest } = row;
  const sources = row.source.bands;
  let left = 0;
  let b = 0;
  if (bands.length === 0) for (; left < width; left++) rest[left] = left;
  // Three at a time, the usual number, so that positions and weights are worked out once.
  for (; b + 3 <= bands.length; b += 3) {
    left = interpolateThree(row, sources.slice(b, b + 3), bands.slice(b, b + 3), at, round);
  }
  for (; b < bands.length; b++) left = interpolateOne(row, sources[b]!, bands[b]!, at, round);
  mask.fill(255, at, at + width);
  return width - left + bilinearRest(row, left, bands, mask, at, round);
}

/** Does the first `left` columns of `rest`, each with care; gives the number of valid ones. */
export function bilinearRest(
  row: WarpRow,
  left: number,
  bands: readonly Samples[],
  mask: Uint8Array,
  at: number,
  round: boolean,
): number {
  let valid = 0;
  for (let k = 0; k < left; k++) {
    const i = row.rest[k]!;
    if (locate(row, row.xs[i]!, row.ys[i]!) >= 0) {
      bilinearPixel(row, i, bands, mask, at, round);
      valid++;
    } else {
      mask[at + i] = 0;
    }
  }
  return valid;
}

// The two functions below do the pixels whose four source pixels are all in the window and opaque: the nearest one is
// among them then, so that the pixel is valid. The others' columns go to `rest`; both give their number.

function interpolateThree(
  row: WarpRow,
  sources: readonly Samples[],
  targets: readonly Samples[],
  at: number,
  round: boolean,
): number {
  const { xs, ys, rest, width } = row;
  const { col: col0, row: row0, width: stride, height } = row.window;
  const [source0, source1, source2] = [sources[0]!, sources[1]!, sources[2]!];
  const [target0, target1, target2] = [targets[0]!, targets[1]!, targets[2]!];
  const [lastCol, lastLine] = [stride - 1, height - 1];
  const mask = row.coverage === 'full' ? null : row.source.mask;
  let left = 0;
  for (let i = 0; i < width; i++) {
    const u = xs[i]! - 0.5 - col0;
    const v = ys[i]! - 0.5 - row0;
    // Also true for NaN.
    if (!(u >= 0 && v >= 0 && u < lastCol && v < lastLine)) {
      rest[left++] = i;
      continue;
    }
    // Rounds down, since positions inside are not negative, and stays in whole numbers.
    const col = u | 0;
    const line = v | 0;
    const o = line * stride + col;
    const p = o + stride;
    if (mask !== null && (mask[o]! & mask[o + 1]! & mask[p]! & mask[p + 1]!) !== 255) {
      rest[left++] = i;
      continue;
    }
    const w = 1 - (u - col);
    const h = 1 - (v - line);
    const x = 1 - w;
    const k = 1 - h;
    const value0 = (source0[o]! * w + source0[o + 1]! * x) * h + (source0[p]! * w + source0[p + 1]! * x) * k;
    const value1 = (source1[o]! * w + source1[o + 1]! * x) * h + (source1[p]! * w + source1[p + 1]! * x) * k;
    const value2 = (source2[o]! * w + source2[o + 1]! * x) * h + (source2[p]! * w + source2[p + 1]! * x) * k;
    if (round) {
      target0[at + i] = Math.floor(value0 + 0.5);
      target1[at + i] = Math.floor(value1 + 0.5);
      target2[at + i] = Math.floor(value2 + 0.5);
    } else {
      target0[at + i] = value0;
      target1[at + i] = value1;
      target2[at + i] = value2;
    }
  }
  return left;
}

function interpolateOne(row: WarpRow, source: Samples, target: Samples, at: number, round: boolean): number {
  const { xs, ys, rest, width } = row;
  const { col: col0, row: row0, width: stride, height } = row.window;
  const [lastCol, lastLine] = [stride - 1, height - 1];
  const mask = row.coverage === 'full' ? null : row.source.mask;
  let left = 0;
  for (let i = 0; i < width; i++) {
    const u = xs[i]! - 0.5 - col0;
    const v = ys[i]! - 0.5 - row0;
    // Also true for NaN.
    if (!(u >= 0 && v >= 0 && u < lastCol && v < lastLine)) {
      rest[left++] = i;
      continue;
    }
    // Rounds down, since positions inside are not negative, and stays in whole numbers.
    const col = u | 0;
    const line = v | 0;
    const o = line * stride + col;
    const p = o + stride;
    if (mask !== null && (mask[o]! & mask[o + 1]! & mask[p]! & mask[p + 1]!) !== 255) {
      rest[left++] = i;
      continue;
    }
    const w = 1 - (u - col);
    const h = 1 - (v - line);
    const x = 1 - w;
    const k = 1 - h;
    const value = (source[o]! * w + source[o + 1]! * x) * h + (source[p]! * w + source[p + 1]! * x) * k;
    target[at + i] = round ? Math.floor(value + 0.5) : value;
  }
  return left;
}

const offsets = new Int32Array(4);
const weights = new Float64Array(4);

/** One pixel at an edge of the window or of the data, or partly transparent: each of the four source pixels is checked. */
export function bilinearPixel(
  row: WarpRow,
  i: number,
  bands: readonly Samples[],
  mask: Uint8Array,
  at: number,
  round: boolean,
): void {
  const { source } = row;
  const { col: col0, row: row0, width: stride, height: lines } = row.window;
  const u = row.xs[i]! - 0.5 - col0;
  const v = row.ys[i]! - 0.5 - row0;
  const col = Math.floor(u);
  const line = Math.floor(v);
  let count = 0;
  let total = 0;
  let alpha = 0;
  for (let k = 0; k < 4; k++) {
    const right = k & 1;
    const down = k >> 1;
    const c = col + right;
    const l = line + down;
    if (c < 0 || l < 0 || c >= stride || l >= lines) continue;
    const o = l * stride + c;
    const opacity = source.mask[o]!;
    if (opacity === 0) continue;
    const weight = (right === 1 ? u - col : 1 - (u - col)) * (down === 1 ? v - line : 1 - (v - line));
    offsets[count] = o;
    weights[count++] = weight;
    total += weight;
    alpha += weight * opacity;
  }
  mask[at + i] = Math.floor(alpha / total + 0.5);
  for (let b = 0; b < bands.length; b++) {
    const samples = source.bands[b]!;
    let sum = 0;
    for (let k = 0; k < count; k++) sum += samples[offsets[k]!]! * weights[k]!;
    bands[b]![at + i] = round ? Math.floor(sum / total + 0.5) : sum / total;
  }
}
