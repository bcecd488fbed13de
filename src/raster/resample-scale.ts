import type { Project } from './inverse-mapping.ts';
import type { ResampleScale } from './resample.ts';

/** Unit squares are looked at in a pattern of at most this many by this many. */
const SAMPLES = 10;

/**
 * How many destination pixels there are per source pixel over a destination window, measured as GDAL 3.13 does: the mean
 * over up to 10 × 10 unit squares, leaving out those of a scale under a tenth of the greatest (they straddle a
 * discontinuity). Reductions that are nearly a whole number are taken as one. 1, 1 where nothing has an image.
 */
export function measureScale(project: Project, width: number, height: number): ResampleScale {
  const columns = positions(width);
  const rows = positions(height);
  const count = columns.length * rows.length;
  const xs = new Float64Array(count * 3);
  const ys = new Float64Array(count * 3);
  rows.forEach((row, j) =>
    columns.forEach((column, i) => {
      const n = (j * columns.length + i) * 3;
      xs.set([column.at, column.at + column.side, column.at], n);
      ys.set([row.at, row.at, row.at + row.side], n);
    }),
  );
  project(xs, ys);
  const scales = Array.from({ length: count }, (_, k) => squareScale(xs, ys, k * 3));
  return { x: snap(meanWithoutOutliers(scales.map((s) => s.x))), y: snap(meanWithoutOutliers(scales.map((s) => s.y))) };
}

/** Tangent of the angle up to which the image of a square is taken to lie along the source's axes. */
const MAX_TURN = 0.1;

/** Corners of unit squares along one axis; the last square lies before its corner, so that all lie in the window. */
function positions(size: number): readonly { readonly at: number; readonly side: number }[] {
  const count = Math.min(SAMPLES, size);
  return Array.from({ length: count }, (_, i) =>
    i === count - 1 && i > 0 ? { at: size, side: -1 } : { at: count === 1 ? 0 : (i * size) / (count - 1), side: 1 },
  );
}

/**
 * The scale along the source's axes, from the images of a square's corner and the two corners beside it. Where the image
 * is turned by more than a little it has no such axes: then both scales are that of its area.
 */
function squareScale(xs: Float64Array, ys: Float64Array, n: number): ResampleScale {
  const [ax, ay] = [xs[n + 1]! - xs[n]!, ys[n + 1]! - ys[n]!];
  const [bx, by] = [xs[n + 2]! - xs[n]!, ys[n + 2]! - ys[n]!];
  const turned = Math.max(Math.abs(ay) / Math.abs(ax), Math.abs(bx) / Math.abs(by));
  if (turned < MAX_TURN) return { x: 1 / Math.hypot(ax, ay), y: 1 / Math.hypot(bx, by) };
  const scale = 1 / Math.sqrt(Math.abs(ax * by - ay * bx));
  return { x: scale, y: scale };
}

function meanWithoutOutliers(scales: readonly number[]): number {
  const finite = scales.filter((scale) => Number.isFinite(scale) && scale > 0);
  if (finite.length === 0) return 1;
  const least = Math.max(...finite) / 10;
  const kept = finite.filter((scale) => scale > least);
  return kept.reduce((sum, scale) => sum + scale, 0) / kept.length;
}

/** A reduction within 0.05 of a whole number is that number. */
function snap(scale: number): number {
  if (scale >= 1) return scale;
  const reduction = 1 / scale;
  const whole = Math.floor(reduction + 0.5);
  return Math.abs(reduction - whole) < 0.05 ? 1 / whole : scale;
}
