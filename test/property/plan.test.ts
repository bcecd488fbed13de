import * as fc from 'fast-check';
import type { Position } from 'geojson';
import { expect, test } from 'vitest';
import { createPlan } from '../../jobs/plan-jobs.ts';
import type { PlanRequest } from '../../jobs/plan-jobs.ts';
import { intersects } from '../../src/geo/bbox.ts';
import type { Bbox } from '../../src/geo/bbox.ts';
import { allTilesOf, metatileOf } from '../../src/tms/metatile.ts';
import type { MetatileWork } from '../../src/tms/metatile.ts';
import { tileIdFromTile } from '../../src/tms/tile-id.ts';
import { children, tilePath } from '../../src/tms/tile.ts';
import type { Tile } from '../../src/tms/tile.ts';
import { tileBbox } from '../../src/tms/web-mercator-quad.ts';
import { planBbox, planPolygon, planRequest, planZooms } from '../support/plan-requests.ts';

function tilesOf(works: Iterable<MetatileWork>): readonly Tile[] {
  return [...works].flatMap(allTilesOf);
}

function sortedPaths(tiles: readonly Tile[]): readonly string[] {
  return tiles.map(tilePath).sort();
}

function allTiles({ minzoom, maxzoom }: PlanRequest): readonly Tile[] {
  const tiles: Tile[] = [];
  for (let z = minzoom; z <= maxzoom; z++) {
    for (let i = 0; i < 4 ** z; i++) {
      tiles.push({ z, x: i % 2 ** z, y: Math.floor(i / 2 ** z) });
    }
  }
  return tiles;
}

/** Square degrees of a ring within a box: clipped side by side, then measured; a way that the code does not go. */
function areaWithin(ring: readonly Position[], [west, south, east, north]: Bbox): number {
  let kept = ring.slice(0, -1);
  for (const [axis, limit, side] of [
    [0, west, 1],
    [0, east, -1],
    [1, south, 1],
    [1, north, -1],
  ] as const) {
    kept = kept.flatMap((to, i) => {
      const from = kept.at(i - 1)!;
      const [isIn, wasIn] = [(to[axis]! - limit) * side > 0, (from[axis]! - limit) * side > 0];
      const share = (limit - from[axis]!) / (to[axis]! - from[axis]!);
      const crossing = [from[0]! + share * (to[0]! - from[0]!), from[1]! + share * (to[1]! - from[1]!)];
      return [...(isIn === wasIn ? [] : [crossing]), ...(isIn ? [to] : [])];
    });
  }
  return Math.abs(
    kept.reduce((sum, [x = 0, y = 0], i) => {
      const [x0 = 0, y0 = 0] = kept.at(i - 1)!;
      return sum + (x0 - kept[0]![0]!) * (y - kept[0]![1]!) - (x - kept[0]![0]!) * (y0 - kept[0]![1]!);
    }, 0) / 2,
  );
}

/** The largest area that one polygon, or its image a turn to either side, shares with a box. */
function sharedArea(polygons: readonly Position[][][], [west, south, east, north]: Bbox): number {
  const shares = polygons.flatMap(([outer = [], ...holes]) =>
    [-360, 0, 360].map((turn): number => {
      const box: Bbox = [west + turn, south, east + turn, north];
      return areaWithin(outer, box) - holes.reduce((sum, hole) => sum + areaWithin(hole, box), 0);
    }),
  );
  return Math.max(...shares);
}

test('a plan of a bbox has exactly the tiles that overlap it', () => {
  fc.assert(
    fc.property(planBbox, planZooms, (box, what) => {
      const asked: PlanRequest = { area: { bbox: [...box] as [number, number, number, number] }, ...what };
      const overlapping = allTiles(asked).filter((tile) => {
        const [west, south, east, north] = tileBbox(tile);
        return intersects([west + 1e-11, south + 1e-11, east - 1e-11, north - 1e-11], box);
      });
      expect(sortedPaths(tilesOf(createPlan(asked).works()))).toEqual(sortedPaths(overlapping));
    }),
  );
});

test('a plan of a polygon has the tiles that share area with it and no other', () => {
  fc.assert(
    fc.property(fc.array(planPolygon, { minLength: 1, maxLength: 2 }), planZooms, (coordinates, what) => {
      const asked: PlanRequest = { area: { geometry: { type: 'MultiPolygon', coordinates } }, ...what };
      const shares = new Map(allTiles(asked).map((tile) => [tile, sharedArea(coordinates, tileBbox(tile))]));
      // Between the two limits, whether a tile counts is a question of rounding.
      const certain = [...shares].filter(([, share]) => share > 1e-6 || share < 1e-10);
      const isCertain = new Set(certain.map(([tile]) => tilePath(tile)));
      const planned = tilesOf(createPlan(asked).works()).filter((tile) => isCertain.has(tilePath(tile)));
      expect(sortedPaths(planned)).toEqual(
        sortedPaths(certain.filter(([, share]) => share > 1e-6).map(([tile]) => tile)),
      );
    }),
    { numRuns: 60 },
  );
});

