import { bilinearPixel } from './kernel-bilinear.ts';
import type { Samples } from './raster.ts';
import { locate, type WarpRow } from './warp-row.ts';
import { toSample, type ValueRange } from './working-raster.ts';

/**
 * Cubic convolution of one row: 4 × 4 source pixels around a position. Where one of them is invalid or outside the
 * level the pixel is bilinear instead, as in GDAL: negative weights beside a gap would overshoot. Gives the number of
 * valid pixels.
 *
 * @see Keys 1981, "Cubic Convolution Interpolation for Digital Image Processing" (a = -0.5)
 */
export function cubicRow(
  row: WarpRow,
  bands: readonly Samples[],
  mask: Uint8Array,
  at: number,
  range: ValueRange,
): number {
  const { xs, ys, width } = row;
  const sources = row.source.bands;
  const stride = row.window.width;
  let valid = 0;
  for (let i = 0; i < width; i++) {
    const x = xs[i]! - 0.5;
    const y = ys[i]! - 0.5;
    const col = Math.floor(x);
    const line = Math.floor(y);
    const offset = firstOfSixteen(row, col, line);
    if (offset < 0) {
      if (locate(row, xs[i]!, ys[i]!) < 0) continue;
      bilinearPixel(row, i, bands, mask, at, range.round);
      valid++;
      continue;
    }
    // The nearest pixel is among the sixteen, so that this one is valid.
    weigh(x - col, weightsX);
    weigh(y - line, weightsY);
    mask[at + i] = 255;
    valid++;
    for (let b = 0; b < bands.length; b++) {
      bands[b]![at + i] = toSample(convolve(sources[b]!, offset, stride), range);
    }
  }
  return valid;
}

const weightsX = new Float64Array(4);
const weightsY = new Float64Array(4);

/** Keys' cubic at the four pixels around a position that lies `f` (0 … 1) after the second one. */
function weigh(f: number, weights: Float64Array): void {
  const d0 = 1 + f;
  const d2 = 1 - f;
  const d3 = 2 - f;
  weights[0] = d0 * d0 * (-0.5 * d0 + 2.5) - 4 * d0 + 2;
  weights[1] = f * f * (1.5 * f - 2.5) + 1;
  weights[2] = d2 * d2 * (1.5 * d2 - 2.5) + 1;
  weights[3] = d3 * d3 * (-0.5 * d3 + 2.5) - 4 * d3 + 2;
}

/** Offset of the top left one of the 4 × 4 source pixels, or -1 unless all of them are in the window and opaque. */
function firstOfSixteen(row: WarpRow, col: number, line: number): number {
  const { col: col0, row: row0, width: stride, height: lines } = row.window;
  const c = col - 1 - col0;
  const l = line - 1 - row0;
  // Also false for NaN.
  if (!(c >= 0 && l >= 0 && c + 3 < stride && l + 3 < lines)) return -1;
  const first = l * stride + c;
  if (row.coverage === 'full') return first;
  const mask = row.source.mask;
  for (let k = 0; k < 4; k++) {
    const o = first + k * stride;
    if ((mask[o]! & mask[o + 1]! & mask[o + 2]! & mask[o + 3]!) !== 255) return -1;
  }
  return first;
}

function convolve(source: Samples, first: number, stride: number): number {
  const w0 = weightsX[0]!;
  const w1 = weightsX[1]!;
  const w2 = weightsX[2]!;
  const w3 = weightsX[3]!;
  let sum = 0;
  for (let l = 0, o = first; l < 4; l++, o += stride) {
    sum += (source[o]! * w0 + source[o + 1]! * w1 + source[o + 2]! * w2 + source[o + 3]! * w3) * weightsY[l]!;
  }
  return sum;
}
