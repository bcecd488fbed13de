import { mapRow, type SeparableMapping } from './inverse-mapping.ts';
import { bilinearRest, bilinearRow } from './kernel-bilinear.ts';
import type { LineKernel } from './kernel-nearest.ts';
import type { Raster, Samples } from './raster.ts';
import type { WarpRow } from './warp-row.ts';

/** For each column the offset of the left one of its two source pixels, and its weight. */
interface Columns {
  readonly left: Int32Array;
  readonly weights: Float64Array;
}

/**
 * Bilinear interpolation where columns depend on x alone and rows on y alone and all of the source is valid: each source
 * line is interpolated along its columns once, then each row between two of them. The same operations on the same
 * numbers as `bilinearRow`, so the same values. `null` = positions without an image lie between others.
 */
export function createSeparableBilinear(
  row: WarpRow,
  mapping: SeparableMapping,
  { bands, mask }: Raster,
  round: boolean,
): LineKernel | null {
  const { width, window, rest, source } = row;
  const { columns, from, to, count } = placeColumns(row, mapping);
  if (count !== to - from) return null;
  const lines = createLines(source.bands, columns, window.width, from, to);
  let outside = 0;
  for (let i = 0; i < width; i++) if (i < from || i >= to) outside++;
  return (line, at) => {
    mapRow(mapping, line, width, row.xs, row.ys);
    const v = mapping.ys[line * 2 + 1]! - 0.5 - window.row;
    // Also true for NaN.
    if (!(v >= 0 && v < window.height - 1)) return bilinearRow(row, bands, mask, at, round);
    const first = Math.floor(v);
    const upper = lines(first);
    const lower = lines(first + 1);
    const h = 1 - (v - first);
    for (let b = 0; b < bands.length; b++) mixLines(upper[b]!, lower[b]!, h, bands[b]!, at, from, to, round);
    mask.fill(255, at + from, at + to);
    let left = 0;
    for (let i = 0; i < width && left < outside; i++) if (i < from || i >= to) rest[left++] = i;
    return to - from + bilinearRest(row, left, bands, mask, at, round);
  };
}

/** The `count` columns whose two source pixels are in the window, the first and the one after the last. */
function placeColumns({ width, window }: WarpRow, mapping: SeparableMapping) {
  const columns: Columns = { left: new Int32Array(width), weights: new Float64Array(width) };
  let from = width;
  let to = 0;
  let count = 0;
  for (let i = 0; i < width; i++) {
    const u = mapping.xs[i * 2 + 1]! - 0.5 - window.col;
    // Also true for NaN.
    if (!(u >= 0 && u < window.width - 1)) continue;
    from = Math.min(from, i);
    to = i + 1;
    count++;
    columns.left[i] = Math.floor(u);
    columns.weights[i] = 1 - (u - Math.floor(u));
  }
  return { columns, from: Math.min(from, to), to, count };
}

/** Gives the bands of a source line interpolated at every column; the last two lines are kept. */
function createLines(sources: readonly Samples[], columns: Columns, stride: number, from: number, to: number) {
  const slots = [0, 1].map(() => ({
    line: -1,
    bands: sources.map(() => new Float64Array(columns.left.length)),
  }));
  return (line: number): readonly Float64Array[] => {
    const slot = slots[line & 1]!;
    if (slot.line !== line) {
      slot.line = line;
      for (let b = 0; b < sources.length; b++)
        mixColumns(sources[b]!, line * stride, columns, slot.bands[b]!, from, to);
    }
    return slot.bands;
  };
}

function mixColumns(
  source: Samples,
  start: number,
  { left, weights }: Columns,
  target: Float64Array,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const o = start + left[i]!;
    const w = weights[i]!;
    target[i] = source[o]! * w + source[o + 1]! * (1 - w);
  }
}

function mixLines(
  upper: Float64Array,
  lower: Float64Array,
  h: number,
  target: Samples,
  at: number,
  from: number,
  to: number,
  round: boolean,
): void {
  const k = 1 - h;
  if (round) for (let i = from; i < to; i++) target[at + i] = Math.floor(upper[i]! * h + lower[i]! * k + 0.5);
  else for (let i = from; i < to; i++) target[at + i] = upper[i]! * h + lower[i]! * k;
}
