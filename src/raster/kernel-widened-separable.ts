import type { SeparableMapping } from './inverse-mapping.ts';
import type { Samples } from './raster.ts';
import { type ConvolutionKernel, kernelWeight, type ResampleScale, widenedReach } from './resample.ts';
import type { WarpRow } from './warp-row.ts';
import { toSample, type ValueRange } from './working-raster.ts';

/** Fills one row of the target from the warp's row, whose `nearest` is known. */
export type WidenedRow = (line: number, bands: readonly Samples[], mask: Uint8Array, at: number) => void;

/** What the widened kernel needs to know once per warp. */
export interface WidenedOptions {
  readonly resampling: ConvolutionKernel;
  readonly scale: ResampleScale;
  readonly range: ValueRange;
}

/** The source pixels under the kernel at each position of one axis, and their weights: `count` of them from `first`. */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly stride: number;
  readonly weights: Float64Array;
}

/**
 * The widened kernel where columns depend on x alone and rows on y alone: each source line is summed along its columns
 * once, and the sums are kept while rows need them. The same sums in the same order as `createWidenedRow`, so the same values,
 * at O(reduction) a pixel instead of its square.
 */
export function createSeparableWidenedRow(
  row: WarpRow,
  mapping: SeparableMapping,
  { resampling, scale, range }: WidenedOptions,
): WidenedRow {
  const columns = tapsOf(mapping.xs, row.window.col, row.window.width, resampling, scale.x);
  const lines = tapsOf(mapping.ys, row.window.row, row.window.height, resampling, scale.y);
  const sums = createLineSums(row, columns, lines.stride);
  const channels = sums.channels;
  const folded = Array.from({ length: channels }, () => new Float64Array(row.width));
  return (line, bands, mask, at) => {
    for (const values of folded) values.fill(0);
    const first = lines.first[line]!;
    for (let k = 0; k < lines.count[line]!; k++) {
      const weight = lines.weights[line * lines.stride + k]!;
      const line0 = sums.at(first + k);
      for (let channel = 0; channel < channels; channel++) addScaled(folded[channel]!, line0[channel]!, weight);
    }
    writeRow(row, folded, bands, mask, at, range);
  };
}

function addScaled(target: Float64Array, source: Float64Array, weight: number): void {
  for (let i = 0; i < target.length; i++) target[i] = target[i]! + source[i]! * weight;
}

function writeRow(
  row: WarpRow,
  folded: readonly Float64Array[],
  bands: readonly Samples[],
  mask: Uint8Array,
  at: number,
  range: ValueRange,
): void {
  const [totals, alphas] = [folded[0]!, row.coverage === 'partial' ? folded[1]! : null];
  const firstBand = alphas === null ? 1 : 2;
  for (let i = 0; i < row.width; i++) {
    const total = totals[i]!;
    if (row.nearest[i]! < 0 || total < 1e-6) continue;
    mask[at + i] = alphas === null ? 255 : Math.min(Math.max(Math.floor(alphas[i]! / total + 0.5), 0), 255);
    for (let b = 0; b < bands.length; b++) bands[b]![at + i] = toSample(folded[firstBand + b]![i]! / total, range);
  }
}

/** `entries` are the images of half pixels: the centre of position i is entry 2 · i + 1. */
function tapsOf(
  entries: Float64Array,
  origin: number,
  size: number,
  resampling: ConvolutionKernel,
  scale: number,
): Taps {
  const { from, to } = widenedReach(resampling, scale);
  // A kernel may reach a million pixels beyond a scene that is a speck on its tile.
  const stride = Math.min(to - from + 1, size);
  const length = (entries.length - 1) / 2;
  const taps = {
    first: new Int32Array(length),
    count: new Int32Array(length),
    stride,
    weights: new Float64Array(length * stride),
  };
  for (let i = 0; i < length; i++) {
    const position = entries[i * 2 + 1]! - 0.5;
    if (Number.isNaN(position)) continue;
    const base = Math.floor(position);
    const first = Math.max(from, origin - base);
    const last = Math.min(to, origin + size - 1 - base);
    taps.first[i] = base - origin + first;
    taps.count[i] = Math.max(0, last - first + 1);
    for (let k = first; k <= last; k++) {
      taps.weights[i * stride + k - first] = kernelWeight(resampling, (k - (position - base)) * Math.min(1, scale));
    }
  }
  return taps;
}

interface LineSums {
  /** How many sums a line has: the weights, with partial coverage the weighted mask, and each band. */
  readonly channels: number;
  /** The sums of a source line for every column; valid until `kept` other lines were asked for. */
  at(line: number): readonly Float64Array[];
}

function createLineSums(row: WarpRow, columns: Taps, kept: number): LineSums {
  const { source, coverage, width, window } = row;
  const channels = source.bands.length + (coverage === 'partial' ? 2 : 1);
  const slots = Array.from({ length: kept }, () => ({
    line: -1,
    sums: Array.from({ length: channels }, () => new Float64Array(width)),
  }));
  return {
    channels,
    at(line) {
      const slot = slots[line % kept]!;
      if (slot.line === line) return slot.sums;
      slot.line = line;
      const start = line * window.width;
      const mask = coverage === 'full' ? null : source.mask;
      sumMask(mask, false, start, columns, slot.sums[0]!);
      if (coverage === 'partial') sumMask(mask, true, start, columns, slot.sums[1]!);
      const firstBand = channels - source.bands.length;
      for (let b = 0; b < source.bands.length; b++) {
        if (mask === null) sumLine(source.bands[b]!, start, columns, slot.sums[firstBand + b]!);
        else sumMaskedLine(source.bands[b]!, mask, start, columns, slot.sums[firstBand + b]!);
      }
      return slot.sums;
    },
  };
}

function sumMask(mask: Uint8Array | null, alpha: boolean, start: number, columns: Taps, sums: Float64Array): void {
  const { first, count, stride, weights } = columns;
  for (let i = 0; i < sums.length; i++) {
    let sum = 0;
    for (let k = 0; k < count[i]!; k++) {
      const opacity = mask === null ? 255 : mask[start + first[i]! + k]!;
      if (opacity !== 0) sum += weights[i * stride + k]! * (alpha ? opacity : 1);
    }
    sums[i] = sum;
  }
}

function sumLine(source: Samples, start: number, columns: Taps, sums: Float64Array): void {
  const { first, count, stride, weights } = columns;
  for (let i = 0; i < sums.length; i++) {
    const o = start + first[i]!;
    const w = i * stride;
    let sum = 0;
    for (let k = 0, n = count[i]!; k < n; k++) sum += weights[w + k]! * source[o + k]!;
    sums[i] = sum;
  }
}

function sumMaskedLine(source: Samples, mask: Uint8Array, start: number, columns: Taps, sums: Float64Array): void {
  const { first, count, stride, weights } = columns;
  for (let i = 0; i < sums.length; i++) {
    const o = start + first[i]!;
    const w = i * stride;
    let sum = 0;
    for (let k = 0, n = count[i]!; k < n; k++) if (mask[o + k] !== 0) sum += weights[w + k]! * source[o + k]!;
    sums[i] = sum;
  }
}
