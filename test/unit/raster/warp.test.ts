import { describe, expect, test } from 'vitest';
import {
  createGridMapping,
  createSeparableMapping,
  type InverseMapping,
  type Project,
} from '../../../src/raster/inverse-mapping.ts';
import { createRaster, type Dtype, type Raster } from '../../../src/raster/raster.ts';
import type { Resampling } from '../../../src/raster/resample.ts';
import { warp, warpInSteps } from '../../../src/raster/warp.ts';

/** A raster of one band from rows of numbers; null = nodata. */
function rasterOf(dtype: Dtype, rows: readonly (readonly (number | null)[])[]): Raster {
  const raster = createRaster(rows[0]!.length, rows.length, dtype, 1);
  rows.flat().forEach((value, i) => {
    raster.bands[0]![i] = value ?? 77;
    raster.mask[i] = value === null ? 0 : 255;
  });
  return raster;
}

interface Options {
  readonly resampling: Resampling;
  readonly width: number;
  readonly height: number;
  readonly project: Project;
  readonly scale?: number;
}

function warped(
  source: Raster,
  { resampling, width, height, project, scale = 1 }: Options,
  mapping: InverseMapping = createGridMapping(project, width, height, true),
): Raster | null {
  return warp({
    source,
    window: { col: 0, row: 0, width: source.width, height: source.height },
    imageWidth: source.width,
    imageHeight: source.height,
    width,
    height,
    mapping,
    resampling,
    scale: { x: scale, y: scale },
  });
}

/** The same by columns and rows, which gives a single pixel edges too. */
function boxed(source: Raster, options: Options): Raster | null {
  const { width, height, project } = options;
  return warped(source, options, createSeparableMapping(project, width, height));
}

function shifted(dx: number, dy: number): Project {
  return (xs, ys) => xs.forEach((x, i) => ([xs[i], ys[i]] = [x + dx, ys[i]! + dy]));
}

const SQUARE = rasterOf('uint8', [
  [10, 20, 30],
  [40, 50, 60],
  [70, 80, 90],
]);

describe('nearest', () => {
  test('takes the pixel that a centre lies in, and nothing outside', () => {
    const result = warped(SQUARE, { resampling: 'nearest', width: 4, height: 2, project: shifted(1.4, 0.6) })!;
    expect([...result.bands[0]!]).toEqual([50, 60, 0, 0, 80, 90, 0, 0]);
    expect([...result.mask]).toEqual([255, 255, 0, 0, 255, 255, 0, 0]);
  });

  test('a centre up to 1e-4 pixels outside the image is inside, one farther out is not', () => {
    const at = (dx: number) => warped(SQUARE, { resampling: 'nearest', width: 1, height: 1, project: shifted(dx, 0) });
    expect(at(-0.50009)!.bands[0]![0]).toBe(10);
    expect(at(-0.5002)).toBeNull();
    expect(at(2.50009)!.bands[0]![0]).toBe(30);
    expect(at(2.5002)).toBeNull();
  });

  test('a position that is an edge but for rounding belongs to the right pixel', () => {
    const result = warped(SQUARE, { resampling: 'nearest', width: 1, height: 1, project: shifted(0.5 - 1e-12, 0) })!;
    expect(result.bands[0]![0]).toBe(20);
  });

  test('gives null where nothing is valid', () => {
    const empty = rasterOf('uint8', [[null, null]]);
    expect(warped(empty, { resampling: 'nearest', width: 2, height: 1, project: shifted(0, 0) })).toBeNull();
  });

  test('keeps partial alpha', () => {
    const source = rasterOf('uint8', [[1, 2]]);
    source.mask[1] = 100;
    const result = warped(source, { resampling: 'nearest', width: 2, height: 1, project: shifted(0, 0) })!;
    expect([...result.mask]).toEqual([255, 100]);
  });
});

