import { describe, expect, test } from 'vitest';
import { coverAreaOf, createPlan } from '../../../jobs/plan-jobs.ts';
import type { PlanRequest } from '../../../jobs/plan-jobs.ts';
import { MAX_LATITUDE } from '../../../src/tms/web-mercator-quad.ts';
import { workOf } from '../../support/metatile-work.ts';

const WORLD: PlanRequest = { area: { bbox: [-180, -90, 180, 90] }, minzoom: 0, maxzoom: 15, metatileSize: 8 };

test('a plan says what it covers, how much that is, and how many indices that takes', () => {
  const plan = createPlan({ ...WORLD, maxzoom: 4 });
  expect(plan.bbox).toEqual([-180, -MAX_LATITUDE, 180, MAX_LATITUDE]);
  expect(plan.counts()).toEqual({
    perZoom: [
      { z: 0, tiles: 1, metatiles: 1 },
      { z: 1, tiles: 4, metatiles: 1 },
      { z: 2, tiles: 16, metatiles: 1 },
      { z: 3, tiles: 64, metatiles: 1 },
      { z: 4, tiles: 256, metatiles: 4 },
    ],
    tiles: 341,
    metatiles: 8,
  });
  expect(plan.indexCount).toBe(8);
});

test('a bbox over the antimeridian gives zoom 0 once', () => {
  const plan = createPlan({ ...WORLD, area: { bbox: [170, -10, -170, 10] }, maxzoom: 0 });
  expect([...plan.works()]).toEqual([workOf({ z: 0, x: 0, y: 0, size: 1 })]);
  expect(plan.bbox).toEqual([170, -10, -170, 10]);
});

test('a plan of 1.4e9 tiles is counted, entered in the middle and left again without making a list', () => {
  const plan = createPlan(WORLD);
  expect(plan.counts().tiles).toBe(1_431_655_765);
  const index = 12_345_678;
  const [first] = plan.works({ fromIndex: index });
  expect(first).toEqual(plan.workAt(index));
  expect(first?.tiles).toHaveLength(64);
  expect(first === undefined ? null : plan.indexOf(first.metatile)).toBe(index);
});

test('a part of a plan has none of the indices that the plan does not have', () => {
  const request: PlanRequest = { ...WORLD, maxzoom: 1, metatileSize: 2 };
  const plan = createPlan(request, {
    only: [
      { from: 0, to: 1 },
      { from: 2, to: 9 },
    ],
  });
  expect([...plan.works()].map(({ index }) => index)).toEqual([0]);
  expect(plan.counts()).toEqual({ perZoom: [{ z: 0, tiles: 1, metatiles: 1 }], tiles: 1, metatiles: 1 });
  expect(plan.workAt(1)).toBeNull();
  expect(plan.workAt(2)).toBeNull();
  expect(plan.indexCount).toBe(2);
});

test('counts are computed once', () => {
  const plan = createPlan(WORLD);
  expect(plan.counts()).toBe(plan.counts());
});

describe('the area', () => {
  test('of a polygon beyond 180 degrees is cut at the antimeridian', () => {
    const ring = [
      [170, 0],
      [190, 0],
      [190, 5],
      [170, 5],
      [170, 0],
    ];
    const plan = createPlan({ ...WORLD, area: { geometry: { type: 'Polygon', coordinates: [ring] } }, maxzoom: 3 });
    expect(plan.bbox).toEqual([170, 0, -170, 5]);
    expect([...plan.works()].flatMap(({ tiles }) => tiles.map(({ z, x, y }) => `${z}/${x}/${y}`))).toEqual([
      '0/0/0',
      '1/0/0',
      '1/1/0',
      '2/0/1',
      '2/3/1',
      '3/0/3',
      '3/7/3',
    ]);
  });

  test('in a file has to be read first', () => {
    expect(() => coverAreaOf({ area: { file: 'aoi.geojson' } })).toThrow(
      'Planning the area of "aoi.geojson": found the name of a file, expected its geometry',
    );
  });

  test('of no extent is refused', () => {
    const coordinates = [
      [
        [0, 0],
        [1, 1],
        [0, 0],
        [0, 0],
      ],
    ];
    expect(() => createPlan({ ...WORLD, area: { geometry: { type: 'Polygon', coordinates } } })).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID' }),
    );
  });
});

describe('tiles below sourceMinzoom', () => {
  const plan = createPlan({ ...WORLD, minzoom: 1, maxzoom: 6, metatileSize: 4, sourceMinzoom: 5 });

  test('are made beside those of the next base zoom, as far as one metatile reaches', () => {
    expect(plan.counts().perZoom.map(({ z, metatiles }) => [z, metatiles])).toEqual([
      [1, 0],
      [2, 1],
      [3, 0],
      [4, 0],
      [5, 64],
      [6, 256],
    ]);
    const [first] = plan.works();
    expect(first?.metatile).toEqual({ z: 5, x: 0, y: 0, size: 4 });
    expect(first?.parents.map(({ z }) => z)).toEqual([4, 4, 4, 4, 3]);
    expect(first?.handedOn).toEqual({ z: 3, x: 0, y: 0 });
    expect(first?.children).toBeNull();
  });

  test('need all metatiles whose tiles they are made of', () => {
    const last = plan.workAt(plan.indexCount - 1);
    expect(last?.metatile).toEqual({ z: 2, x: 0, y: 0, size: 4 });
    expect(last?.children).toHaveLength(64);
    expect(last?.parents).toHaveLength(4);
    expect(last?.handedOn).toBeNull();
    const needed = last === null ? [] : plan.childIndicesOf(last);
    expect(new Set(needed).size).toBe(64);
    for (const [i, index] of needed.entries()) expect(plan.workAt(index)?.handedOn).toEqual(last?.children?.[i]);
  });

  test('are found in the work that gives them', () => {
    expect(plan.workWith({ z: 4, x: 5, y: 9 })?.metatile).toEqual({ z: 5, x: 2, y: 4, size: 4 });
    expect(plan.workWith({ z: 1, x: 1, y: 0 })?.metatile).toEqual({ z: 2, x: 0, y: 0, size: 4 });
    expect(plan.workWith({ z: 6, x: 63, y: 0 })?.metatile).toEqual({ z: 6, x: 15, y: 0, size: 4 });
    expect(plan.workWith({ z: 0, x: 0, y: 0 })).toBeNull();
  });
});

test('the zooms of a plan cover all indices, and count the metatiles that a polygon leaves', () => {
  const triangle = {
    type: 'Polygon' as const,
    coordinates: [
      [
        [0, 0],
        [40, 0],
        [0, 40],
        [0, 0],
      ],
    ],
  };
  const plan = createPlan({ area: { geometry: triangle }, minzoom: 4, maxzoom: 8, metatileSize: 2 });
  const works = [...plan.works()];
  let next = 0;
  for (const { z, firstIndex, indexCount, metatiles } of plan.zooms) {
    expect(firstIndex).toBe(next);
    next += indexCount;
    expect(metatiles).toBe(works.filter(({ metatile }) => metatile.z === z).length);
  }
  expect(next).toBe(plan.indexCount);
});
