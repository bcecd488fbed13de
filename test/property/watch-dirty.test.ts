import * as fc from 'fast-check';
import type { MultiPolygon, Position } from 'geojson';
import { describe, expect, test } from 'vitest';
import type { Bbox } from '../../src/geo/bbox.ts';
import { normaliseFootprint, polygonBbox } from '../../src/geo/polygon.ts';
import { scenesTouching } from '../../src/mosaic/asset-filter.ts';
import { dirtyMetatiles } from '../../src/mosaic/dirty-metatiles.ts';
import type { Scene } from '../../src/mosaic/scene.ts';
import { childIndicesOf } from '../../src/tms/cover-children.ts';
import { createCover, workAt } from '../../src/tms/cover.ts';
import type { Cover } from '../../src/tms/cover.ts';
import { coarsenRanges, countIndices, meetsRanges, unionRanges } from '../../src/tms/index-ranges.ts';
import type { IndexRange, IndexRanges } from '../../src/tms/index-ranges.ts';
import { metatileBbox } from '../../src/tms/metatile.ts';

const HALO = { pixels: 2, tileSize: 256 };

const lng = fc.oneof(
  fc.double({ min: -180, max: 180, noNaN: true }),
  fc.constantFrom(-180, -179.999, -90, 0, 90, 179.999, 180),
);
const lat = fc.oneof(
  fc.double({ min: -90, max: 90, noNaN: true }),
  fc.constantFrom(-90, -85.06, -45, 0, 45, 85.05, 90),
);

/** A ring around a centre, of some corners; large ones run over the antimeridian or a pole. */
const ring = fc
  .record({
    lng,
    lat,
    radius: fc.oneof(fc.double({ min: 0.001, max: 1, noNaN: true }), fc.double({ min: 1, max: 80, noNaN: true })),
    corners: fc.integer({ min: 3, max: 9 }),
    turn: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ lng: x, lat: y, radius, corners, turn }): Position[] => {
    const ends = Array.from({ length: corners }, (_, i): Position => {
      const angle = ((i + turn) / corners) * 2 * Math.PI;
      return [x + radius * Math.cos(angle), Math.max(-90, Math.min(90, y + radius * Math.sin(angle)))];
    });
    return [...ends, ends[0] ?? [0, 0]];
  });

/** The same ring smaller, around its first corner's neighbourhood: a hole, at least mostly. */
function holeOf(outer: readonly Position[]): Position[] {
  const middle = outer.reduce<Position>(
    ([x = 0, y = 0], [px = 0, py = 0]) => [x + px / outer.length, y + py / outer.length],
    [0, 0],
  );
  return outer.map(([x = 0, y = 0]): Position => [((middle[0] ?? 0) + x) / 2, ((middle[1] ?? 0) + y) / 2]).toReversed();
}

const footprint = fc.oneof(
  { weight: 1, arbitrary: fc.constant(null) },
  {
    weight: 9,
    arbitrary: fc
      .array(fc.tuple(ring, fc.boolean()), { minLength: 1, maxLength: 3 })
      .map((rings) =>
        normaliseFootprint({
          type: 'MultiPolygon',
          coordinates: rings.map(([outer, hasHole]) => (hasHole ? [outer, holeOf(outer)] : [outer])),
        }),
      )
      .filter(({ coordinates }) => coordinates.length > 0),
  },
);

const area = fc.oneof(
  fc
    .tuple(lng, lng, lat, lat)
    .filter(([a, b, c, d]) => a !== b && c !== d)
    .map(([west, east, a, b]): Bbox => [west, Math.min(a, b), east, Math.max(a, b)])
    .map((bbox) => ({ kind: 'bbox' as const, bbox })),
  ring
    .map((outer) => normaliseFootprint({ type: 'Polygon', coordinates: [outer] }))
    .filter((polygon) => polygonBbox(polygon) !== null)
    .map((polygon) => ({ kind: 'polygon' as const, polygon })),
);

const cover = fc
  .record({
    area,
    minzoom: fc.integer({ min: 0, max: 4 }),
    more: fc.integer({ min: 0, max: 3 }),
    split: fc.integer({ min: 0, max: 3 }),
    metatileSize: fc.constantFrom(1, 2, 4, 8),
  })
  .map(({ more, split, minzoom, ...rest }) =>
    createCover({ ...rest, minzoom, maxzoom: minzoom + more, sourceMinzoom: minzoom + Math.min(split, more) }),
  );

function sceneOf(polygon: MultiPolygon | null): Scene {
  const bbox = polygon === null ? null : polygonBbox(polygon);
  return { itemId: 'a', collection: null, datetime: null, version: '1', footprint: polygon, bbox, assets: [] };
}