describe('bilinear', () => {
  test('weighs four pixels around a position', () => {
    const result = warped(SQUARE, { resampling: 'bilinear', width: 1, height: 1, project: shifted(0.25, 0.5) })!;
    expect(result.bands[0]![0]).toBe(
      Math.floor(10 * 0.75 * 0.5 + 20 * 0.25 * 0.5 + 40 * 0.75 * 0.5 + 50 * 0.25 * 0.5 + 0.5),
    );
  });

  test('rounds half up, also below zero', () => {
    const source = rasterOf('int16', [[-3, -2, 3, 4]]);
    const result = warped(source, { resampling: 'bilinear', width: 3, height: 1, project: shifted(0.5, 0) })!;
    expect([...result.bands[0]!]).toEqual([-2, 1, 4]);
  });

  test('leaves out pixels beside the image', () => {
    const result = warped(SQUARE, { resampling: 'bilinear', width: 1, height: 1, project: shifted(-0.4, -0.4) })!;
    expect(result.bands[0]![0]).toBe(10);
  });

  test('leaves out nodata, and is valid only where the nearest pixel is', () => {
    const source = rasterOf('float32', [[null, 100, 200]]);
    const result = warped(source, { resampling: 'bilinear', width: 2, height: 1, project: shifted(0.4, 0) })!;
    expect([...result.mask]).toEqual([0, 255]);
    expect(result.bands[0]![1]).toBeCloseTo(140, 4);
    const nearer = warped(source, { resampling: 'bilinear', width: 1, height: 1, project: shifted(0.6, 0) })!;
    expect(nearer.bands[0]![0]).toBe(100);
  });

  test('interpolates alpha with the same weights', () => {
    const source = rasterOf('uint8', [[100, 200]]);
    source.mask[1] = 55;
    const result = warped(source, { resampling: 'bilinear', width: 1, height: 1, project: shifted(0.25, 0) })!;
    expect([result.bands[0]![0], result.mask[0]]).toEqual([125, 205]);
  });

  test('takes NaN that is masked for nothing', () => {
    const source = rasterOf('float32', [[1, null, 3]]);
    source.bands[0]![1] = Number.NaN;
    const result = warped(source, { resampling: 'bilinear', width: 1, height: 1, project: shifted(0.3, 0) })!;
    expect(result.bands[0]![0]).toBe(1);
  });

  test('widens the kernel when it reduces by a half or more', () => {
    const source = rasterOf('float64', [[0, 0, 0, 16, 0, 0, 0, 0]]);
    const quarter: Project = (xs) => xs.forEach((x, i) => (xs[i] = x * 4));
    const wide = warped(source, { resampling: 'bilinear', width: 2, height: 1, project: quarter, scale: 0.25 })!;
    // Triangle of half width 4 at 2 and at 6, over the pixels inside the image.
    const weight = (position: number) =>
      (1 - Math.abs(3.5 - position) / 4) /
      Array.from({ length: 8 }, (_, i) => Math.max(0, 1 - Math.abs(i + 0.5 - position) / 4)).reduce((a, b) => a + b);
    expect(wide.bands[0]![0]).toBeCloseTo(16 * weight(2), 12);
    expect(wide.bands[0]![1]).toBeCloseTo(16 * weight(6), 12);
    const plain = warped(source, { resampling: 'bilinear', width: 2, height: 1, project: quarter, scale: 0.51 })!;
    expect([...plain.bands[0]!]).toEqual([0, 0]);
  });
});

describe('cubic', () => {
  test('overshoots a step and is clamped to the range of the dtype', () => {
    const rows = Array.from({ length: 5 }, () => [0, 0, 255, 255, 255]);
    const at = (dx: number) =>
      warped(rasterOf('uint8', rows), { resampling: 'cubic', width: 1, height: 1, project: shifted(dx, 2) })!
        .bands[0]![0];
    expect(at(2.5)).toBe(255);
    expect(at(1.5)).toBe(128);
  });

  test('is bilinear beside gaps', () => {
    const rows = Array.from({ length: 5 }, () => [0, 0, 100, 100, null]);
    const source = rasterOf('uint8', rows);
    const value = (resampling: Resampling) =>
      warped(source, { resampling, width: 1, height: 1, project: shifted(2.2, 2) })!.bands[0]![0];
    expect(value('cubic')).toBe(value('bilinear'));
  });
});

