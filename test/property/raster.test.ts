import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Cog } from '../../src/cog/cog.ts';
import { planRead, type TileGrid } from '../../src/cog/plan-read.ts';
import { readPlan } from '../../src/cog/read-raster.ts';
import { type Crs, transformerBetween, WEB_MERCATOR } from '../../src/geo/crs.ts';
import { createRaster, type Raster } from '../../src/raster/raster.ts';
import type { Resampling } from '../../src/raster/resample.ts';
import { memoryCog } from '../support/memory-cog.ts';

/** CRSs with an origin (west, north) and a pixel of about 100 m. */
const PLACES = [
  { crs: { kind: 'epsg', code: 32633 }, west: 400_000, north: 5_100_000, pixel: 100 },
  { crs: { kind: 'epsg', code: 32756 }, west: 310_000, north: 6_250_000, pixel: 100 },
  { crs: { kind: 'epsg', code: 32660 }, west: 730_000, north: 5_500_000, pixel: 100 },
  { crs: { kind: 'epsg', code: 4326 }, west: 11.2, north: 47.3, pixel: 0.001 },
  { crs: { kind: 'epsg', code: 3857 }, west: 1_234_567.8, north: 6_543_210.9, pixel: 110.7 },
  { crs: { kind: 'epsg', code: 3035 }, west: 4_321_000, north: 3_210_000, pixel: 100 },
] as const satisfies readonly { crs: Crs; west: number; north: number; pixel: number }[];

const RESAMPLINGS: readonly Resampling[] = ['nearest', 'bilinear', 'cubic', 'lanczos'];

const place = fc.constantFrom(...PLACES);
const resampling = fc.constantFrom(...RESAMPLINGS);

function filled(width: number, height: number, value: (i: number) => number): Raster {
  const raster = createRaster(width, height, 'uint8', 1);
  raster.mask.fill(255);
  raster.bands[0]!.forEach((_, i) => (raster.bands[0]![i] = value(i)));
  return raster;
}

/** A grid of 64 x 64 pixels whose middle lies at a pixel position of the scene. */
function gridAround(origin: (typeof PLACES)[number], col: number, row: number, reduction: number): TileGrid {
  const xs = new Float64Array([origin.west + col * origin.pixel, origin.west + (col + 1) * origin.pixel]);
  const ys = new Float64Array(2).fill(origin.north - row * origin.pixel);
  transformerBetween(origin.crs, WEB_MERCATOR).transform(xs, ys);
  const half = 32 * Math.hypot(xs[1]! - xs[0]!, ys[1]! - ys[0]!) * reduction;
  return { bounds: [xs[0]! - half, ys[0]! - half, xs[0]! + half, ys[0]! + half], width: 64, height: 64 };
}

/** How far the pixel centres of a grid lie outside a scene of `width × height` pixels, in its pixels; inside: negative. */
function distancesOutside(
  origin: (typeof PLACES)[number],
  grid: TileGrid,
  width: number,
  height: number,
): Float64Array {
  const [west, , , north] = grid.bounds;
  const resolution = (grid.bounds[2] - west) / grid.width;
  const length = grid.width * grid.height;
  const xs = Float64Array.from({ length }, (_, i) => west + ((i % grid.width) + 0.5) * resolution);
  const ys = Float64Array.from({ length }, (_, i) => north - (Math.floor(i / grid.width) + 0.5) * resolution);
  transformerBetween(WEB_MERCATOR, origin.crs).transform(xs, ys);
  return xs.map((projected, i) => {
    const [x, y] = [(projected - origin.west) / origin.pixel, (origin.north - ys[i]!) / origin.pixel];
    return Math.max(-x, -y, x - width, y - height);
  });
}

