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
  const { taps, wx, wy, width } = row;
  let valid = placeTaps(row);
  if (valid > 0) {
    const stride = row.window.width;
    for (let b = 0; b < bands.length; b++) {
      const source = row.source.bands[b]!;
      if (round) interpolateRounded(source, bands[b]!, at, taps, wx, wy, stride, width);
      else interpolate(source, bands[b]!, at, taps, wx, wy, stride, width);
    }
  }
  for (let i = 0; i < width; i++) {
    if (taps[i]! >= 0) {
      mask[at + i] = 255;
    } else if (locate(row, row.xs[i]!, row.ys[i]!) >= 0) {
      bilinearPixel(row, i, bands, mask, at, round);
      valid++;
    }
  }
  return valid;
}

/**
 * Sets `taps`, and the weights of the left (`wx`) and upper (`wy`) pixels, where all four source pixels are in the window
 * and opaque. The nearest one is among them then, so that the pixel is valid. Gives the number of such pixels.
 */
function placeTaps(row: WarpRow): number {
  const { xs, ys, taps, wx, wy, width } = row;
  const { col: col0, row: row0, width: stride, height: lines } = row.window;
  const mask = row.source.mask;
  const full = row.coverage === 'full';
  let placed = 0;
  for (let i = 0; i < width; i++) {
    taps[i] = -1;
    const u = xs[i]! - 0.5 - col0;
    const v = ys[i]! - 0.5 - row0;
    const col = Math.floor(u);
    const line = Math.floor(v);
    // Also false for NaN.
    if (!(col >= 0 && line >= 0 && col + 1 < stride && line + 1 < lines)) continue;
    const o = line * stride + col;
    if (!full && (mask[o]! & mask[o + 1]! & mask[o + stride]! & mask[o + stride + 1]!) !== 255) continue;
    taps[i] = o;
    wx[i] = 1 - (u - col);
    wy[i] = 1 - (v - line);
    placed++;
  }
  return placed;
}

// The two loops below differ in rounding alone. They are apart, and take every array as a parameter, so that V8 compiles
// each for the sample types it really sees.

function interpolateRounded(
  source: Samples,
  target: Samples,
  at: number,
  taps: Int32Array,
  wx: Float64Array,
  wy: Float64Array,
  stride: number,
  width: number,
): void {
  for (let i = 0; i < width; i++) {
    const o = taps[i]!;
    if (o < 0) continue;
    const w = wx[i]!;
    const upper = source[o]! * w + source[o + 1]! * (1 - w);
    const lower = source[o + stride]! * w + source[o + stride + 1]! * (1 - w);
    const h = wy[i]!;
    target[at + i] = Math.floor(upper * h + lower * (1 - h) + 0.5);
  }
}

function interpolate(
  source: Samples,
  target: Samples,
  at: number,
  taps: Int32Array,
  wx: Float64Array,
  wy: Float64Array,
  stride: number,
  width: number,
): void {
  for (let i = 0; i < width; i++) {
    const o = taps[i]!;
    if (o < 0) continue;
    const w = wx[i]!;
    const upper = source[o]! * w + source[o + 1]! * (1 - w);
    const lower = source[o + stride]! * w + source[o + stride + 1]! * (1 - w);
    const h = wy[i]!;
    target[at + i] = upper * h + lower * (1 - h);
  }
}

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
  const offsets: number[] = [];
  const weights: number[] = [];
  let total = 0;
  let alpha = 0;
  for (let k = 0; k < 4; k++) {
    const [dx, dy] = [k & 1, k >> 1];
    const [c, l] = [col + dx, line + dy];
    if (c < 0 || l < 0 || c >= stride || l >= lines) continue;
    const o = l * stride + c;
    const opacity = source.mask[o]!;
    if (opacity === 0) continue;
    const weight = (dx === 1 ? u - col : 1 - (u - col)) * (dy === 1 ? v - line : 1 - (v - line));
    offsets.push(o);
    weights.push(weight);
    total += weight;
    alpha += weight * opacity;
  }
  mask[at + i] = Math.floor(alpha / total + 0.5);
  source.bands.forEach((samples, b) => {
    let sum = 0;
    offsets.forEach((o, k) => {
      sum += samples[o]! * weights[k]!;
    });
    bands[b]![at + i] = round ? Math.floor(sum / total + 0.5) : sum / total;
  });
}
