import { createCornerMapper } from './corner-mapper.ts';
import type { InverseMapping } from './inverse-mapping.ts';
import type { WarpRow } from './warp-row.ts';

/**
 * For each pixel of a row an interval of source pixels, `from … to - 1`, and how much of the first and the last one
 * counts. `from` is -1 where there is none.
 */
interface Spans {
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly first: Float64Array;
  readonly last: Float64Array;
}

/** The source pixels under each pixel of a destination row, in pixels of the level. */
export interface SourceBoxes {
  readonly columns: Spans;
  readonly lines: Spans;
  /** Fills both for a row of the destination. */
  place(line: number): void;
}

/**
 * The box of a destination pixel lies between the images of its top left and bottom right corners, clipped to the image.
 * GDAL's average, mode, min, max and med take the valid source pixels that it touches.
 */
export function createSourceBoxes(row: WarpRow, mapping: InverseMapping): SourceBoxes {
  const { width, levelWidth, levelHeight } = row;
  const columns = createSpans(width);
  const lines = createSpans(width);
  let upper = createCorners(mapping, width);
  let lower = createCorners(mapping, width);
  let reached = -1;
  return {
    columns,
    lines,
    place(line) {
      if (line === reached) [upper, lower] = [lower, upper];
      else upper.place(line);
      lower.place(line + 1);
      reached = line + 1;
      fillSpans(columns, upper.xs, lower.xs, levelWidth);
      fillSpans(lines, upper.ys, lower.ys, levelHeight);
    },
  };
}

function createCorners(mapping: InverseMapping, width: number) {
  const xs = new Float64Array(width + 1);
  const ys = new Float64Array(width + 1);
  return { xs, ys, place: createCornerMapper(mapping, width, xs, ys) };
}

function createSpans(width: number): Spans {
  return {
    from: new Int32Array(width),
    to: new Int32Array(width),
    first: new Float64Array(width),
    last: new Float64Array(width),
  };
}

/** Rounding must not open a further pixel, as in GDAL. */
const EPSILON = 1e-10;

/** A box that overlaps the image by less, in source pixels, only touches it: rounding of coordinates is larger than 1e-10. */
const TOUCH = 1e-6;

function fillSpans({ from, to, first, last }: Spans, upper: Float64Array, lower: Float64Array, size: number): void {
  for (let i = 0; i < from.length; i++) {
    const a = upper[i]!;
    const b = lower[i + 1]!;
    const min = a < b ? a : b;
    const max = a < b ? b : a;
    // Also for NaN.
    if (!(min < size - TOUCH && max > TOUCH)) {
      from[i] = -1;
      continue;
    }
    const start = Math.max(Math.floor(min + EPSILON), 0);
    const end = Math.max(Math.min(Math.ceil(max - EPSILON), size), start + 1);
    const single = end === start + 1;
    from[i] = start;
    to[i] = end;
    first[i] = single ? 1 : 1 - (min - start);
    last[i] = single ? 1 : 1 - (end - max);
  }
}
