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
  const sums = new Float64Array(sources.length);
  return (line, at) => {
    boxes.place(line);
    let valid = 0;
    for (let i = 0; i < row.width; i++) {
      if (colFrom[i]! < 0 || lineFrom[i]! < 0) continue;
      const total = mask === null ? sumFullBox(row, boxes, i, sums) : sumWeights(row, boxes, i, mask);
      if (total <= 0) continue;
      target.mask[at + i] = opacityOf(row, boxes, i);
      valid++;
      for (let b = 0; b < sources.length; b++) {
        const sum = mask === null ? sums[b]! : sumSamples(row, boxes, i, mask, sources[b]!);
        target.bands[b]![at + i] = toSample(sum / total, range);
      }
    }
    return valid;
  };
}

/** The weights of a box without a mask; sets the weighted sums of all bands, in the same order of additions. */
function sumFullBox(
  { window, source }: WarpRow,
  { columns, lines }: SourceBoxes,
  i: number,
  sums: Float64Array,
): number {
  const bands = source.bands;
  const stride = window.width;
  const [from, last] = [columns.from[i]!, columns.to[i]! - 1];
  const [top, bottom] = [lines.from[i]!, lines.to[i]! - 1];
  const box: Box = {
    start: (top - window.row) * stride + from - window.col,
    stride,
    count: last - from,
    height: bottom - top,
    left: columns.first[i]!,
    right: columns.last[i]!,
    upper: lines.first[i]!,
    lower: lines.last[i]!,
  };
  let b = 0;
  for (; b + 3 <= bands.length; b += 3) sumThree(bands[b]!, bands[b + 1]!, bands[b + 2]!, box, sums, b);
  for (; b < bands.length; b++) sums[b] = sumOne(bands[b]!, box);
  return sumOfWeights(box);
}

/** A box of more than one column has `count` columns after its first, which counts `left`; the last counts `right`. */
interface Box {
  readonly start: number;
  readonly stride: number;
  readonly count: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly upper: number;
  readonly lower: number;
}

function sumOfWeights({ count, height, left, right, upper, lower }: Box): number {
  let line = left;
  for (let c = 1; c < count; c++) line += 1;
  if (count > 0) line += right;
  let total = line * upper;
  for (let l = 1; l < height; l++) total += line;
  return height > 0 ? total + line * lower : total;
}

function sumOne(source: Samples, { start, stride, count, height, left, right, upper, lower }: Box): number {
  let total = 0;
  for (let l = 0, o = start; l <= height; l++, o += stride) {
    let line = left * source[o]!;
    for (let c = 1; c < count; c++) line += source[o + c]!;
    if (count > 0) line += right * source[o + count]!;
    total += line * (l === 0 ? upper : l === height ? lower : 1);
  }
  return total;
}

function sumThree(a: Samples, b: Samples, c: Samples, box: Box, sums: Float64Array, at: number): void {
  const { start, stride, count, height, left, right, upper, lower } = box;
  let [total0, total1, total2] = [0, 0, 0];
  for (let l = 0, o = start; l <= height; l++, o += stride) {
    let line0 = left * a[o]!;
    let line1 = left * b[o]!;
    let line2 = left * c[o]!;
    for (let p = o + 1; p < o + count; p++) {
      line0 += a[p]!;
      line1 += b[p]!;
      line2 += c[p]!;
    }
    if (count > 0) {
      line0 += right * a[o + count]!;
      line1 += right * b[o + count]!;
      line2 += right * c[o + count]!;
    }
    const weight = l === 0 ? upper : l === height ? lower : 1;
    total0 += line0 * weight;
    total1 += line1 * weight;
    total2 += line2 * weight;
  }
  sums[at] = total0;
  sums[at + 1] = total1;
  sums[at + 2] = total2;
}

/** The mean opacity of the valid pixels in the box of pixel `i`, of which there are some. */
export function opacityOf(row: WarpRow, boxes: SourceBoxes, i: number): number {
  if (row.coverage !== 'partial') return 255;
  const mask = row.source.mask;
  return Math.floor(sumSamples(row, boxes, i, mask, mask) / sumWeights(row, boxes, i, mask) + 0.5);
}

/** The weights of the valid pixels of the box of pixel `i`. */
function sumWeights({ window }: WarpRow, { columns, lines }: SourceBoxes, i: number, mask: Uint8Array | null): number {
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
      line += c === from ? first : c === to - 1 ? last : 1;
    }
    total += line * weightY;
  }
  return total;
}

/** The weighted sum of the samples of the valid pixels of the box of pixel `i`. */
function sumSamples(
  { window }: WarpRow,
  { columns, lines }: SourceBoxes,
  i: number,
  mask: Uint8Array | null,
  samples: Samples,
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
      line += (c === from ? first : c === to - 1 ? last : 1) * samples[start + c]!;
    }
    total += line * weightY;
  }
  return total;
}
