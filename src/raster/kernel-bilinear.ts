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
  const { xs, ys, width, source } = row;
  const { col: col0, row: row0, width: stride, height } = row.window;
  const [lastCol, lastLine] = [stride - 1, height - 1];
  const opacities = row.coverage === 'full' ? null : source.mask;
  let valid = 0;
  for (let i = 0; i < width; i++) {
    const u = xs[i]! - 0.5 - col0;
    const v = ys[i]! - 0.5 - row0;
    // Rounds down, where positions inside are not negative, and stays in whole numbers.
    const col = u | 0;
    const line = v | 0;
    const o = line * stride + col;
    const p = o + stride;
    // Also false for NaN. The nearest of four opaque pixels is valid.
    const isInside = u >= 0 && v >= 0 && u < lastCol && v < lastLine;
    if (
      isInside &&
      (opacities === null || (opacities[o]! & opacities[o + 1]! & opacities[p]! & opacities[p + 1]!) === 255)
    ) {
      const w = 1 - (u - col);
      const h = 1 - (v - line);
      for (let b = 0; b < bands.length; b++) {
        const samples = source.bands[b]!;
        const value =
          (samples[o]! * w + samples[o + 1]! * (1 - w)) * h + (samples[p]! * w + samples[p + 1]! * (1 - w)) * (1 - h);
        bands[b]![at + i] = round ? Math.floor(value + 0.5) : value;
      }
      mask[at + i] = 255;
      valid++;
    } else if (locate(row, xs[i]!, ys[i]!) >= 0) {
      bilinearPixel(row, i, bands, mask, at, round);
      valid++;
    }
  }
  return valid;
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
