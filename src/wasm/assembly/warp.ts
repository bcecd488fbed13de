// Resampling, a run of destination lines at a time. The caller lays out memory: see src/raster/warp-wasm.ts.
import { averageLine } from './warp/average';
import { beginBilinear, bilinearLine } from './warp/bilinear';
import { forgetColumns, rowAt } from './warp/columns';
import { forgetCorners } from './warp/corners';
import { cubicLine } from './warp/cubic';
import { copyBand, locateLine, maskOfRow } from './warp/nearest';
import { interleave, separate } from './warp/pixels';
import { isFull, maskAt, width } from './warp/state';
import { widenedLine } from './warp/widened';

export { rowBytes, setMapping, setRows, setWindow } from './warp/state';
export { setWidened, widenedBytes } from './warp/widened';

// Types of samples, as the caller numbers them.
const UINT8: i32 = 0;
const INT8: i32 = 1;
const UINT16: i32 = 2;
const INT16: i32 = 3;

/** The first byte that the caller may use. */
export function heapBase(): usize {
  return __heap_base;
}

/** Makes pixels of the window from `count` samples of three bands and their mask. */
export function fill(type: i32, band0: usize, band1: usize, band2: usize, mask: usize, count: i32, to: usize): void {
  if (type == UINT8) interleave<u8>(band0, band1, band2, mask, count, to);
  else if (type == INT8) interleave<i8>(band0, band1, band2, mask, count, to);
  else if (type == UINT16) interleave<u16>(band0, band1, band2, mask, count, to);
  else if (type == INT16) interleave<i16>(band0, band1, band2, mask, count, to);
  else interleave<f32>(band0, band1, band2, mask, count, to);
}

const BILINEAR: i32 = 0;
const CUBIC: i32 = 1;
const AVERAGE: i32 = 2;

/** Resamples lines into three bands (0: none) and their mask; gives the number of valid pixels. */
export function resample(
  kernel: i32,
  type: i32,
  from: i32,
  to: i32,
  band0: usize,
  band1: usize,
  band2: usize,
  mask: usize,
): i32 {
  let valid = 0;
  forgetCorners();
  beginBilinear();
  for (let line = from, at: usize = 0; line < to; line++, at += <usize>width) {
    if (kernel == BILINEAR) valid += bilinearLine(line);
    else if (kernel == CUBIC) valid += cubicLine(line);
    else if (kernel == AVERAGE) valid += averageLine(line);
    else valid += widenedLine(line);
    if (type == UINT8) separate<u8>(band0 + at, behind(band1, at), behind(band2, at), mask + at);
    else if (type == INT8) separate<i8>(band0 + at, behind(band1, at), behind(band2, at), mask + at);
    else if (type == UINT16) separate<u16>(band0 + at * 2, behind(band1, at * 2), behind(band2, at * 2), mask + at);
    else if (type == INT16) separate<i16>(band0 + at * 2, behind(band1, at * 2), behind(band2, at * 2), mask + at);
    else separate<f32>(band0 + at * 4, behind(band1, at * 4), behind(band2, at * 4), mask + at);
  }
  return valid;
}

@inline
function behind(band: usize, bytes: usize): usize {
  return band == 0 ? 0 : band + bytes;
}

/**
 * Copies the nearest pixels of lines: `bands` bands of `size` bytes a sample, which lie `sourceStep` and `targetStep`
 * bytes apart; gives the number of valid pixels.
 */
export function nearest(
  size: i32,
  from: i32,
  to: i32,
  bands: i32,
  source: usize,
  sourceStep: usize,
  target: usize,
  targetStep: usize,
  mask: usize,
): i32 {
  let valid = 0;
  forgetColumns();
  for (let line = from, at: usize = 0; line < to; line++, at += <usize>width) {
    const row = rowAt(line);
    const found = row < 0 ? locateLine(line) : isFull ? width : maskOfRow(maskAt, row, mask + at);
    const isWhole = found == width;
    valid += found;
    if (isFull && isWhole) memory.fill(mask + at, 255, width);
    else if (row < 0) copyBand<u8>(maskAt, row, mask + at, 0, isWhole);
    for (let b: usize = 0; b < <usize>bands; b++) {
      const band = source + b * sourceStep;
      const copy = target + b * targetStep + at * <usize>size;
      if (size == 1) copyBand<u8>(band, row, copy, mask + at, isWhole);
      else if (size == 2) copyBand<u16>(band, row, copy, mask + at, isWhole);
      else if (size == 4) copyBand<u32>(band, row, copy, mask + at, isWhole);
      else copyBand<u64>(band, row, copy, mask + at, isWhole);
    }
  }
  return valid;
}
