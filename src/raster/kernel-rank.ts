import type { InverseMapping } from './inverse-mapping.ts';
import { opacityOf } from './kernel-average.ts';
import type { LineKernel } from './kernel-nearest.ts';
import type { Raster, Samples } from './raster.ts';
import { createSourceBoxes, type SourceBoxes } from './source-box.ts';
import type { WarpRow } from './warp-row.ts';

/**
 * The least, the greatest or the middle value of the valid source pixels that a destination pixel touches, whatever
 * their share of it; of an even number the lower of the two in the middle. A pixel is valid if any source pixel in its
 * box is; its opacity is their mean.
 */
export function createRank(
  row: WarpRow,
  mapping: InverseMapping,
  target: Raster,
  rank: 'min' | 'max' | 'median',
): LineKernel {
  const boxes = createSourceBoxes(row, mapping);
  const sources = row.source.bands;
  let values = new Float64Array(64);
  return (line, at) => {
    boxes.place(line);
    let valid = 0;
    for (let i = 0; i < row.width; i++) {
      const size = boxSize(boxes, i);
      if (size === 0) continue;
      if (values.length < size) values = new Float64Array(size * 2);
      let count = 0;
      for (let b = 0; b < sources.length; b++) {
        count = collect(row, boxes, i, sources[b]!, values);
        if (count > 0) target.bands[b]![at + i] = pick(values, count, rank);
      }
      if (count === 0) continue;
      target.mask[at + i] = opacityOf(row, boxes, i);
      valid++;
    }
    return valid;
  };
}

function boxSize({ columns, lines }: SourceBoxes, i: number): number {
  if (columns.from[i]! < 0 || lines.from[i]! < 0) return 0;
  return (columns.to[i]! - columns.from[i]!) * (lines.to[i]! - lines.from[i]!);
}

/** Fills `values` with the valid samples of a box; gives their number. */
function collect(
  { window, source }: WarpRow,
  { columns, lines }: SourceBoxes,
  i: number,
  samples: Samples,
  values: Float64Array,
): number {
  const mask = source.mask;
  const [from, to] = [columns.from[i]!, columns.to[i]!];
  let count = 0;
  for (let l = lines.from[i]!; l < lines.to[i]!; l++) {
    const start = (l - window.row) * window.width - window.col;
    for (let c = from; c < to; c++) if (mask[start + c] !== 0) values[count++] = samples[start + c]!;
  }
  return count;
}

function pick(values: Float64Array, count: number, rank: 'min' | 'max' | 'median'): number {
  if (rank === 'median') return values.subarray(0, count).sort()[Math.ceil(count / 2) - 1]!;
  let found = values[0]!;
  for (let k = 1; k < count; k++) {
    const value = values[k]!;
    if (rank === 'min' ? value < found : value > found) found = value;
  }
  return found;
}