/** Index by index, as rendering itself would find out. */
function bruteForce(one: Cover, polygon: MultiPolygon | null): readonly number[] {
  const dirty = new Set<number>();
  for (let index = 0; index < one.indexCount; index++) {
    const work = workAt(one, index);
    if (work === null) continue;
    const isDirty =
      work.children === null
        ? scenesTouching([sceneOf(polygon)], metatileBbox(work.metatile, HALO)).length > 0
        : childIndicesOf(one, work).some((child) => dirty.has(child));
    if (isDirty) dirty.add(index);
  }
  return [...dirty];
}

function indicesWithWork(one: Cover, ranges: IndexRanges): readonly number[] {
  return ranges
    .flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i))
    .filter((index) => workAt(one, index) !== null);
}

describe('dirty metatiles', () => {
  test('are those that rendering gives the scene to, and what is made of them', () => {
    fc.assert(
      fc.property(cover, footprint, (one, polygon) => {
        const expected = bruteForce(one, polygon);
        const found = indicesWithWork(one, dirtyMetatiles(one, polygon, HALO));
        // A parent whose only dirty child is one that the area leaves out is asked for in vain, and nothing is missed.
        expect(expected.filter((index) => !found.includes(index))).toEqual([]);
        const isMadeOfTiles = (index: number): boolean => workAt(one, index)?.children !== null;
        expect(found.filter((index) => !isMadeOfTiles(index))).toEqual(
          expected.filter((index) => !isMadeOfTiles(index)),
        );
      }),
      { numRuns: 400 },
    );
  });

  test('of a small footprint are found without a walk over the plan', () => {
    const world = createCover({
      area: { kind: 'bbox', bbox: [-180, -85, 180, 85] },
      minzoom: 0,
      maxzoom: 18,
      metatileSize: 8,
      sourceMinzoom: 10,
    });
    const found = dirtyMetatiles(world, square(10, 45, 0.01), HALO);
    expect(world.indexCount).toBeGreaterThan(1e9);
    expect(found.length).toBeLessThan(60);
    expect(countIndices(found)).toBeLessThan(200);
  });

  test('a change of a thousandth of the area is at most half a hundredth of the metatiles', () => {
    const side = 10 * Math.sqrt(0.001);
    for (const [x, y] of [
      [4, 44],
      [4.83, 47.11],
      [0, 40],
      [9.684, 49.684],
    ] as const) {
      const area = { kind: 'bbox', bbox: [0, 40, 10, 50] } as const;
      const country = createCover({ area, minzoom: 0, maxzoom: 14, metatileSize: 8, sourceMinzoom: 10 });
      const found = dirtyMetatiles(country, square(x, y, side), HALO);
      expect(countIndices(found) / country.indexCount).toBeLessThan(0.005);
    }
  });

  test('of a large footprint cost its border, not its area', () => {
    const world = createCover({
      area: { kind: 'bbox', bbox: [-180, -85, 180, 85] },
      minzoom: 12,
      maxzoom: 12,
      metatileSize: 1,
    });
    const found = dirtyMetatiles(world, square(0, 0, 40), HALO);
    expect(countIndices(found)).toBeGreaterThan(200_000);
    expect(found.length).toBeLessThan(3_000);
  });
});

function square(x: number, y: number, side: number): MultiPolygon {
  return normaliseFootprint({
    type: 'Polygon',
    coordinates: [
      [
        [x, y],
        [x + side, y],
        [x + side, y + side],
        [x, y + side],
        [x, y],
      ],
    ],
  });
}

describe('ranges of indices', () => {
  const ranges = fc.array(
    fc
      .tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 12 }))
      .map(([from, length]): IndexRange => ({ from, to: from + length })),
    { maxLength: 12 },
  );
  const membersOf = (list: readonly IndexRange[]): ReadonlySet<number> =>
    new Set(list.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i)));

  test('a union has the members of all, ascending, apart', () => {
    fc.assert(
      fc.property(ranges, ranges, (a, b) => {
        const joined = unionRanges(a, b);
        expect(membersOf(joined)).toEqual(new Set([...membersOf([...a, ...b])].sort((x, y) => x - y)));
        expect(countIndices(joined)).toBe(membersOf(joined).size);
        const gaps = joined.slice(1).map(({ from }, i) => from - (joined[i]?.to ?? 0));
        expect(gaps.every((gap) => gap > 0)).toBe(true);
      }),
    );
  });

  test('meeting and coarsening', () => {
    fc.assert(
      fc.property(
        ranges,
        fc.integer({ min: 0, max: 80 }),
        fc.integer({ min: 0, max: 9 }),
        fc.integer({ min: 1, max: 6 }),
        (a, from, length, most) => {
          const joined = unionRanges(a);
          const members = membersOf(joined);
          const asked = Array.from({ length }, (_, i) => from + i);
          expect(meetsRanges(joined, from, from + length)).toBe(asked.some((index) => members.has(index)));
          const coarse = coarsenRanges(joined, most);
          expect(coarse.length).toBeLessThanOrEqual(most);
          expect([...members].filter((index) => !membersOf(coarse).has(index))).toEqual([]);
        },
      ),
    );
  });
});