test('average weighs source pixels by the area under a destination pixel', () => {
  const source = rasterOf('float64', [[1, 2, 3, null]]);
  const wide: Project = (xs) => xs.forEach((x, i) => (xs[i] = x * 1.5));
  const result = warp({
    source,
    window: { col: 0, row: 0, width: 4, height: 1 },
    imageWidth: 4,
    imageHeight: 1,
    width: 3,
    height: 1,
    mapping: createSeparableMapping(wide, 3, 1),
    resampling: 'average',
    scale: { x: 2 / 3, y: 1 },
  })!;
  expect(result.bands[0]![0]).toBeCloseTo((1 + 2 * 0.5) / 1.5, 12);
  expect(result.bands[0]![1]).toBeCloseTo((2 * 0.5 + 3) / 1.5, 12);
  expect([...result.mask]).toEqual([255, 255, 0]);
});

describe('kernels that pick a value under a destination pixel', () => {
  const CLASSES = rasterOf('uint8', [
    [7, 7, 3, 3],
    [5, null, 3, 9],
  ]);
  const doubled: Project = (xs, ys) => xs.forEach((x, i) => ([xs[i], ys[i]] = [x * 2, ys[i]! * 2]));

  test.each([
    ['mode', [7, 3]],
    ['min', [5, 3]],
    ['max', [7, 9]],
    // Of an even number the lower one in the middle.
    ['median', [7, 3]],
  ] as const)('%s leaves out nodata', (resampling, values) => {
    const result = boxed(CLASSES, { resampling, width: 2, height: 1, project: doubled })!;
    expect([...result.bands[0]!]).toEqual(values);
    expect([...result.mask]).toEqual([255, 255]);
  });

  test('mode weighs values by their area, and of equals takes the one that led first', () => {
    const source = rasterOf('int16', [[-4, 5, 6]]);
    const at = (from: number, factor: number) =>
      boxed(source, {
        resampling: 'mode',
        width: 1,
        height: 1,
        project: (xs) => xs.forEach((x, i) => (xs[i] = from + x * factor)),
      })!.bands[0]![0];
    expect(at(0.5, 1.75)).toBe(5);
    expect(at(0, 2)).toBe(-4);
    expect(at(0.75, 1.5)).toBe(5);
  });

  test('mode of samples of 32 bits lets a value lead only when it is met again, as GDAL does', () => {
    const project: Project = (xs) => xs.forEach((x, i) => (xs[i] = 0.5 + x * 2.5));
    const modeOf = (rows: readonly number[]) =>
      boxed(rasterOf('int32', [rows]), { resampling: 'mode', width: 1, height: 1, project })!.bands[0]![0];
    expect(modeOf([1, 2, 3])).toBe(1);
    expect(modeOf([1, 2, 2])).toBe(2);
  });

  test('mode counts more values than a tally starts with', () => {
    const rows = Array.from({ length: 20 }, (_, j) => Array.from({ length: 20 }, (_, i) => (j * 20 + i) % 201));
    const project: Project = (xs, ys) => xs.forEach((x, i) => ([xs[i], ys[i]] = [x * 10, ys[i]! * 20]));
    const result = boxed(rasterOf('uint16', rows), { resampling: 'mode', width: 2, height: 1, project })!;
    const frequent = (from: number) => {
      const counts = new Map<number, number>();
      rows.forEach((row) => row.slice(from, from + 10).forEach((v) => counts.set(v, (counts.get(v) ?? 0) + 1)));
      return [...counts.values()].filter((count) => count === Math.max(...counts.values())).length;
    };
    // More than 64 values in a box; those met twice lead, and of them the one whose second sight came first.
    expect([frequent(0) > 1, frequent(10) > 1]).toEqual([true, true]);
    const leads = (from: number) => {
      const seen = new Set<number>();
      return rows.flatMap((row) => row.slice(from, from + 10)).find((v) => seen.size === seen.add(v).size);
    };
    expect([...result.bands[0]!]).toEqual([leads(0), leads(10)]);
  });

  test('opacity is the mean of the box', () => {
    const source = rasterOf('uint8', [[1, 2]]);
    source.mask.set([100, 201]);
    for (const resampling of ['average', 'mode', 'min', 'max', 'median'] as const) {
      const result = boxed(source, {
        resampling,
        width: 1,
        height: 1,
        project: (xs) => xs.forEach((x, i) => (xs[i] = x * 2)),
      })!;
      expect(result.mask[0]).toBe(151);
    }
  });
});

