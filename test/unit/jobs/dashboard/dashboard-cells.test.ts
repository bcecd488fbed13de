import { describe, expect, test } from 'vitest';
import { planCells } from '../../../../jobs/dashboard/plan-cells.ts';
import type { View } from '../../../../jobs/dashboard/plan-cells.ts';
import { readCells } from '../../../../jobs/dashboard/read-cells.ts';
import { coverAreaOf, createPlan } from '../../../../jobs/plan-jobs.ts';
import { createCover } from '../../../../src/tms/cover.ts';
import type { TilesetRequest } from '../../../../jobs/request/tileset-request.ts';

const WORLD: View = [-180, -85.06, 180, 85.06];
const POLYGON = {
  type: 'Polygon' as const,
  coordinates: [
    [
      [-10, 36],
      [3, 43],
      [28, 36],
      [40, 45],
      [30, 70],
      [5, 62],
      [-10, 52],
      [-10, 36],
    ],
  ],
};

type Planned = Pick<TilesetRequest, 'area' | 'minzoom' | 'maxzoom' | 'metatileSize' | 'sourceMinzoom'>;
const REQUESTS: readonly [string, Planned][] = [
  ['a bbox', { area: { bbox: [-20, -30, 75, 61] }, minzoom: 0, maxzoom: 6, metatileSize: 2 }],
  ['the world', { area: { bbox: [-180, -85, 180, 85] }, minzoom: 3, maxzoom: 5, metatileSize: 1 }],
  ['a bbox across the antimeridian', { area: { bbox: [160, -30, -150, 20] }, minzoom: 2, maxzoom: 7, metatileSize: 2 }],
  ['a polygon', { area: { geometry: POLYGON }, minzoom: 0, maxzoom: 8, metatileSize: 2 }],
  [
    'zooms made of tiles',
    { area: { bbox: [0, 0, 90, 60] }, minzoom: 0, maxzoom: 8, metatileSize: 2, sourceMinzoom: 6 },
  ],
];

const coverOf = (request: Planned) => createCover({ ...request, area: coverAreaOf(request) });

describe('planCells', () => {
  test.each(REQUESTS)('of %s: every metatile is in the cell where it lies, at every size of cell', (_, request) => {
    const works = [...createPlan(request).works()];
    const cover = coverOf(request);
    for (const { z, inner } of cover.zooms) {
      const mine = works.filter(({ metatile }) => metatile.z === z);
      for (const most of [4096, 100, 7, 1]) {
        const plan = planCells(cover, z, WORLD, most);
        expect(plan).not.toBeNull();
        const { level, cells } = plan!;
        const inCells = new Map<string, number>();
        const byPlace = new Map(cells.map((cell) => [`${cell.x} ${cell.y}`, cell]));
        const misplaced: number[] = [];
        for (const { index, metatile } of mine) {
          const shift = z - inner - level;
          const cell = byPlace.get(`${metatile.x >> shift} ${metatile.y >> shift}`);
          if (index < cell!.firstIndex || index >= cell!.firstIndex + cell!.indexCount) misplaced.push(index);
          const key = `${cell!.x} ${cell!.y}`;
          inCells.set(key, (inCells.get(key) ?? 0) + 1);
        }
        expect(misplaced).toEqual([]);
        expect(cells.map(({ metatiles }) => metatiles)).toEqual(cells.map(({ x, y }) => inCells.get(`${x} ${y}`) ?? 0));
        expect(cells.map(({ firstIndex }) => firstIndex)).toEqual(
          cells.map(({ firstIndex }) => firstIndex).sort((a, b) => a - b),
        );
        expect(level === 0 || cells.length <= most).toBe(true);
      }
    }
  });

  test('along a long border the work of one request is bounded, and asking again makes the counts right', () => {
    const ring = Array.from({ length: 200 }, (_, i) => {
      const angle = (i / 200) * 2 * Math.PI;
      const radius = i % 2 === 0 ? 1 : 0.3;
      return [170 * radius * Math.cos(angle), 80 * radius * Math.sin(angle)] as [number, number];
    });
    const geometry = { type: 'Polygon' as const, coordinates: [[...ring, ring[0]!]] };
    const request = { area: { geometry }, minzoom: 9, maxzoom: 9, metatileSize: 1 } as const;
    const cover = coverOf(request);
    const sum = (plan: ReturnType<typeof planCells>) => plan!.cells.reduce((total, cell) => total + cell.metatiles, 0);
    const { metatiles } = createPlan(request).counts();
    let plan = planCells(cover, 9, WORLD, 300);
    expect(plan?.isExact).toBe(false);
    expect(sum(plan)).toBeGreaterThan(metatiles);
    for (let asked = 0; asked < 100 && plan?.isExact === false; asked++) plan = planCells(cover, 9, WORLD, 300);
    expect(plan?.isExact).toBe(true);
    expect(sum(plan)).toBe(metatiles);
  });

  test.each<[string, View, readonly string[]]>([
    ['a quarter', [-179, 1, -1, 80], ['0 0', '0 1', '1 0', '1 1']],
    ['across the antimeridian', [170, -20, 190, 20], ['0 1', '0 2', '3 1', '3 2']],
    ['a turn further', [530, -20, 550, 20], ['0 1', '0 2', '3 1', '3 2']],
    ['a point', [10, 10, 10, 10], ['2 1']],
    ['more than the world', [-900, -90, 900, -70], ['0 3', '1 3', '2 3', '3 3']],
  ])('shows %s', (_, view, expected) => {
    const cover = coverOf({ area: { bbox: [-180, -85, 180, 85] }, minzoom: 2, maxzoom: 2, metatileSize: 1 });
    const { cells } = planCells(cover, 2, view, 4096)!;
    expect(cells.map(({ x, y }) => `${x} ${y}`).sort()).toEqual(expected);
  });

  test('a zoom without metatiles has none, and a view beside the area is empty', () => {
    const cover = coverOf({ area: { bbox: [10, 10, 20, 20] }, minzoom: 4, maxzoom: 6, metatileSize: 2 });
    expect(planCells(cover, 3, WORLD, 100)).toBeNull();
    expect(planCells(cover, 6, [-50, -50, -40, -40], 100)?.cells).toEqual([]);
  });
});

