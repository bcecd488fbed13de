import { bilinearPixel } from './kernel-bilinear.ts';
import type { Samples } from './raster.ts';
import { kernelWeight } from './resample.ts';
import type { WarpRow } from './warp-row.ts';

/** Least and greatest value of a band's samples; rounding is for integers. */
export interface ValueRange {
  readonly min: number;
  readonly max: number;
  readonly round: boolean;
}

/** A resampled value as a sample: rounded half up and clamped for integers, as it is for floats. */
export function toSample(value: number, range: ValueRange): number {
  return range.round ? Math.min(Math.max(Math.floor(value + 0.5), range.min), range.max) : value;
}

/**
 * Cubic convolution of one row: 4 × 4 source pixels around a position. Where one of them is invalid or outside the
 * level the pixel is bilinear instead, as in GDAL: negative weights beside a gap would overshoot.
 *
 * @see Keys 1981, "Cubic Convolution Interpolation for Digital Image Processing" (a = -0.5)
 */
export function cubicRow(
  row: WarpRow,
  bands: readonly Samples[],
  mask: Uint8Array,
  at: number,
  range: ValueRange,
): void {
  const weightsX = new Float64Array(4);
  const weightsY = new Float64Array(4);
  for (let i = 0; i < row.width; i++) {
    if (row.nearest[i]! < 0) continue;
    const col = Math.floor(row.xs[i]! - 0.5);
    const line = Math.floor(row.ys[i]! - 0.5);
    const offset = firstOfSixteen(row, col, line);
    if (offset < 0) {
      bilinearPixel(row, i, bands, mask, at, range.round);
      continue;
    }
    for (let k = 0; k < 4; k++) {
      weightsX[k] = kernelWeight('cubic', k - 1 - (row.xs[i]! - 0.5 - col));
      weightsY[k] = kernelWeight('cubic', k - 1 - (row.ys[i]! - 0.5 - line));
    }
    mask[at + i] = 255;
    for (let b = 0; b < bands.length; b++) {
      const value = convolve(row.source.bands[b]!, offset, row.window.width, weightsX, weightsY);
      bands[b]![at + i] = toSample(value, range);
    }
  }
}

/** Offset of the top left one of the 4 × 4 source pixels, or -1 unless all of them are in the window and opaque. */
function firstOfSixteen(row: WarpRow, col: number, line: number): number {
  const { width: stride, height: lines } = row.window;
  const [c, l] = [col - 1 - row.window.col, line - 1 - row.window.row];
  if (c < 0 || l < 0 || c + 3 >= stride || l + 3 >= lines) return -1;
  const first = l * stride + c;
  if (row.coverage === 'full') return first;
  const mask = row.source.mask;
  for (let k = 0; k < 4; k++) {
    const o = first + k * stride;
    if ((mask[o]! & mask[o + 1]! & mask[o + 2]! & mask[o + 3]!) !== 255) return -1;
  }
  return first;
}

function convolve(source: Samples, first: number, stride: number, wx: Float64Array, wy: Float64Array): number {
  let sum = 0;
  for (let l = 0; l < 4; l++) {
    const o = first + l * stride;
    const line = source[o]! * wx[0]! + source[o + 1]! * wx[1]! + source[o + 2]! * wx[2]! + source[o + 3]! * wx[3]!;
    sum += line * wy[l]!;
  }
  return sum;
}
