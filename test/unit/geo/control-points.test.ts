import { describe, expect, test } from 'vitest';
import { fitControlPoints, groundToPixels, pixelsToGround } from '../../../src/geo/control-points.ts';

type Row = readonly [col: number, row: number, x: number, y: number];

function fitRows(rows: readonly Row[]) {
  return fitControlPoints(rows.map(([col, row, x, y]) => ({ col, row, x, y })));
}

const QUAD: readonly Row[] = [
  [0, 0, 10, 50],
  [100, 0, 11.1, 50.05],
  [100, 80, 11, 49.3],
  [0, 80, 9.95, 49.2],
];

const SCATTERED: readonly Row[] = [
  [0, 0, 10.0, 50.02],
  [37, 28, 10.434, 49.792],
  [74, 21, 10.804, 49.85],
  [10, 60, 10.17, 49.533],
  [47, 64, 10.541, 49.529],
  [84, 33, 10.872, 49.766],
  [20, 48, 10.249, 49.612],
  [57, 28, 10.634, 49.82],
  [94, 54, 11.074, 49.625],
  [30, 45, 10.371, 49.637],
  [67, 1, 10.655, 50.02],
];

/** Where GDAL 3.13.3 takes 10.2, 49.8 and 10.9, 49.5 by its default transform (`gdal.Transformer(dataset, None, [])`). */
const CASES: readonly (readonly [string, readonly Row[], readonly number[], readonly number[]])[] = [
  ['3, first order', SCATTERED.slice(0, 3), [14.565972, 26.961619], [75.707921, 63.836687]],
  ['4, homography', QUAD, [18.538292, 20.432017], [87.218154, 56.745339]],
  ['5, homography', [...QUAD, [50, 40, 10.5, 49.66]], [19.189861, 21.335955], [87.744348, 57.647837]],
  ['6, second order', SCATTERED.slice(0, 6), [16.395899, 26.365099], [89.766209, 71.748252]],
  ['11, second order', SCATTERED, [15.136674, 25.051965], [79.041726, 71.688685]],
];

describe.each(CASES)('%s', (_, rows, first, second) => {
  const fit = fitRows(rows)!;

  test('takes the ground to the pixels that GDAL gives', () => {
    const [xs, ys] = [Float64Array.of(10.2, 10.9), Float64Array.of(49.8, 49.5)];
    groundToPixels(fit, xs, ys);
    for (const [n, [col, row]] of [first, second].entries()) {
      expect(xs[n]).toBeCloseTo(col!, 4);
      expect(ys[n]).toBeCloseTo(row!, 4);
    }
  });

  test('and the pixels back to the same ground', () => {
    const [xs, ys] = [Float64Array.of(0, 50, 100, 3), Float64Array.of(0, 40, 80, 77)];
    pixelsToGround(fit, xs, ys);
    groundToPixels(fit, xs, ys);
    for (const [n, [col, row]] of [
      [0, 0] as const,
      [50, 40] as const,
      [100, 80] as const,
      [3, 77] as const,
    ].entries()) {
      expect(xs[n]).toBeCloseTo(col, 8);
      expect(ys[n]).toBeCloseTo(row, 8);
    }
  });

  test('far from the points there is no image', () => {
    const [xs, ys] = [Float64Array.of(-170, Number.NaN), Float64Array.of(49.8, 49.8)];
    groundToPixels(fit, xs, ys);
    expect([...xs, ...ys].every(Number.isNaN)).toBe(true);
  });
});

test.each([
  ['two points', SCATTERED.slice(0, 2)],
  ['points in a line', [0, 1, 2].map((n): Row => [n * 10, n * 10, n, n])],
  ['four points in a line', [0, 1, 2, 3].map((n): Row => [n * 10, n * 10, n, n])],
  ['points in one place', Array.from({ length: 7 }, (): Row => [1, 1, 5, 5])],
  ['corners in the wrong order', [QUAD[0]!, [100, 0, 11, 49.3], [100, 80, 11.1, 50.05], QUAD[3]!] as const],
  ['infinity', [...QUAD, [1, 1, Number.POSITIVE_INFINITY, 0]] as const],
])('%s determine nothing', (_, rows) => {
  expect(fitRows(rows)).toBeNull();
});
