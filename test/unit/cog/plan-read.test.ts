import { describe, expect, test } from 'vitest';
import { planRead, type TileGrid } from '../../../src/cog/plan-read.ts';
import type { CogGeometry } from '../../../src/cog/plan-scene.ts';
import { CRS84, type Crs, transformerBetween, WEB_MERCATOR, WEB_MERCATOR_HALF } from '../../../src/geo/crs.ts';
import { mapPoint } from '../../../src/raster/inverse-mapping.ts';

const WORLD = 2 * WEB_MERCATOR_HALF;

function gridOf(z: number, x: number, y: number, size = 256): TileGrid {
  const span = WORLD / 2 ** z;
  const west = -WEB_MERCATOR_HALF + x * span;
  const north = WEB_MERCATOR_HALF - y * span;
  return { bounds: [west, north - span, west + span, north], width: size, height: size };
}

interface SceneOptions {
  readonly crs: Crs;
  readonly west: number;
  readonly north: number;
  readonly pixel: number;
  readonly size?: number;
  readonly overviews?: number;
}

function sceneOf({ crs, west, north, pixel, size = 1024, overviews = 0 }: SceneOptions): CogGeometry {
  const levels = Array.from({ length: overviews + 1 }, (_, k) => {
    const width = Math.ceil(size / 2 ** k);
    return { width, height: width, blockWidth: 256, blockHeight: 256 };
  });
  return { label: 'scene', crs, transform: [pixel, 0, west, 0, -pixel, north], levels };
}

const UTM_OPTIONS: SceneOptions = {
  crs: { kind: 'epsg', code: 32633 },
  west: 399_960,
  north: 5_100_000,
  pixel: 120,
  size: 915,
  overviews: 2,
};
const UTM = sceneOf(UTM_OPTIONS);

