import type { Samples } from '../../src/raster/raster.ts';
import type { SyntheticLevel } from './synthetic-cog.ts';

/**
 * Halves a level: every pixel is the mean of up to four pixels, of which only those that hold data count (nodata, mask),
 * weighted by alpha. Integers are rounded. Where none holds data, the pixel is nodata (or 0), alpha 0 and mask 0.
 */
export function halve(level: SyntheticLevel, nodata: number | null): SyntheticLevel {
  const width = Math.ceil(level.width / 2);
  const height = Math.ceil(level.height / 2);
  const size = width * height;
  const bands = level.bands.map((band) => band.slice(0, size));
  const alpha = level.alpha === null ? null : level.alpha.slice(0, size);
  const mask = level.mask === null ? null : level.mask.slice(0, size);
  for (let row = 0; row < height; row += 1) {
    for (let col = 0; col < width; col += 1) {
      const to = row * width + col;
      const pixels = sourcePixels(level, col, row);
      const weights = pixels.map((pixel) => weightOf(level, pixel, nodata));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (let b = 0; b < bands.length; b += 1) {
        const mean = pixels.reduce((sum, pixel, n) => sum + level.bands[b]![pixel]! * weights[n]!, 0) / total;
        bands[b]![to] = total === 0 ? (nodata ?? 0) : rounded(bands[b]!, mean);
      }
      if (alpha !== null) {
        const mean = pixels.reduce((sum, pixel) => sum + level.alpha![pixel]!, 0) / pixels.length;
        alpha[to] = rounded(alpha, mean);
      }
      if (mask !== null) mask[to] = total === 0 ? 0 : 255;
    }
  }
  return { width, height, bands, alpha, mask };
}

function sourcePixels(level: SyntheticLevel, col: number, row: number): readonly number[] {
  const pixels: number[] = [];
  for (let y = 2 * row; y < Math.min(2 * row + 2, level.height); y += 1) {
    for (let x = 2 * col; x < Math.min(2 * col + 2, level.width); x += 1) pixels.push(y * level.width + x);
  }
  return pixels;
}

function weightOf(level: SyntheticLevel, pixel: number, nodata: number | null): number {
  if (level.mask !== null && level.mask[pixel] === 0) return 0;
  if (level.alpha !== null) return level.alpha[pixel]!;
  if (nodata === null) return 1;
  return level.bands.every((band) => band[pixel] === nodata || (Number.isNaN(nodata) && Number.isNaN(band[pixel])))
    ? 0
    : 1;
}

function rounded(band: Samples, value: number): number {
  return band instanceof Float32Array || band instanceof Float64Array ? value : Math.round(value);
}