/** The mask of a tile filled from scenes. */
async function coverage(cogs: readonly Cog[], grid: TileGrid, kernel: Resampling): Promise<Uint8Array> {
  const mask = new Uint8Array(grid.width * grid.height);
  for (const cog of cogs) {
    const plan = planRead(cog, grid, kernel);
    if (plan === null) continue;
    const { signal } = new AbortController();
    for (const { col, row, raster } of await readPlan(cog, plan, { bands: [1], nodata: null, signal })) {
      raster.mask.forEach((value, i) => {
        if (value > 0) mask[(row + Math.floor(i / raster.width)) * grid.width + col + (i % raster.width)] = 255;
      });
    }
  }
  return mask;
}

describe('warp', () => {
  test('two abutting scenes leave no pixel uncovered whose centre lies in their union', async () => {
    const cases = fc.record({
      origin: place,
      kernel: resampling,
      split: fc.integer({ min: 20, max: 100 }),
      upright: fc.boolean(),
      reduction: fc.double({ min: 0.2, max: 4, noNaN: true }),
      row: fc.double({ min: 0, max: 120, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ origin, kernel, split, upright, reduction, row }) => {
        const { crs, west, north, pixel } = origin;
        const sceneAt = (from: number, to: number) =>
          memoryCog({
            crs,
            transform: [
              pixel,
              0,
              upright ? west + from * pixel : west,
              0,
              -pixel,
              upright ? north : north - from * pixel,
            ],
            levels: [upright ? filled(to - from, 120, () => 1) : filled(120, to - from, () => 1)],
          });
        const grid = upright ? gridAround(origin, split, row, reduction) : gridAround(origin, row, split, reduction);
        const mask = await coverage([sceneAt(0, split), sceneAt(split, 120)], grid, kernel);
        const uncovered = distancesOutside(origin, grid, 120, 120).filter((d, i) => d < -2e-4 && mask[i] === 0);
        expect(uncovered).toEqual(new Float64Array());
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  test('never makes a pixel valid whose centre is more than 1e-4 source pixels outside the scene', async () => {
    const cases = fc.record({
      origin: place,
      kernel: resampling,
      col: fc.double({ min: -10, max: 70, noNaN: true }),
      row: fc.double({ min: -10, max: 70, noNaN: true }),
      reduction: fc.double({ min: 0.2, max: 8, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ origin, kernel, col, row, reduction }) => {
        const { crs, west, north, pixel } = origin;
        const cog = memoryCog({
          crs,
          transform: [pixel, 0, west, 0, -pixel, north],
          levels: [filled(60, 50, () => 1)],
        });
        const grid = gridAround(origin, col, row, reduction);
        const mask = await coverage([cog], grid, kernel);
        const distances = distancesOutside(origin, grid, 60, 50);
        // Twice 1e-4: the tolerance and the mapping's own error. Nearer to the edge either is right.
        const wanted = mask.map((value, i) => (distances[i]! > 2e-4 ? 0 : distances[i]! < -2e-4 ? 255 : value));
        expect(mask).toEqual(wanted);
      }),
      { numRuns: 100 },
    );
  }, 60_000);

  test('onto the own grid of a scene gives the scene back', async () => {
    const cases = fc.record({
      kernel: fc.constantFrom<Resampling>(
        'nearest',
        'bilinear',
        'cubic',
        'lanczos',
        'average',
        'mode',
        'min',
        'max',
        'median',
      ),
      width: fc.integer({ min: 1, max: 40 }),
      height: fc.integer({ min: 1, max: 40 }),
      seed: fc.integer({ min: 1, max: 250 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ kernel, width, height, seed }) => {
        const source = filled(width, height, (i) => (i * seed) % 251);
        const cog = memoryCog({ crs: WEB_MERCATOR, transform: [10, 0, 1000, 0, -10, 2000], levels: [source] });
        const grid: TileGrid = { bounds: [1000, 2000 - height * 10, 1000 + width * 10, 2000], width, height };
        const plan = planRead(cog, grid, kernel)!;
        const { signal } = new AbortController();
        const [piece] = await readPlan(cog, plan, { bands: [1], nodata: null, signal });
        expect(piece).toMatchObject({ col: 0, row: 0 });
        expect(piece!.raster.bands[0]).toEqual(source.bands[0]);
        expect(piece!.raster.mask).toEqual(source.mask);
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
