import { mapRow } from './inverse-mapping.ts';
import { createAverage } from './kernel-average.ts';
import { bilinearRow } from './kernel-bilinear.ts';
import { cubicRow } from './kernel-cubic.ts';
import { createMode } from './kernel-mode.ts';
import { createNearest, type LineKernel } from './kernel-nearest.ts';
import { createRank } from './kernel-rank.ts';
import { createWidenedRow } from './kernel-widened.ts';
import { createSeparableWidenedRow } from './kernel-widened-separable.ts';
import { createRaster, type Raster } from './raster.ts';
import { type BoxKernel, type ConvolutionKernel, isConvolution, isWidened } from './resample.ts';
import type { WarpInput, WarpKernel } from './warp-input.ts';
import { createRow, locateRow, type WarpRow } from './warp-row.ts';
import { createWorking, fromWorking, rangeOf, toWorking } from './working-raster.ts';

/** Any kernel over samples of any type, of any size. */
export function createTypescriptKernel(input: WarpInput): WarpKernel {
  const { source, mapping, width, height, resampling } = input;
  const { dtype, bands } = source;
  const copies = resampling === 'nearest';
  const row = createRow(copies ? input : { ...input, source: toWorking(source) });
  const target = (copies ? createRaster : createWorking)(width, height, dtype, bands.length);
  const kernel = copies ? createNearest(row, mapping, target) : createKernel(input, resampling, row, target);
  return {
    maxLines: height,
    run(from, to) {
      let valid = 0;
      for (let line = from; line < to; line++) valid += kernel(line, line * width);
      return valid;
    },
    result: () => fromWorking(target, dtype),
  };
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
  return (line, at) => {
    mapRow(mapping, line, width, xs, ys);
    return resampling === 'bilinear'
      ? bilinearRow(row, bands, mask, at, range.round)
      : cubicRow(row, bands, mask, at, range);
  };
}
