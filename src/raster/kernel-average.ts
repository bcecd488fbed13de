import type { InverseMapping } from './inverse-mapping.ts';
import type { LineKernel } from './kernel-nearest.ts';
import type { Raster, Samples } from './raster.ts';
import { createSourceBoxes, type SourceBoxes } from './source-box.ts';
import type { WarpRow } from './warp-row.ts';
import { toSample, type ValueRange } from './working-raster.ts';

/**
 * The mean of the valid source pixels under the box between the images of a destination pixel's top left and bottom
 * right corners, weighted by the area that lies in the box. A pixel is valid if any source pixel in its box is.
 */
export function createAverage(row: WarpRow, mapping: InverseMapping, target: Raster, range: ValueRange): LineKernel {
  const boxes = createSourceBoxes(row, mapping);
  const { from: colFrom } = boxes.columns;
  const { from: lineFrom } = boxes.lines;
  const sources = row.source.bands;
  const mask = row.coverage === 'full' ? null : row.source.mask;
  return (line, at) => {
    boxes.place(line);
    let valid = 0;
    for (let i = 0; i < row.width; i++) {
      if (colFrom[i]! < 0 || lineFrom[i]! < 0) continue;
      const total = sumSamples(row, boxes, i, mask, null);
      if (total <= 0) continue;
      target.mask[at + i] = opacityOf(row, boxes, i);
      valid++;
      for (let b = 0; b < sources.length; b++) {
        target.bands[b]![at + i] = toSample(sumSamples(row, boxes, i, mask, sources[b]!) / total, range);
      }
    }
    return valid;
  };
}

/** The mean opacity of the valid pixels in the box of pixel `i`, of which there are some. */
export function opacityOf(row: WarpRow, boxes: SourceBoxes, i: number): number {
  if (row.coverage !== 'partial') return 255;
  const mask = row.source.mask;
  return Math.floor(sumSamples(row, boxes, i, mask, mask) / sumSamples(row, boxes, i, mask, null) + 0.5);
}

/** The weighted sum of the samples of the valid pixels of the box of pixel `i`; without samples, that of their weights. */
function sumSamples(
  { window }: WarpRow,
  { columns, lines }: SourceBoxes,
  i: number,
  mask: Uint8Array | null,
  samples: Samples | null,
): number {
  const [from, to, first, last] = [columns.from[i]!, columns.to[i]!, columns.first[i]!, columns.last[i]!];
  const lineFrom = lines.from[i]!;
  const lineTo = lines.to[i]!;
  let total = 0;
  for (let l = lineFrom; l < lineTo; l++) {
    const start = (l - window.row) * window.width - window.col;
    const weightY = l === lineFrom ? lines.first[i]! : l === lineTo - 1 ? lines.last[i]! : 1;
    let line = 0;
    for (let c = from; c < to; c++) {
      if (mask !== null && mask[start + c] === 0) continue;
      line += (c === from ? first : c === to - 1 ? last : 1) * (samples === null ? 1 : samples[start + c]!);
    }
    total += line * weightY;
  }
  return total;
}
