import { averageBytes, nearestBytes } from './halve-wasm.ts';
import { isOpaque } from './mask.ts';
import type { Raster, Samples } from './raster.ts';
import { createRaster, isIntegerDtype } from './raster.ts';
import type { Resampling } from './resample.ts';

/** How four pixels become one. */
export type Halving = 'average' | 'nearest' | 'mode' | 'min' | 'max' | 'median';

/** The halving that goes with a kernel: kernels that weigh what is around a position average. */
export function halvingOf(resampling: Resampling): Halving {
  return resampling === 'bilinear' || resampling === 'cubic' || resampling === 'lanczos' ? 'average' : resampling;
}

/**
 * A raster at half its width and height, both of which are even: each pixel is made of the four below it, valid ones
 * alone. Same dtype, bands and palette.
 *
 * `average` weighs by alpha, rounds half up for integers, and gives the mean of the four alphas (at least 1 if one of
 * them is valid), so that the edge of the data fades over a pixel instead of growing. The others are for values that
 * must stay what they are: the result is one of the four, and as opaque as the most opaque of them. `nearest` takes the
 * lower right one, which is where a position between four pixels falls in `warp` too, or else the first valid one of
 * upper left, upper right, lower left. Of equals `mode` takes the first; `median` of an even number is the lower middle one.
 *
 * @throws RangeError if width or height is odd
 */
export function halve(raster: Raster, halving: Halving): Raster {
  const { width, height, dtype, bands, mask, palette } = raster;
  if (width % 2 !== 0 || height % 2 !== 0)
    throw new RangeError(`Halving ${width} x ${height} pixels: expected even numbers`);
  const half = createRaster(width / 2, height / 2, dtype, bands.length);
  const opaque = isOpaque(mask);
  if (opaque) half.mask.fill(255);
  const pairs = bands.map((band, b) => ({ from: band as Uint8Array, to: half.bands[b] as Uint8Array }));
  if (halving === 'nearest' && dtype === 'uint8' && bands.length > 0) {
    nearestBytes(pairs, { from: mask, to: half.mask }, width);
  } else if (halving === 'average' && dtype === 'uint8') {
    averageBytes(pairs, opaque ? null : { from: mask, to: half.mask }, width);
  } else {
    if (!opaque) halveMask(mask, half.mask, width, halving === 'average');
    for (const [b, band] of bands.entries()) {
      const target = half.bands[b]!;
      if (halving !== 'average') pickBand(band, mask, target, width, PICKS[halving]);
      else if (opaque) averageOpaque(band, target, width, isIntegerDtype(dtype));
      else averageBand(band, mask, target, width, isIntegerDtype(dtype));
    }
  }
  return palette === undefined ? half : { ...half, palette };
}

function halveMask(mask: Uint8Array, target: Uint8Array, width: number, fades: boolean): void {
  const half = width / 2;
  for (let i = 0, row = 0; i < target.length; row++) {
    for (let at = 2 * row * width, end = i + half; i < end; i++, at += 2) {
      const upper = mask[at]! + mask[at + 1]!;
      const sum = upper + mask[at + width]! + mask[at + width + 1]!;
      if (sum === 0) continue;
      if (fades) target[i] = Math.max(1, (sum + 2) >> 2);
      else target[i] = Math.max(mask[at]!, mask[at + 1]!, mask[at + width]!, mask[at + width + 1]!);
    }
  }
}

/** Index of the first of the four pixels under pixel `i` of the half. */
function upperLeft(i: number, half: number, width: number): number {
  const row = Math.floor(i / half);
  return 2 * row * width + 2 * (i - row * half);
}

function averageOpaque(band: Samples, target: Samples, width: number, rounds: boolean): void {
  const half = width / 2;
  for (let i = 0, row = 0; i < target.length; row++) {
    for (let at = 2 * row * width, end = i + half; i < end; i++, at += 2) {
      const mean = (band[at]! + band[at + 1]! + band[at + width]! + band[at + width + 1]!) / 4;
      target[i] = rounds ? Math.floor(mean + 0.5) : mean;
    }
  }
}

function averageBand(band: Samples, mask: Uint8Array, target: Samples, width: number, rounds: boolean): void {
  const half = width / 2;
  for (let i = 0; i < target.length; i++) {
    const at = upperLeft(i, half, width);
    const below = at + width;
    const [a, b, c, d] = [mask[at]!, mask[at + 1]!, mask[below]!, mask[below + 1]!];
    const weight = a + b + c + d;
    if (weight === 0) continue;
    // What lies under mask 0 may be NaN, which no weight of 0 takes away.
    let sum = 0;
    if (a > 0) sum += a * band[at]!;
    if (b > 0) sum += b * band[at + 1]!;
    if (c > 0) sum += c * band[below]!;
    if (d > 0) sum += d * band[below + 1]!;
    target[i] = rounds ? Math.floor(sum / weight + 0.5) : sum / weight;
  }
}

/** Chooses one of `count` values, at least 1; may reorder them. */
type Pick = (values: number[], count: number) => number;

const PICKS: Readonly<Record<Exclude<Halving, 'average'>, Pick>> = {
  nearest: (values) => values[0]!,
  min: (values, count) => Math.min(...values.slice(0, count)),
  max: (values, count) => Math.max(...values.slice(0, count)),
  median: (values, count) => values.slice(0, count).sort((a, b) => a - b)[(count - 1) >> 1]!,
  mode: modeOf,
};

function modeOf(values: number[], count: number): number {
  let [best, bestCount] = [values[0]!, 0];
  for (let i = 0; i < count; i++) {
    let same = 0;
    for (let j = 0; j < count; j++) if (values[j] === values[i]) same++;
    if (same > bestCount) [best, bestCount] = [values[i]!, same];
  }
  return best;
}

function pickBand(band: Samples, mask: Uint8Array, target: Samples, width: number, pick: Pick): void {
  const half = width / 2;
  const isNearest = pick === PICKS.nearest;
  const offsets = isNearest ? [width + 1, 0, 1, width] : [0, 1, width, width + 1];
  const values = [0, 0, 0, 0];
  for (let i = 0, row = 0; i < target.length; row++) {
    for (let at = 2 * row * width, end = i + half; i < end; i++, at += 2) {
      const below = at + width;
      if (mask[at]! > 0 && mask[at + 1]! > 0 && mask[below]! > 0 && mask[below + 1]! > 0) {
        const value = band[below + 1]!;
        // Whatever is picked of four that are the same, it is that; classes lie in areas.
        if (isNearest || (value === band[at] && value === band[at + 1] && value === band[below])) {
          target[i] = value;
          continue;
        }
      }
      let count = 0;
      for (const offset of offsets) if (mask[at + offset]! > 0) values[count++] = band[at + offset]!;
      if (count > 0) target[i] = pick(values, count);
    }
  }
}
