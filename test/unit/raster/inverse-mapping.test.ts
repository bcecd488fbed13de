import { describe, expect, test } from 'vitest';
import {
  createGridMapping,
  createSeparableMapping,
  mapPoint,
  mapRow,
  type Project,
} from '../../../src/raster/inverse-mapping.ts';
import { createCornerMapper } from '../../../src/raster/corner-mapper.ts';
import { positionExtent } from '../../../src/raster/position-extent.ts';

const LIMIT = { width: 1e9, height: 1e9 };

const affine: Project = (xs, ys) => {
  xs.forEach((x, i) => {
    xs[i] = 2 * x + 0.5 * ys[i]! + 3;
    ys[i] = -x + 3 * ys[i]! + 100;
  });
};

/** A sphere's bend: 0.001 pixels per pixel squared. */
const curved: Project = (xs, ys) => {
  xs.forEach((x, i) => {
    xs[i] = x + ys[i]! ** 2 * 0.001;
  });
};

function rowOf(
  mapping: Parameters<typeof mapRow>[0],
  row: number,
  width: number,
): readonly (readonly [number, number])[] {
  const [xs, ys] = [new Float64Array(width), new Float64Array(width)];
  mapRow(mapping, row, width, xs, ys);
  return Array.from(xs, (x, i) => [x, ys[i]!] as const);
}

describe('a grid mapping', () => {
  test('of an affine projection is wide and exact', () => {
    const mapping = createGridMapping(affine, 40, 23, false);
    expect(mapping).toMatchObject({ kind: 'grid', step: 16, columns: 4, rows: 3 });
    for (const row of [0, 15, 16, 22]) {
      rowOf(mapping, row, 40).forEach(([x, y], i) => {
        expect(x).toBeCloseTo(2 * (i + 0.5) + 0.5 * (row + 0.5) + 3, 9);
        expect(y).toBeCloseTo(-(i + 0.5) + 3 * (row + 0.5) + 100, 9);
      });
    }
  });

  test('narrows its steps until the error is below 1e-4 pixels', () => {
    const mapping = createGridMapping(curved, 64, 64, false);
    expect(mapping.kind === 'grid' && mapping.step).toBe(1);
    const gentle: Project = (xs, ys): void => xs.forEach((x, i) => (xs[i] = x + ys[i]! ** 2 * 1e-5));
    const wider = createGridMapping(gentle, 64, 64, false);
    expect(wider.kind === 'grid' && wider.step).toBe(4);
    for (let row = 0; row < 64; row++) {
      expect(Math.abs(rowOf(wider, row, 1)[0]![0] - (0.5 + (row + 0.5) ** 2 * 1e-5))).toBeLessThan(1e-4);
    }
  });

  test('keeps pixels apart that have an image from those that have none', () => {
    const half: Project = (xs) => xs.forEach((x, i) => (xs[i] = x < 5 ? x : Number.NaN));
    const mapping = createGridMapping(half, 10, 2, false);
    expect(rowOf(mapping, 1, 10).map(([x]) => Number.isNaN(x))).toEqual([
      ...Array(5).fill(false),
      ...Array(5).fill(true),
    ]);
  });

  test.each([
    [1, 1],
    [1, 30],
    [30, 1],
    [17, 33],
  ])('of %i x %i pixels reaches every centre', (width, height) => {
    const mapping = createGridMapping(affine, width, height, false);
    const [x, y] = rowOf(mapping, height - 1, width).at(-1)!;
    expect(x).toBeCloseTo(2 * (width - 0.5) + 0.5 * (height - 0.5) + 3, 9);
    expect(mapPoint(mapping, width - 0.5, height - 0.5)[1]).toBeCloseTo(y, 9);
  });
});

describe('a separable mapping', () => {
  const project: Project = (xs, ys) => xs.forEach((x, i) => ([xs[i], ys[i]] = [x * 3, Math.exp(ys[i]! / 10)]));
  const mapping = createSeparableMapping(project, 5, 4);

  test('is exact at centres and edges', () => {
    expect(rowOf(mapping, 2, 5)[3]).toEqual([10.5, Math.exp(0.25)]);
    expect(mapPoint(mapping, 4, 3)).toEqual([12, Math.exp(0.3)]);
  });

  test('tells the extent of its centres, and of its edges', () => {
    expect(positionExtent(mapping, { width: 5, height: 4 }, false, LIMIT)).toEqual([
      1.5,
      Math.exp(0.05),
      13.5,
      Math.exp(0.35),
    ]);
    expect(positionExtent(mapping, { width: 5, height: 4 }, true, LIMIT)).toEqual([0, 1, 15, Math.exp(0.4)]);
  });
});

test('the extent of a grid does not reach beyond the last centres', () => {
  const mapping = createGridMapping((): void => {}, 20, 20, false);
  expect(positionExtent(mapping, { width: 20, height: 20 }, false, LIMIT)).toEqual([0.5, 0.5, 19.5, 19.5]);
  expect(positionExtent(mapping, { width: 20, height: 20 }, true, LIMIT)).toEqual([0, 0, 20, 20]);
});

test('a mapping without any image has no extent', () => {
  const mapping = createGridMapping((xs) => void xs.fill(Number.NaN), 8, 8, false);
  expect(positionExtent(mapping, { width: 8, height: 8 }, false, LIMIT)).toBeNull();
});

describe('a corner mapper', () => {
  const projections = { affine, curved };
  test.each(['affine', 'curved'] as const)('gives for the corners of a row what is said of each: %s', (name) => {
    const project = projections[name];
    for (const mapping of [
      createGridMapping(project, 40, 23, false),
      createGridMapping(project, 40, 23, true),
      createGridMapping(project, 1, 1, false),
      createSeparableMapping(project, 40, 23),
    ]) {
      const width = mapping.kind === 'grid' && mapping.columns === 1 ? 1 : 40;
      const [xs, ys] = [new Float64Array(width + 1), new Float64Array(width + 1)];
      const place = createCornerMapper(mapping, width, xs, ys);
      for (const y of [0, 1, 16, 17, 23, 5]) {
        place(y);
        expect(Array.from(xs, (x, i) => [x, ys[i]!])).toEqual(Array.from(xs, (_, i) => [...mapPoint(mapping, i, y)]));
      }
    }
  });
});

test('the extent of boxes holds those that begin in the image and end far outside, where every centre is a node', () => {
  const eightfold: Project = (xs, ys) => xs.forEach((x, i) => ([xs[i], ys[i]] = [x * 8 - 3, ys[i]! * 8 - 3]));
  const mapping = createGridMapping(eightfold, 10, 10, true);
  const extent = positionExtent(mapping, { width: 10, height: 10 }, true, { width: 50, height: 50 })!;
  extent.forEach((position, k) => expect(position).toBeCloseTo(k < 2 ? -3 : 53, 9));
});
