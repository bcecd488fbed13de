import { type InverseMapping, mapPoint } from './inverse-mapping.ts';
import { toSample, type ValueRange } from './kernel-cubic.ts';
import type { Samples } from './raster.ts';
import type { WarpRow } from './warp-row.ts';

/** An interval of source pixels `from … to - 1` and how much of the first and the last one counts. */
interface Span {
  readonly from: number;
  readonly to: number;
  readonly first: number;
  readonly last: number;
}

/**
 * Average of one row: the mean of the valid source pixels under the box between the images of a destination pixel's top
 * left and bottom right corners, weighted by the area that lies in the box. A pixel is valid if any source pixel in its
 * box is; gives the number of valid pixels.
 */
export function averageRow(
  row: WarpRow,
  mapping: InverseMapping,
  line: number,
  bands: readonly Samples[],
  mask: Uint8Array,
  at: number,
  range: ValueRange,
): number {
  let valid = 0;
  for (let i = 0; i < row.width; i++) {
    const [x0, y0] = mapPoint(mapping, i, line);
    const [x1, y1] = mapPoint(mapping, i + 1, line + 1);
    const columns = spanOf(x0, x1, row.levelWidth);
    const lines = spanOf(y0, y1, row.levelHeight);
    if (columns === null || lines === null) continue;
    const total = sum(row, row.source.mask, columns, lines, true);
    if (total <= 0) continue;
    const alpha = row.coverage === 'partial' ? sum(row, row.source.mask, columns, lines, false) / total : 255;
    mask[at + i] = Math.floor(alpha + 0.5);
    valid++;
    for (let b = 0; b < bands.length; b++) {
      bands[b]![at + i] = toSample(sum(row, row.source.bands[b]!, columns, lines, false) / total, range);
    }
  }
  return valid;
}

/** Rounding must not open a further pixel, as in GDAL. */
const EPSILON = 1e-10;

/** A box that overlaps the image by less, in source pixels, only touches it: rounding of coordinates is larger than 1e-10. */
const TOUCH = 1e-6;

function spanOf(a: number, b: number, size: number): Span | null {
  const min = Math.min(a, b);
  const max = Math.max(a, b);
  // Also for NaN.
  if (!(min < size - TOUCH && max > TOUCH)) return null;
  const from = Math.max(Math.floor(min + EPSILON), 0);
  const to = Math.max(Math.min(Math.ceil(max - EPSILON), size), from + 1);
  if (to === from + 1) return { from, to, first: 1, last: 1 };
  return { from, to, first: 1 - (min - from), last: 1 - (to - max) };
}

/** The weighted sum of `samples` (or, with `weightsOnly`, of 1) over the valid pixels of a box. */
function sum(row: WarpRow, samples: Samples, columns: Span, lines: Span, weightsOnly: boolean): number {
  const mask = row.source.mask;
  const { col: col0, row: row0, width: stride } = row.window;
  let total = 0;
  for (let l = lines.from; l < lines.to; l++) {
    const start = (l - row0) * stride - col0;
    const weightY = l === lines.from ? lines.first : l === lines.to - 1 ? lines.last : 1;
    let line = 0;
    for (let c = columns.from; c < columns.to; c++) {
      if (mask[start + c] === 0) continue;
      const weight = c === columns.from ? columns.first : c === columns.to - 1 ? columns.last : 1;
      line += weightsOnly ? weight : weight * samples[start + c]!;
    }
    total += line * weightY;
  }
  return total;
}