test('every kernel gives the same of one picture in any sample type', () => {
  const project: Project = (xs, ys) =>
    xs.forEach((x, i) => ([xs[i], ys[i]] = [x * 0.7 + ys[i]! * 0.1 + 1, ys[i]! * 0.8 - x * 0.05 + 2]));
  const pixels = Array.from({ length: 12 }, (_, j) =>
    Array.from({ length: 12 }, (_, i) => 40 + ((i * 31 + j * 17) % 40)),
  );
  const kernels = ['nearest', 'bilinear', 'cubic', 'lanczos', 'average', 'min', 'max', 'median'] as const;
  for (const resampling of kernels) {
    const expected = warped(rasterOf('uint8', pixels), { resampling, width: 12, height: 12, project })!;
    for (const dtype of ['int8', 'uint16', 'int16', 'uint32', 'int32'] as const) {
      const result = warped(rasterOf(dtype, pixels), { resampling, width: 12, height: 12, project })!;
      expect(result.dtype).toBe(dtype);
      expect([...result.bands[0]!]).toEqual([...expected.bands[0]!]);
      expect(result.bands[0]!.constructor).toBe(createRaster(1, 1, dtype, 1).bands[0]!.constructor);
    }
  }
});

test('bilinear over whole data gives by columns and lines what it gives pixel by pixel', () => {
  for (const dtype of ['uint8', 'float32'] as const) {
    const source = createRaster(40, 30, dtype, 4);
    source.mask.fill(255);
    source.bands.forEach((band, b) => band.forEach((_, n) => (band[n] = (n * 7919 + b * 31) % 251)));
    for (const [factor, from] of [
      [0.9, -2.3],
      [-0.7, 33.1],
      [1.6, 5.25],
    ] as const) {
      const project: Project = (xs, ys) =>
        xs.forEach((x, i) => ([xs[i], ys[i]] = [x * factor + from, ys[i]! * factor + from]));
      const input = {
        source,
        window: { col: 2, row: 1, width: 40, height: 30 },
        imageWidth: 50,
        imageHeight: 31,
        width: 48,
        height: 48,
        resampling: 'bilinear',
        scale: { x: 1, y: 1 },
      } as const;
      const byLines = warp({ ...input, mapping: createSeparableMapping(project, 48, 48) });
      const byPixels = warp({ ...input, mapping: createGridMapping(project, 48, 48, true) });
      expect(byLines).not.toBeNull();
      expect(byLines).toEqual(byPixels);
    }
  }
});

test('a large reduction comes in steps, with the same result', () => {
  const source = createRaster(2048, 512, 'uint8', 1);
  source.mask.fill(255);
  source.bands[0]!.forEach((_, n) => (source.bands[0]![n] = (n * 7919) % 251));
  const project: Project = (xs, ys) => xs.forEach((x, i) => ([xs[i], ys[i]] = [x * 32 + ys[i]!, ys[i]! * 32]));
  const input = {
    source,
    window: { col: 0, row: 0, width: 2048, height: 512 },
    imageWidth: 2048,
    imageHeight: 512,
    width: 64,
    height: 16,
    mapping: createGridMapping(project, 64, 16, false),
    resampling: 'cubic',
    scale: { x: 1 / 32, y: 1 / 32 },
  } as const;
  const steps = warpInSteps(input);
  let count = 0;
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) count++;
  expect(count).toBeGreaterThan(1);
  expect(step.value).toEqual(warp(input));
});
