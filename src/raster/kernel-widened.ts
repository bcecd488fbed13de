import type { WidenedOptions, WidenedRow } from './kernel-widened-separable.ts';
import type { Samples } from './raster.ts';
import { type ConvolutionKernel, kernelWeight, type ResampleScale, widenedReach } from './resample.ts';
import type { WarpRow } from './warp-row.ts';
import { toSample } from './working-raster.ts';

/** One axis of a widened kernel for one position: `count` source pixels from `first` on, and their weights. */
interface Axis {
  readonly scale: number;
  /** How Lanczos' two sines turn from one source pixel to the next. */
  readonly sinStep: number;
  readonly cosStep: number;
  readonly sinThird: number;
  readonly cosThird: number;
  readonly from: number;
  readonly to: number;
  first: number;
  count: number;
  readonly weights: Float64Array;
}

/**
 * Bilinear or cubic with the kernel stretched to the size of a destination pixel, for reductions beyond a half: every
 * source pixel counts. Pixels that are invalid or outside the level are left out, the other weights scaled up to 1.
 * Slow in proportion to the reduction squared; it is needed only where a file lacks overviews.
 */
export function createWidenedRow(row: WarpRow, { resampling, scale, range }: WidenedOptions): WidenedRow {
  const { window, coverage, source } = row;
  const axisX = createAxis(resampling, scale.x, window.width);
  const axisY = createAxis(resampling, scale.y, window.height);
  const mask = coverage === 'full' ? null : source.mask;
  const sums = new Float64Array(source.bands.length);
  return (_line, bands, targetMask, at) => {
    for (let i = 0; i < row.width; i++) {
      if (row.nearest[i]! < 0) continue;
      weigh(axisX, row.xs[i]! - 0.5, window.col, window.width, resampling);
      weigh(axisY, row.ys[i]! - 0.5, window.row, window.height, resampling);
      const total = sumMask(mask, window.width, axisX, axisY, false);
      if (total < 1e-6) continue;
      const alpha = coverage === 'partial' ? sumMask(mask, window.width, axisX, axisY, true) / total : 255;
      targetMask[at + i] = Math.min(Math.max(Math.floor(alpha + 0.5), 0), 255);
      sumBands(source.bands, mask, window.width, axisX, axisY, sums);
      for (let b = 0; b < bands.length; b++) bands[b]![at + i] = toSample(sums[b]! / total, range);
    }
  };
}

function createAxis(resampling: ConvolutionKernel, scale: ResampleScale['x'], size: number): Axis {
  const { from, to } = widenedReach(resampling, scale);
  const step = Math.PI * Math.min(1, scale);
  return {
    scale: Math.min(1, scale),
    sinStep: Math.sin(step),
    cosStep: Math.cos(step),
    sinThird: Math.sin(step / 3),
    cosThird: Math.cos(step / 3),
    from,
    to,
    first: 0,
    count: 0,
    // A kernel may reach a million pixels beyond a scene that is a speck on its tile.
    weights: new Float64Array(Math.min(to - from + 1, size)),
  };
}

/** Sets the pixels under the kernel at a position, those of the window alone, and their weights. */
function weigh(axis: Axis, position: number, origin: number, size: number, resampling: ConvolutionKernel): void {
  const { scale, weights } = axis;
  const base = Math.floor(position);
  const fraction = position - base;
  const from = Math.max(axis.from, origin - base);
  const to = Math.min(axis.to, origin + size - 1 - base);
  if (resampling === 'bilinear') {
    // The same as `kernelWeight`, three times as fast.
    for (let k = from; k <= to; k++) {
      const d = Math.abs((k - fraction) * scale);
      weights[k - from] = d <= 1 ? 1 - d : 0;
    }
  } else if (resampling === 'lanczos') {
    weighLanczos(axis, fraction, from, to);
  } else {
    for (let k = from; k <= to; k++) weights[k - from] = kernelWeight(resampling, (k - fraction) * scale);
  }
  axis.first = base - origin + from;
  axis.count = to - from + 1;
}