test('no tile comes twice, and metatiles and tiles follow the Hilbert curve', () => {
  fc.assert(
    fc.property(planRequest, (asked) => {
      const works = [...createPlan(asked).works()];
      const order = works.map(({ metatile: { z, x, y, size } }) => {
        const inner = Math.log2(size);
        // Zooms ascend from the first that is rendered from scenes; those made of them follow, descending.
        return (z < works[0]!.metatile.z ? 100 - z : z) * 1e6 + tileIdFromTile({ z: z - inner, x, y });
      });
      const paths = sortedPaths(tilesOf(works));
      expect(paths).toEqual([...new Set(paths)]);
      expect(order).toEqual([...new Set(order)].sort((a, b) => a - b));
      expect(works.map(({ index }) => index)).toEqual(works.map(({ index }) => index).sort((a, b) => a - b));
      for (const { metatile, tiles } of works) {
        const ids = tiles.map(tileIdFromTile);
        expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
        expect(tiles.every((tile) => tilePath(metatileOf(tile, asked.metatileSize)) === tilePath(metatile))).toBe(true);
      }
    }),
  );
});

test('the counts are what the plan gives', () => {
  fc.assert(
    fc.property(planRequest, (asked) => {
      const plan = createPlan(asked);
      const works = [...plan.works()];
      const counts = plan.counts();
      expect(counts.metatiles).toBe(works.length);
      expect(counts.tiles).toBe(tilesOf(works).length);
      for (const { z, tiles, metatiles } of counts.perZoom) {
        const ofZoom = tilesOf(works).filter((tile) => tile.z === z);
        const based = works.filter(({ metatile }) => metatile.z === z);
        expect([z, tiles, metatiles]).toEqual([z, ofZoom.length, based.length]);
      }
    }),
  );
});

test('an index finds its work and a metatile its index; every other index has none', () => {
  fc.assert(
    fc.property(planRequest, (asked) => {
      const plan = createPlan(asked);
      const works = [...plan.works()];
      const indices = Array.from({ length: plan.indexCount }, (_, index) => index);
      expect(indices.map((index) => plan.workAt(index)).filter((work) => work !== null)).toEqual(works);
      expect(works.map(({ metatile }) => plan.indexOf(metatile))).toEqual(works.map(({ index }) => index));
    }),
    { numRuns: 60 },
  );
});

test('work from an index on is the rest of all work', () => {
  fc.assert(
    fc.property(planRequest, fc.double({ min: 0, max: 1.1, noNaN: true }), (asked, share) => {
      const plan = createPlan(asked);
      const fromIndex = Math.floor(plan.indexCount * share);
      expect([...plan.works({ fromIndex })]).toEqual([...plan.works()].filter(({ index }) => index >= fromIndex));
    }),
  );
});

test('tiles below the split are made of all their planned children, which come before them', () => {
  fc.assert(
    fc.property(planRequest, (asked) => {
      const plan = createPlan(asked);
      const split = Math.min(Math.max(asked.sourceMinzoom ?? asked.minzoom, asked.minzoom), asked.maxzoom);
      const works = [...plan.works()];
      const indexOfTile = new Map(
        works.flatMap((work) => allTilesOf(work).map((tile) => [tilePath(tile), work.index])),
      );
      for (const work of works) {
        const { index, metatile, tiles, parents } = work;
        expect(work.children === null).toBe(metatile.z >= split);
        expect(tiles.every(({ z }) => z === metatile.z) && parents.every(({ z }) => z < split)).toBe(true);
        const below = [...(work.children ?? []), ...tiles, ...parents].map(tilePath);
        const made = [...(work.children === null ? [] : tiles), ...parents];
        for (const child of made.flatMap((tile) => children(tile))) {
          const path = tilePath(child);
          // Planned children are at hand; what is at hand is planned.
          expect(below.includes(path)).toBe(indexOfTile.has(path));
        }
        const needed = plan.childIndicesOf(work);
        expect(needed.every((child) => child < index)).toBe(true);
        expect(needed.map((child) => plan.workAt(child)?.handedOn)).toEqual(work.children ?? []);
        for (const tile of allTilesOf(work)) expect(plan.workWith(tile)?.index).toBe(index);
      }
    }),
    { numRuns: 40 },
  );
});

test('every tile finds the metatile that gives it, and one that is not planned finds none', () => {
  fc.assert(
    fc.property(planRequest, (asked) => {
      const plan = createPlan(asked);
      const indexOfTile = new Map(
        [...plan.works()].flatMap((work) => allTilesOf(work).map((tile) => [tilePath(tile), work.index] as const)),
      );
      const wrong = allTiles({ ...asked, minzoom: 0, maxzoom: asked.maxzoom + 1 }).filter(
        (tile) => plan.indexWith(tile) !== (indexOfTile.get(tilePath(tile)) ?? null),
      );
      expect(wrong).toEqual([]);
    }),
    { numRuns: 20 },
  );
});