describe('planRead', () => {
  test('gives null for a tile that the scene does not touch', () => {
    expect(planRead(UTM, gridOf(10, 0, 0), 'nearest')).toBeNull();
    expect(planRead(UTM, gridOf(3, 2, 5), 'nearest')).toBeNull();
  });

  test('does not see a UTM scene on the other side of the planet', () => {
    const plan = planRead(UTM, gridOf(0, 0, 0), 'nearest')!;
    expect(plan.parts.length).toBe(1);
    const { destination } = plan.parts[0]!;
    expect(destination.width).toBeLessThanOrEqual(5);
    expect(destination.height).toBeLessThanOrEqual(5);
    expect(destination.col + destination.width / 2).toBeCloseTo(128 + (14.2 / 360) * 256, -1);
  });

  test('maps centres exactly: against the projection itself', () => {
    const grid = gridOf(9, 276, 182);
    const part = planRead(UTM, grid, 'bilinear')!.parts[0]!;
    const resolution = (grid.bounds[2] - grid.bounds[0]) / 256;
    for (const [i, j] of [
      [0, 0],
      [3, 50],
      [part.destination.width - 1, part.destination.height - 1],
    ] as const) {
      const xs = new Float64Array([grid.bounds[0] + (part.destination.col + i + 0.5) * resolution]);
      const ys = new Float64Array([grid.bounds[3] - (part.destination.row + j + 0.5) * resolution]);
      transformerBetween(WEB_MERCATOR, UTM.crs).transform(xs, ys);
      const [x, y] = mapPoint(part.mapping, i + 0.5, j + 0.5);
      expect(Math.hypot(x - (xs[0]! - 399_960) / 120, y - (5_100_000 - ys[0]!) / 120)).toBeLessThan(1e-4);
    }
  });

  test('reads inside the level, no more than the kernel needs', () => {
    const aligned = sceneOf({ crs: WEB_MERCATOR, west: 0, north: 0, pixel: WORLD / 2 ** 10 / 256 });
    const nearest = planRead(aligned, gridOf(10, 513, 513), 'nearest')!.parts[0]!;
    expect(nearest.mapping.kind).toBe('separable');
    expect(nearest.destination).toEqual({ col: 0, row: 0, width: 256, height: 256 });
    expect(nearest.source).toEqual({ col: 256, row: 256, width: 256, height: 256 });
    const bilinear = planRead(aligned, gridOf(10, 513, 513), 'bilinear')!.parts[0]!;
    expect(bilinear.source).toEqual(nearest.source);
    const edge = planRead(aligned, gridOf(10, 512, 512), 'bilinear')!.parts[0]!;
    expect([edge.source.col, edge.source.row]).toEqual([0, 0]);
    expect(edge.source.width).toBeLessThanOrEqual(257);
  });

  test.each([
    [10, 0],
    [9, 0],
    [8, 1],
    [7, 2],
    [6, 2],
    [2, 2],
  ])('reads a 120 m scene at z%i from level %i', (z, level) => {
    const x = Math.floor(((14.4 + 180) / 360) * 2 ** z);
    const latitude = (45.6 * Math.PI) / 180;
    const y = Math.floor(((1 - Math.log(Math.tan(Math.PI / 4 + latitude / 2)) / Math.PI) / 2) * 2 ** z);
    expect(planRead(UTM, gridOf(z, x, y), 'bilinear')!.level).toBe(level);
  });

  test('plans a tile the same whether or not its neighbours were planned', () => {
    const plan = planRead({ ...UTM }, gridOf(9, 276, 182), 'bilinear');
    planRead(UTM, gridOf(9, 277, 182), 'bilinear');
    expect(planRead(UTM, gridOf(9, 276, 182), 'bilinear')).toEqual(plan);
  });

  test('is worked out once for files of one geometry', () => {
    const grid = gridOf(9, 276, 182);
    const plan = planRead(sceneOf({ ...UTM_OPTIONS }), grid, 'bilinear');
    expect(planRead({ ...sceneOf(UTM_OPTIONS), label: 'another band' }, { ...grid }, 'bilinear')).toBe(plan);
    expect(planRead(sceneOf(UTM_OPTIONS), grid, 'cubic')).not.toBe(plan);
    expect(planRead(sceneOf({ ...UTM_OPTIONS, size: 916 }), grid, 'bilinear')).not.toEqual(plan);
    expect(planRead(sceneOf({ ...UTM_OPTIONS, west: 399_961 }), grid, 'bilinear')).not.toEqual(plan);
    expect(planRead(sceneOf({ ...UTM_OPTIONS, overviews: 0 }), grid, 'bilinear')).not.toBe(plan);
    expect(planRead(sceneOf(UTM_OPTIONS), { ...grid, width: 512, height: 512 }, 'bilinear')).not.toEqual(plan);
  });

  test('gives a scene across the antimeridian two parts at z0, one in the tiles on either side', () => {
    const crossing = sceneOf({
      crs: { kind: 'epsg', code: 32601 },
      west: 150_000,
      north: 5_700_000,
      pixel: 300,
      size: 1200,
    });
    const world = planRead(crossing, gridOf(0, 0, 0), 'nearest')!;
    expect(
      world.parts.map(({ destination }) => destination.col > 128).toSorted((a, b) => Number(a) - Number(b)),
    ).toEqual([false, true]);
    expect(planRead(crossing, gridOf(6, 0, 21), 'nearest')!.parts.length).toBe(1);
    expect(planRead(crossing, gridOf(6, 63, 21), 'nearest')!.parts.length).toBe(1);
    expect(planRead(crossing, gridOf(6, 32, 21), 'nearest')).toBeNull();
  });

  test('finds a scene whose longitudes run beyond 180', () => {
    const beyond = sceneOf({ crs: CRS84, west: 170, north: 10, pixel: 0.02, size: 1000 });
    const west = planRead(beyond, gridOf(5, 0, 15), 'nearest')!.parts[0]!;
    const [x] = mapPoint(west.mapping, 0, 0);
    expect(x).toBeCloseTo((180 - 170) / 0.02 + west.destination.col * (360 / 32 / 256 / 0.02), 6);
    expect(planRead(beyond, gridOf(5, 31, 15), 'nearest')).not.toBeNull();
  });

  test('covers the whole square with a scene that reaches the poles', () => {
    const whole = sceneOf({ crs: CRS84, west: -180, north: 90, pixel: 0.36, size: 1000 });
    const square = { ...whole, levels: [{ width: 1000, height: 500, blockWidth: 256, blockHeight: 256 }] };
    const plan = planRead(square, gridOf(0, 0, 0), 'bilinear')!;
    expect(plan.parts[0]!.destination).toEqual({ col: 0, row: 0, width: 256, height: 256 });
  });

  test('plans a polar scene around its pole', () => {
    const polar = sceneOf({
      crs: { kind: 'epsg', code: 3031 },
      west: -3_000_000,
      north: 3_000_000,
      pixel: 6000,
      size: 1000,
    });
    const plan = planRead(polar, gridOf(0, 0, 0), 'nearest')!;
    expect(plan.parts[0]!.destination.width).toBe(256);
    expect(plan.parts[0]!.mapping).toMatchObject({ kind: 'grid', step: 1 });
    // 85°S at longitude 0 lies north of the pole on the map.
    const [x, y] = mapPoint(plan.parts[0]!.mapping, 128, 255.5);
    expect(x).toBeCloseTo(500, 1);
    expect(y).toBeLessThan(500);
  });

  test('refuses a scene in an unknown CRS', () => {
    expect(() => planRead({ ...UTM, crs: { kind: 'epsg', code: 1 } }, gridOf(9, 276, 182), 'nearest')).toThrow(
      /EPSG:1/,
    );
  });
});
