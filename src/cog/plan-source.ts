import type { InverseMapping } from '../raster/inverse-mapping.ts';
import { positionExtent } from '../raster/position-extent.ts';
import type { Window } from '../raster/raster.ts';
import { isBox, isWidened, kernelReach, type Resampling, type ResampleScale } from '../raster/resample.ts';

/** A level of a COG and how it is resampled. */
export interface ResampledLevel {
  readonly levelWidth: number;
  readonly levelHeight: number;
  readonly resampling: Resampling;
}

/** All pixels of a level that the kernel reads for the positions of a mapping; `null` if the image is not touched. */
export function windowToRead(
  mapping: InverseMapping,
  { width, height }: Window,
  { levelWidth, levelHeight, resampling }: ResampledLevel,
  scale: ResampleScale,
): Window | null {
  const limit = { width: levelWidth, height: levelHeight };
  const extent = positionExtent(mapping, { width, height }, isBox(resampling), limit);
  if (extent === null) return null;
  const widened = isWidened(resampling, scale);
  const columns = span(extent[0], extent[2], levelWidth, resampling, scale.x, widened);
  const rows = span(extent[1], extent[3], levelHeight, resampling, scale.y, widened);
  if (columns === null || rows === null) return null;
  return { col: columns.from, row: rows.from, width: columns.to - columns.from, height: rows.to - rows.from };
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Nearer to a pixel's centre or edge than this, a position is on it: a pixel is not read for rounding's sake. */
const ROUNDING = 1e-6;

function span(
  min: number,
  max: number,
  size: number,
  resampling: Resampling,
  scale: number,
  widened: boolean,
): Span | null {
  // Boxes must overlap the image; a pixel centre counts as inside up to 1e-4 pixels outside.
  const allowed = isBox(resampling) ? -ROUNDING : 1e-4;
  if (max < -allowed || min > size + allowed) return null;
  const { first, last } = pixelsRead(min, max, resampling, scale, widened);
  return { from: Math.max(0, Math.min(first, size - 1)), to: Math.min(size, Math.max(last, 0) + 1) };
}

function pixelsRead(min: number, max: number, resampling: Resampling, scale: number, widened: boolean) {
  if (isBox(resampling)) return { first: Math.floor(min), last: Math.ceil(max) };
  if (resampling === 'nearest') return { first: Math.floor(min + ROUNDING), last: Math.floor(max - ROUNDING) };
  const { before, after } = kernelReach(resampling, scale, widened);
  // Cubic needs all its pixels, since it falls back to bilinear where one is missing.
  const rounding = resampling === 'cubic' ? -ROUNDING : ROUNDING;
  return {
    first: Math.floor(min - 0.5 + rounding) - before,
    last: Math.ceil(max - 0.5 - rounding) + after - 1,
  };
}