/** `kernelWeight` but for rounding, at a quarter of the time: each sine is the one before, turned by a step. */
function weighLanczos(axis: Axis, fraction: number, from: number, to: number): void {
  const { scale, weights, sinStep, cosStep, sinThird, cosThird } = axis;
  const step = Math.PI * scale;
  let angle = (from - fraction) * step;
  let sin = Math.sin(angle);
  let cos = Math.cos(angle);
  let sin3 = Math.sin(angle / 3);
  let cos3 = Math.cos(angle / 3);
  let before: number;
  for (let k = from; k <= to; k++) {
    angle = (k - fraction) * step;
    const d = Math.abs(angle);
    // So near to the middle that the sines' last digits would count.
    if (d < 1e-5) weights[k - from] = 1;
    else weights[k - from] = d < 3 * Math.PI ? (3 * sin * sin3) / (d * d) : 0;
    before = sin;
    sin = sin * cosStep + cos * sinStep;
    cos = cos * cosStep - before * sinStep;
    before = sin3;
    sin3 = sin3 * cosThird + cos3 * sinThird;
    cos3 = cos3 * cosThird - before * sinThird;
  }
}

function sumMask(mask: Uint8Array | null, stride: number, axisX: Axis, axisY: Axis, alpha: boolean): number {
  let sum = 0;
  let line = 0;
  for (let l = 0; l < axisY.count; l++) {
    // Without a mask every line has the same sum.
    if (mask !== null || l === 0) {
      const start = (axisY.first + l) * stride + axisX.first;
      line = 0;
      for (let c = 0; c < axisX.count; c++) {
        const opacity = mask === null ? 255 : mask[start + c]!;
        if (opacity !== 0) line += axisX.weights[c]! * (alpha ? opacity : 1);
      }
    }
    sum += line * axisY.weights[l]!;
  }
  return sum;
}

/** The weighted sums of all bands, each in the same order of additions. */
function sumBands(
  bands: readonly Samples[],
  mask: Uint8Array | null,
  stride: number,
  axisX: Axis,
  axisY: Axis,
  sums: Float64Array,
): void {
  let b = 0;
  if (mask === null) for (; b + 3 <= bands.length; b += 3) sumThreeBands(bands, b, stride, axisX, axisY, sums);
  for (; b < bands.length; b++) {
    sums[b] =
      mask === null ? sumBand(bands[b]!, stride, axisX, axisY) : sumMaskedBand(bands[b]!, mask, stride, axisX, axisY);
  }
}

function sumThreeBands(
  bands: readonly Samples[],
  b: number,
  stride: number,
  axisX: Axis,
  axisY: Axis,
  sums: Float64Array,
): void {
  const [source0, source1, source2] = [bands[b]!, bands[b + 1]!, bands[b + 2]!];
  const { weights, count } = axisX;
  let [sum0, sum1, sum2] = [0, 0, 0];
  for (let l = 0; l < axisY.count; l++) {
    const start = (axisY.first + l) * stride + axisX.first;
    let [line0, line1, line2] = [0, 0, 0];
    for (let c = 0; c < count; c++) {
      const weight = weights[c]!;
      line0 += weight * source0[start + c]!;
      line1 += weight * source1[start + c]!;
      line2 += weight * source2[start + c]!;
    }
    const weight = axisY.weights[l]!;
    sum0 += line0 * weight;
    sum1 += line1 * weight;
    sum2 += line2 * weight;
  }
  sums[b] = sum0;
  sums[b + 1] = sum1;
  sums[b + 2] = sum2;
}

function sumBand(source: Samples, stride: number, axisX: Axis, axisY: Axis): number {
  const { weights, count } = axisX;
  let sum = 0;
  for (let l = 0; l < axisY.count; l++) {
    const start = (axisY.first + l) * stride + axisX.first;
    let line = 0;
    for (let c = 0; c < count; c++) line += weights[c]! * source[start + c]!;
    sum += line * axisY.weights[l]!;
  }
  return sum;
}

function sumMaskedBand(source: Samples, mask: Uint8Array, stride: number, axisX: Axis, axisY: Axis): number {
  const { weights, count } = axisX;
  let sum = 0;
  for (let l = 0; l < axisY.count; l++) {
    const start = (axisY.first + l) * stride + axisX.first;
    let line = 0;
    for (let c = 0; c < count; c++) if (mask[start + c] !== 0) line += weights[c]! * source[start + c]!;
    sum += line * axisY.weights[l]!;
  }
  return sum;
}
