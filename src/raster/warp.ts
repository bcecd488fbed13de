import { isConvolution, isWidened, kernelReach } from './resample.ts';
import type { Raster } from './raster.ts';
import type { WarpInput } from './warp-input.ts';
import { createTypescriptKernel } from './warp-typescript.ts';
import { createWasmKernel } from './warp-wasm.ts';

/**
 * Resamples a raster onto a destination grid.
 *
 * The result has the source's dtype and bands, `width × height` pixels. A pixel is valid if and only if the source pixel
 * nearest to its centre is valid; centres within 1e-4 source pixels outside the image count as inside, so that abutting
 * scenes leave no gap. Invalid source pixels never take part in a value. Agrees with GDAL 3.13 at a transformer
 * tolerance of 0. `null` = no valid pixel. Done in WebAssembly where it has a kernel, else by those in TypeScript, of which
 * it gives every bit.
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
  const { width, height } = input;
  const kernel = createWasmKernel(input) ?? createTypescriptKernel(input);
  const linesPerStep = Math.max(1, Math.floor(WORK_PER_STEP / (width * workPerPixel(input))));
  const linesPerRun = Math.min(linesPerStep, kernel.maxLines);
  let valid = 0;
  for (let line = 0; line < height; line += linesPerRun) {
    if (line > 0) yield;
    valid += kernel.run(line, Math.min(line + linesPerRun, height));
  }
  return valid === 0 ? null : kernel.result();
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
