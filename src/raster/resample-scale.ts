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
  const count = columns.at.length * rows.at.length;
  const xs = new Float64Array(count * 3);
  const ys = new Float64Array(count * 3);
  // All corners, then those beside them, then those below: points of one row follow one another, which is less work for
  // some projections.
  let n = 0;
  for (let j = 0; j < rows.at.length; j++) {
    for (let i = 0; i < columns.at.length; i++, n++) {
      xs[n] = columns.at[i]!;
      xs[n + count] = columns.beside[i]!;
      xs[n + count * 2] = columns.at[i]!;
      ys[n] = rows.at[j]!;
      ys[n + count] = rows.at[j]!;
      ys[n + count * 2] = rows.beside[j]!;
    }
  }
  project(xs, ys);
  const scalesX = new Float64Array(count);
  const scalesY = new Float64Array(count);
  for (let k = 0; k < count; k++) measureSquare(xs, ys, k, scalesX, scalesY);
  return { x: snap(meanWithoutOutliers(scalesX)), y: snap(meanWithoutOutliers(scalesY)) };
}

/**
 * The same, to the bit, for a projection that takes columns by x alone and rows by y alone, and gives every position an
 * image: from a row and a column of squares.
 */
export function measureSeparableScale(project: Project, width: number, height: number): ResampleScale {
  const columns = positions(width);
  const rows = positions(height);
  const [across, down] = [columns.at.length, rows.at.length];
  const longest = Math.max(across, down);
  const xs = new Float64Array(longest * 2);
  const ys = new Float64Array(longest * 2);
  for (let k = 0; k < longest; k++) {
    xs[k] = columns.at[Math.min(k, across - 1)]!;
    xs[longest + k] = columns.beside[Math.min(k, across - 1)]!;
    ys[k] = rows.at[Math.min(k, down - 1)]!;
    ys[longest + k] = rows.beside[Math.min(k, down - 1)]!;
  }
  project(xs, ys);
  const scalesX = new Float64Array(across * down);
  const scalesY = new Float64Array(across * down);
  for (let j = 0, k = 0; j < down; j++) {
    const scaleY = 1 / Math.abs(ys[longest + j]! - ys[j]!);
    for (let i = 0; i < across; i++, k++) {
      scalesX[k] = 1 / Math.abs(xs[longest + i]! - xs[i]!);
      scalesY[k] = scaleY;
    }
  }
  return { x: snap(meanWithoutOutliers(scalesX)), y: snap(meanWithoutOutliers(scalesY)) };
}

/** Tangent of the angle up to which the image of a square is taken to lie along the source's axes. */
const MAX_TURN = 0.1;

/** Corners of unit squares along one axis, and those beside them. */
interface Corners {
  readonly at: readonly number[];
  readonly beside: readonly number[];
}

/** The last square lies before its corner, so that all lie in the window. */
function positions(size: number): Corners {
  const count = Math.min(SAMPLES, size);
  const at = Array.from({ length: count }, (_, i) => (i === 0 ? 0 : i === count - 1 ? size : (i * size) / (count - 1)));
  return { at, beside: at.map((corner, i) => (i === count - 1 && i > 0 ? size - 1 : corner + 1)) };
}

/**
 * The scale along the source's axes, from the images of a square's corner and the two corners beside it. Where the image
 * is turned by more than a little it has no such axes: then both scales are that of its area.
 */
function measureSquare(
  xs: Float64Array,
  ys: Float64Array,
  n: number,
  scalesX: Float64Array,
  scalesY: Float64Array,
): void {
  const count = scalesX.length;
  const ax = xs[n + count]! - xs[n]!;
  const ay = ys[n + count]! - ys[n]!;
  const bx = xs[n + count * 2]! - xs[n]!;
  const by = ys[n + count * 2]! - ys[n]!;
  const turned = Math.max(Math.abs(ay) / Math.abs(ax), Math.abs(bx) / Math.abs(by));
  const isTurned = !(turned < MAX_TURN);
  const ofArea = isTurned ? 1 / Math.sqrt(Math.abs(ax * by - ay * bx)) : 0;
  scalesX[n] = isTurned ? ofArea : 1 / Math.hypot(ax, ay);
  scalesY[n] = isTurned ? ofArea : 1 / Math.hypot(bx, by);
}

function meanWithoutOutliers(scales: Float64Array): number {
  let greatest = 0;
  for (let i = 0; i < scales.length; i++) {
    const scale = scales[i]!;
    if (scale < Infinity && scale > greatest) greatest = scale;
  }
  if (greatest === 0) return 1;
  const least = greatest / 10;
  let [sum, count] = [0, 0];
  for (let i = 0; i < scales.length; i++) {
    const scale = scales[i]!;
    // False for NaN as well.
    if (!(scale < Infinity && scale > least)) continue;
    sum += scale;
    count++;
  }
  return sum / count;
}

/** A reduction within 0.05 of a whole number is that number. */
function snap(scale: number): number {
  if (scale >= 1) return scale;
  const reduction = 1 / scale;
  const whole = Math.floor(reduction + 0.5);
  return Math.abs(reduction - whole) < 0.05 ? 1 / whole : scale;
}
