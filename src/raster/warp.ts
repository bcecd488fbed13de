import { type InverseMapping, mapRow } from './inverse-mapping.ts';
import { createAverage } from './kernel-average.ts';
import { bilinearRow } from './kernel-bilinear.ts';
import { createSeparableBilinear } from './kernel-bilinear-separable.ts';
import { cubicRow } from './kernel-cubic.ts';
import { createMode } from './kernel-mode.ts';
import { createNearest, type LineKernel } from './kernel-nearest.ts';
import { createRank } from './kernel-rank.ts';
import { createWidenedRow } from './kernel-widened.ts';
import { createSeparableWidenedRow } from './kernel-widened-separable.ts';
import { createRaster, type Raster, type Window } from './raster.ts';
import {
  type BoxKernel,
  type ConvolutionKernel,
  isConvolution,
  isWidened,
  kernelReach,
  type Resampling,
  type ResampleScale,
} from './resample.ts';
import { createRow, locateRow, type WarpRow } from './warp-row.ts';
import { createWorking, fromWorking, rangeOf, toWorking } from './working-raster.ts';

export interface WarpInput {
  /** The pixels of `window`. */
  readonly source: Raster;
  /**
   * Where the source lies in its image. Holds every pixel that the kernel reads, but for those beyond the image and
   * those that only rounding would give a weight.
   */
  readonly window: Window;
  /** Size of the whole image (the COG's level): its edge is the edge of the data. */
  readonly imageWidth: number;
  readonly imageHeight: number;
  /** Size of the result. */
  readonly width: number;
  readonly height: number;
  /** Destination pixels to pixels of the image. */
  readonly mapping: InverseMapping;
  readonly resampling: Resampling;
  readonly scale: ResampleScale;
}

/**
 * Resamples a raster onto a destination grid.
 *
 * The result has the source's dtype and bands, `width × height` pixels. A pixel is valid if and only if the source pixel
 * nearest to its centre is valid; centres within 1e-4 source pixels outside the image count as inside, so that abutting
 * scenes leave no gap. Invalid source pixels never take part in a value. Agrees with GDAL 3.13 at a transformer
 * tolerance of 0. `null` = no valid pixel.
 *
 * Cost: O(width · height · kernel²), one output allocation, no I/O.
 */
export function warp(input: WarpInput): Raster | null {
  const steps = warpInSteps(input);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/**
 * The same in steps of about 20 ms, so that a large reduction without overviews need not hold up everything else: the
 * caller decides what to do between two of them. Most warps take one.
 */
export function* warpInSteps(input: WarpInput): Generator<undefined, Raster | null> {
  const { source, mapping, width, height, resampling } = input;
  const { dtype, bands } = source;
  const copies = resampling === 'nearest';
  const row = createRow(copies ? input : { ...input, source: toWorking(source) });
  const target = (copies ? createRaster : createWorking)(width, height, dtype, bands.length);
  const kernel = copies ? createNearest(row, mapping, target) : createKernel(input, resampling, row, target);
  const linesPerStep = Math.max(1, Math.floor(WORK_PER_STEP / (width * workPerPixel(input))));
  let valid = 0;
  for (let line = 0; line < height; line++) {
    if (line > 0 && line % linesPerStep === 0) yield;
    valid += kernel(line, line * width);
  }
  return valid === 0 ? null : fromWorking(target, dtype);
}

/** Samples that can be weighed in about 20 ms. */
const WORK_PER_STEP = 16e6;

/** How many samples are weighed for a pixel, roughly; counting and sorting them takes several times as long. */
function workPerPixel({ source, window, width, height, resampling, scale }: WarpInput): number {
  const channels = source.bands.length + 1;
  if (resampling === 'nearest') return channels;
  if (isConvolution(resampling)) {
    const widened = isWidened(resampling, scale);
    const columns = kernelReach(resampling, scale.x, widened);
    const lines = kernelReach(resampling, scale.y, widened);
    const weighed = channels * (columns.before + columns.after) * (lines.before + lines.after);
    return resampling === 'lanczos' ? weighed * 2 : weighed;
  }
  const perBox = (window.width / width + 1) * (window.height / height + 1);
  return channels * perBox * (resampling === 'mode' || resampling === 'median' ? 8 : 1);
}

function createKernel(
  { mapping, scale, source }: WarpInput,
  resampling: ConvolutionKernel | BoxKernel,
  row: WarpRow,
  target: Raster,
): LineKernel {
  const range = rangeOf(source.dtype);
  const { bands, mask } = target;
  const { width, xs, ys } = row;
  if (resampling === 'average') return createAverage(row, mapping, target, range);
  if (resampling === 'mode') return createMode(row, mapping, target, source.dtype);
  if (!isConvolution(resampling)) return createRank(row, mapping, target, resampling);
  if (isWidened(resampling, scale)) {
    const options = { resampling, scale, range };
    const widened =
      mapping.kind === 'separable' ? createSeparableWidenedRow(row, mapping, options) : createWidenedRow(row, options);
    return (line, at) => {
      mapRow(mapping, line, width, xs, ys);
      const valid = locateRow(row);
      if (valid > 0) widened(line, bands, mask, at);
      return valid;
    };
  }
  if (resampling === 'bilinear' && mapping.kind === 'separable' && row.coverage === 'full') {
    const kernel = createSeparableBilinear(row, mapping, target, range.round);
    if (kernel !== null) return kernel;
  }
  return (line, at) => {
    mapRow(mapping, line, width, xs, ys);
    return resampling === 'bilinear'
      ? bilinearRow(row, bands, mask, at, range.round)
      : cubicRow(row, bands, mask, at, range);
  };
}