describe('readCells', () => {
  const request = REQUESTS[0]![1];
  const cover = coverOf(request);
  const { indexCount } = createPlan(request);
  const bits = (every: number): Uint8Array => {
    const bytes = new Uint8Array(Math.ceil(indexCount / 8));
    for (let i = 0; i < indexCount; i += every) bytes[i >> 3]! |= 0x80 >> (i & 7);
    return bytes;
  };
  const [done, failed] = [bits(3), bits(7)];
  const asked: number[] = [];
  const read = (fromIndex: number, count: number) => {
    asked.push(count);
    expect(fromIndex % 8).toBe(0);
    const part = (bytes: Uint8Array) => bytes.slice(fromIndex / 8, Math.ceil((fromIndex + count) / 8));
    return Promise.resolve({ fromIndex, done: part(done), failed: part(failed) });
  };
  const isSet = (bytes: Uint8Array, i: number): boolean => (bytes[i >> 3]! & (0x80 >> (i & 7))) !== 0;

  test.each([1, 5, 60, 4096])('counts what is done and failed in at most %i cells', async (most) => {
    for (const { z } of cover.zooms) {
      for (const view of [WORLD, [3, -11, 44, 40] as const]) {
        const plan = planCells(cover, z, view, most)!;
        const states = await readCells(plan, read);
        expect(states?.sampled).toBe(false);
        const expected = plan.cells.flatMap(({ x, y, firstIndex, indexCount: count, metatiles }) => {
          const indices = Array.from({ length: count }, (_, i) => firstIndex + i);
          const [d, f] = [done, failed].map((bytes) => indices.filter((i) => isSet(bytes, i)).length);
          return [x, y, d, f, Math.max(metatiles, d! + f!)];
        });
        expect(states?.cells).toEqual(expected);
      }
    }
  });

  test('reads no more than it may, and says so', async () => {
    const plan = planCells(cover, 6, WORLD, 4)!;
    asked.length = 0;
    const states = await readCells(plan, read, 40);
    expect(states?.sampled).toBe(true);
    const totals = states!.cells.filter((_, i) => i % 5 === 4);
    expect(Math.max(...totals)).toBeLessThanOrEqual(40 / plan.cells.length + 1);
  });

  test('of a run that is gone there is nothing', async () => {
    expect(await readCells(planCells(cover, 6, WORLD, 16)!, () => Promise.resolve(null))).toBeNull();
  });
});
