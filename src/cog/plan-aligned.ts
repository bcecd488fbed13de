import type { InverseMapping } from '../raster/inverse-mapping.ts';
import type { Window } from '../raster/raster.ts';

/**
 * How far, in source pixels, a mapping may stray from whole pixels and still count as one: more than coordinates of the
 * world's size are rounded by, down to zoom 24. Moved by as much, a value of 16 bits would change by 0.07 at most, which
 * rounding undoes.
 */
const TOLERANCE = 1e-6;

/** Two windows of one size, of a tile and of a level; each pixel of the one is the pixel at the same place of the other. */
export interface AlignedWindows {
  readonly destination: Window;
  readonly source: Window;
}

/**
 * Finds that a part of a tile need not be resampled: its mapping to the level is a whole number of pixels along both axes,
 * at the same resolution. Every kernel then gives each pixel the value, validity and opacity of the one under it: the
 * centre of it is met exactly, where the weights of all others are 0, and so is its box.
 *
 * @returns the windows, clipped to the level; `outside` if nothing of the level is in them; `null` if the mapping is
 * another
 */
export function alignedWindows(
  mapping: InverseMapping,
  destination: Window,
  level: { readonly width: number; readonly height: number },
): AlignedWindows | 'outside' | null {
  if (mapping.kind !== 'separable') return null;
  const left = wholeShift(mapping.xs);
  const top = wholeShift(mapping.ys);
  if (left === null || top === null) return null;
  const col = Math.max(0, left);
  const row = Math.max(0, top);
  const width = Math.min(level.width, left + destination.width) - col;
  const height = Math.min(level.height, top + destination.height) - row;
  if (width <= 0 || height <= 0) return 'outside';
  return {
    destination: { col: destination.col + col - left, row: destination.row + row - top, width, height },
    source: { col, row, width, height },
  };
}

/** The number of pixels by which all entries, the images of half pixels, are moved; `null` if it is not one or not whole. */
function wholeShift(entries: Float64Array): number | null {
  const shift = Math.round(entries[0]!);
  for (let i = 0; i < entries.length; i++) {
    // Also true for NaN.
    if (!(Math.abs(entries[i]! - i / 2 - shift) <= TOLERANCE)) return null;
  }
  return shift;
}
