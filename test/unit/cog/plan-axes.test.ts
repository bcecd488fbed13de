import { expect, test } from 'vitest';
import { AxisCache, type AxesRequest } from '../../../src/cog/plan-axes.ts';
import { sceneGeometry } from '../../../src/cog/plan-scene.ts';
import { CRS84 } from '../../../src/geo/crs.ts';
import { createSeparableMapping, type Project } from '../../../src/raster/inverse-mapping.ts';

const scene = sceneGeometry({
  label: 'scene',
  crs: CRS84,
  transform: [0.1, 0, -10, 0, -0.1, 10],
  levels: [{ width: 200, height: 200, blockWidth: 64, blockHeight: 64 }],
});

function request(x: number, y: number, size = 8): AxesRequest {
  const grid = { bounds: [x * 80, y * 80, x * 80 + 80, y * 80 + 80], width: size, height: size } as const;
  const window = { col: 0, row: 0, width: size, height: size };
  return { scene, grid, window, scaleX: 1, scaleY: 1, shift: 0 };
}

/** Takes positions to metres of the tile, and counts how often. */
function projection({ grid }: AxesRequest, calls: { count: number }): Project {
  return (xs, ys) => {
    calls.count++;
    for (let i = 0; i < xs.length; i++) [xs[i], ys[i]] = [grid.bounds[0] + xs[i]!, grid.bounds[3] - ys[i]!];
  };
}

test('maps each column and each row of tiles once, and gives what the mapping alone gives', () => {
  const cache = new AxisCache();
  const calls = { count: 0 };
  for (let y = 0; y < 8; y++) {
    for (let x = 0; x < 8; x++) {
      const asked = request(x, y);
      const project = projection(asked, calls);
      expect(cache.mapping(asked, project)).toEqual(createSeparableMapping(projection(asked, { count: 0 }), 8, 8));
    }
  }
  expect(calls.count).toBe(15);
});

test('tells windows, levels and copies of the world apart', () => {
  const cache = new AxisCache();
  const calls = { count: 0 };
  const base = request(0, 0);
  const others: readonly AxesRequest[] = [
    base,
    { ...base, shift: 40 },
    { ...base, scaleX: 0.5 },
    { ...base, scaleY: 0.5 },
    { ...base, window: { col: 1, row: 0, width: 7, height: 8 } },
    { ...base, window: { col: 0, row: 2, width: 8, height: 6 } },
    { ...base, grid: { ...base.grid, width: 16 } },
  ];
  for (const asked of others) cache.mapping(asked, projection(asked, calls));
  expect(calls.count).toBe(others.length);
  for (const asked of others) cache.mapping(asked, projection(asked, calls));
  expect(calls.count).toBe(others.length);
});

test('lets go of the oldest', () => {
  const cache = new AxisCache();
  const calls = { count: 0 };
  // 0.5 MiB each.
  const ask = (x: number): void => void cache.mapping(request(x, x, 16_384), projection(request(x, x), calls));
  for (let x = 0; x < 8; x++) ask(x);
  ask(7);
  expect(calls.count).toBe(8);
  ask(0);
  expect(calls.count).toBe(9);
});
