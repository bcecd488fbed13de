import { instantiate } from '../wasm/instantiate.ts';
import { WARP_MODULE } from '../wasm/warp-module.ts';
import { bytesPerSample, createRaster } from './raster.ts';
import { isWidened } from './resample.ts';
import type { WarpInput, WarpKernel } from './warp-input.ts';
import {
  BANDS_AT_ONCE,
  copyBands,
  fillPixels,
  layOut,
  place,
  SAMPLE_TYPES,
  takeBands,
  type WarpExports,
  type WarpInstance,
  type WarpLayout,
} from './warp-memory.ts';
import { coverageOf } from './warp-row.ts';

/** Memory of an instance only grows; larger warps take the other way. */
const MAX_BYTES = 32 * 1024 * 1024;
/** The most that one run of lines writes. */
const MAX_TARGET_BYTES = 4 * 1024 * 1024;

/** One for all warps of a thread, made when it is first needed. */
let shared: WarpInstance | undefined;
/** The warp, and the first of its bands, that lie in the memory now; another warp may take its turn between two runs. */
let resident: { readonly owner: WarpLayout; readonly band: number } | undefined;

/**
 * A kernel that works in WebAssembly, with the same results as those in TypeScript; `null` if there is none for the
 * warp's samples or kernel, or if it would need more than 32 MiB.
 */
export function createWasmKernel(input: WarpInput): WarpKernel | null {
  const { source, width, height } = input;
  const kernel = kernelOf(input);
  if (kernel === null || source.bands.length === 0 || width * height === 0) return null;
  const copies = kernel === 'nearest';
  const bands = copies ? source.bands.length : BANDS_AT_ONCE;
  const maxLines = Math.floor(MAX_TARGET_BYTES / (width * (bands * bytesPerSample(source.dtype) + 1)));
  if (maxLines < 1) return null;
  shared ??= instantiate<WarpExports>(WARP_MODULE);
  const wasm = shared;
  const layout = layOut(input, wasm.exports, bands, Math.min(maxLines, height));
  if (layout.end > MAX_BYTES) return null;
  const target = createRaster(width, height, source.dtype, source.bands.length);
  const coverage = coverageOf(source.mask);
  const load = (band: number): void => {
    if (resident?.owner === layout && resident.band === band) return;
    wasm.reserve(layout.end);
    if (resident?.owner !== layout) place(wasm, input, coverage, layout);
    if (copies) copyBands(wasm, source, layout);
    else fillPixels(wasm, source, band, layout);
    resident = { owner: layout, band };
  };
  return {
    maxLines,
    run(from, to) {
      let valid = 0;
      for (let first = 0; first < source.bands.length; first += bands) {
        load(first);
        const count = Math.min(bands, source.bands.length - first);
        valid = copies
          ? copyLines(wasm, input, from, to, layout)
          : weighLines(wasm, input, kernel, count, from, to, layout);
        takeBands(wasm, target, { first, count, from, to }, layout);
      }
      return valid;
    },
    result: () => target,
  };
}

/** The module's kernel for a warp, as it numbers those that weigh; `null` if it has none. */
function kernelOf({ resampling, scale, source }: WarpInput): 'nearest' | number | null {
  if (resampling === 'nearest') return resampling;
  if (SAMPLE_TYPES[source.dtype] === undefined) return null;
  if (resampling === 'average') return 2;
  if (resampling !== 'bilinear' && resampling !== 'cubic') return null;
  if (isWidened(resampling, scale)) return 3;
  return resampling === 'bilinear' ? 0 : 1;
}

function copyLines({ exports }: WarpInstance, { source }: WarpInput, from: number, to: number, at: WarpLayout): number {
  const size = bytesPerSample(source.dtype);
  const bands = source.bands.length;
  return exports.nearest(size, from, to, bands, at.source, at.sourceStep, at.target, at.targetStep, at.targetMask);
}

function weighLines(
  { exports }: WarpInstance,
  { source }: WarpInput,
  kernel: number,
  count: number,
  from: number,
  to: number,
  { target, targetStep, targetMask }: WarpLayout,
): number {
  const band1 = count > 1 ? target + targetStep : 0;
  const band2 = count > 2 ? target + targetStep * 2 : 0;
  return exports.resample(kernel, SAMPLE_TYPES[source.dtype]!, from, to, target, band1, band2, targetMask);
}
