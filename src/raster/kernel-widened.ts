import { toSample, type ValueRange } from './kernel-cubic.ts';
import type { Samples } from './raster.ts';
import { kernelRadius, kernelWeight, type ResampleScale } from './resample.ts';
import type { WarpRow } from './warp-row.ts';

/** One axis of a widened kernel: its weights and the source pixels they belong to, for one position. */
interface Axis {
  readonly scale: number;
  readonly from: number;
  readonly to: number;
  readonly weights: Float64Array;
}

/**
 * Bilinear or cubic with the kernel stretched to the size of a destination pixel, for reductions beyond a half: every
 * source pixel counts. Pixels that are invalid or outside the level are left out, the other weights scaled up to 1.
 * Slow in proportion to the reduction squared; it is needed only where a file lacks overviews.
 */
export function widenedRow(
  row: WarpRow,
  bands: readonly Samples[],
  mask: Uint8Array,
  at: number,
  range: ValueRange,
  resampling: 'bilinear' | 'cubic',
  scale: ResampleScale,
): void {
  const { window } = row;
  const axisX = createAxis(resampling, scale.x);
  const axisY = createAxis(resampling, scale.y);
  for (let i = 0; i < row.width; i++) {
    if (row.nearest[i]! < 0) continue;
    const x = row.xs[i]! - 0.5;
    const y = row.ys[i]! - 0.5;
    const [col, line] = [Math.floor(x) - window.col, Math.floor(y) - window.row];
    weigh(axisX, x - Math.floor(x), resampling);
    weigh(axisY, y - Math.floor(y), resampling);
    const area = {
      colFrom: Math.max(axisX.from, -col),
      colTo: Math.min(axisX.to, window.width - 1 - col),
      lineFrom: Math.max(axisY.from, -line),
      lineTo: Math.min(axisY.to, window.height - 1 - line),
      origin: line * window.width + col,
    };
    const total = sumMask(row, area, axisX, axisY, false);
    if (total < 1e-6) continue;
    const alpha = row.coverage === 'partial' ? sumMask(row, area, axisX, axisY, true) / total : 255;
    mask[at + i] = Math.min(Math.max(Math.floor(alpha + 0.5), 0), 255);
    for (let b = 0; b < bands.length; b++) {
      bands[b]![at + i] = toSample(sumBand(row, row.source.bands[b]!, area, axisX, axisY) / total, range);
    }
  }
}

function createAxis(resampling: 'bilinear' | 'cubic', scale: number): Axis {
  const radius = kernelRadius(resampling);
  const reach = scale < 1 ? Math.ceil(radius / scale) : radius;
  // The pixel at the far left of an even kernel has weight 0 and is left out, as in GDAL.
  const from = ((radius + 1) % 2) - reach;
  return { scale: Math.min(1, scale), from, to: reach, weights: new Float64Array(reach - from + 1) };
}

function weigh(axis: Axis, fraction: number, resampling: 'bilinear' | 'cubic'): void {
  for (let k = axis.from; k <= axis.to; k++) {
    axis.weights[k - axis.from] = kernelWeight(resampling, (k - fraction) * axis.scale);
  }
}

interface Area {
  readonly colFrom: number;
  readonly colTo: number;
  readonly lineFrom: number;
  readonly lineTo: number;
  /** Offset of the source pixel (0, 0) of the kernel. */
  readonly origin: number;
}

function sumMask(row: WarpRow, area: Area, axisX: Axis, axisY: Axis, alpha: boolean): number {
  const mask = row.source.mask;
  let sum = 0;
  for (let l = area.lineFrom; l <= area.lineTo; l++) {
    const start = area.origin + l * row.window.width;
    let line = 0;
    for (let c = area.colFrom; c <= area.colTo; c++) {
      const opacity = mask[start + c]!;
      if (opacity !== 0) line += axisX.weights[c - axisX.from]! * (alpha ? opacity : 1);
    }
    sum += line * axisY.weights[l - axisY.from]!;
  }
  return sum;
}

function sumBand(row: WarpRow, source: Samples, area: Area, axisX: Axis, axisY: Axis): number {
  const mask = row.source.mask;
  let sum = 0;
  for (let l = area.lineFrom; l <= area.lineTo; l++) {
    const start = area.origin + l * row.window.width;
    let line = 0;
    for (let c = area.colFrom; c <= area.colTo; c++) {
      if (mask[start + c] !== 0) line += axisX.weights[c - axisX.from]! * source[start + c]!;
    }
    sum += line * axisY.weights[l - axisY.from]!;
  }
  return sum;
}
