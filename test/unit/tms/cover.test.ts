import type { MultiPolygon, Position } from 'geojson';
import { describe, expect, test } from 'vitest';
import { boxRing } from '../../../src/geo/bbox.ts';
import type { Bbox } from '../../../src/geo/bbox.ts';
import { countCover } from '../../../src/tms/cover-counts.ts';
import { worksOf } from '../../../src/tms/cover-works.ts';
import { createCover, indexOf, workAt } from '../../../src/tms/cover.ts';
import type { CoverArea } from '../../../src/tms/cover.ts';
import { tileRangeOf } from '../../../src/tms/tile-range.ts';
import { tilePath } from '../../../src/tms/tile.ts';
import { tileBbox } from '../../../src/tms/web-mercator-quad.ts';

function ofBbox(bbox: Bbox): CoverArea {
  return { kind: 'bbox', bbox };
}

function ofPolygon(...polygons: Position[][][]): CoverArea {
  const polygon: MultiPolygon = { type: 'MultiPolygon', coordinates: polygons };
  return { kind: 'polygon', polygon };
}

function paths(area: CoverArea, minzoom: number, maxzoom: number, metatileSize = 8): string[] {
  return [...worksOf(createCover({ area, minzoom, maxzoom, metatileSize }))].flatMap(({ tiles }) =>
    tiles.map(tilePath),
  );
}

describe('tileRangeOf', () => {
  test.each([
    { z: 3, x: 2, y: 5 },
    { z: 11, x: 1108, y: 724 },
    { z: 18, x: 0, y: 262_143 },
    { z: 26, x: 2 ** 26 - 1, y: 2 ** 25 },
    { z: 26, x: 12_345_678, y: 3 },
  ])('the bbox of $z/$x/$y touches that tile only', (tile) => {
    const { x, y, z } = tile;
    expect(tileRangeOf(tileBbox(tile), z)).toEqual({ columns: [[x, x]], rows: [y, y] });
  });

  test('a crossing bbox has two intervals of columns, ascending', () => {
    expect(tileRangeOf([170, -10, -170, 10], 5)?.columns).toEqual([
      [0, 0],
      [31, 31],
    ]);
  });

  test('intervals that meet or overlap are one', () => {
    expect(tileRangeOf([170, -10, -170, 10], 0)?.columns).toEqual([[0, 0]]);
    expect(tileRangeOf([170, -10, -170, 10], 1)?.columns).toEqual([[0, 1]]);
    expect(tileRangeOf([10, -10, 5, 10], 3)?.columns).toEqual([[0, 7]]);
  });

  test('latitudes beyond the grid are cut off', () => {
    expect(tileRangeOf([-180, -90, 180, 90], 2)).toEqual({ columns: [[0, 3]], rows: [0, 3] });
    expect(tileRangeOf([0, 85.06, 10, 90], 2)).toBeNull();
    expect(tileRangeOf([0, -90, 10, -85.06], 2)).toBeNull();
  });

  test('a bbox narrower than the tolerance touches a tile all the same', () => {
    expect(tileRangeOf([0, 0, 1e-12, 1e-12], 4)).toEqual({ columns: [[8, 8]], rows: [7, 7] });
  });
});

describe('the order', () => {
  test('zooms ascend, tiles follow the Hilbert curve, z0 comes once for a crossing bbox', () => {
    expect(paths(ofBbox([170, -10, -170, 10]), 0, 2)).toEqual([
      '0/0/0',
      '1/0/0',
      '1/0/1',
      '1/1/1',
      '1/1/0',
      '2/0/1',
      '2/0/2',
      '2/3/2',
      '2/3/1',
    ]);
  });

  test('metatiles follow the Hilbert curve too, each with its own tiles', () => {
    const works = [
      ...worksOf(createCover({ area: ofBbox([-180, -90, 180, 90]), minzoom: 2, maxzoom: 2, metatileSize: 2 })),
    ];
    expect(works.map(({ index, metatile: { x, y, size } }) => [index, x, y, size])).toEqual([
      [0, 0, 0, 2],
      [1, 0, 1, 2],
      [2, 1, 1, 2],
      [3, 1, 0, 2],
    ]);
    expect(works[0]?.tiles.map(tilePath)).toEqual(['2/0/0', '2/1/0', '2/1/1', '2/0/1']);
  });
});

describe('polygons', () => {
  test('a tile wholly in a hole is left out', () => {
    const [west, south, east, north] = tileBbox({ z: 3, x: 3, y: 3 });
    const withHole = ofPolygon([boxRing([-90, -60, 90, 60]), boxRing([west, south, east, north])]);
    const all = paths(ofPolygon([boxRing([-90, -60, 90, 60])]), 3, 3);
    expect(all).toContain('3/3/3');
    expect(paths(withHole, 3, 3)).toEqual(all.filter((path) => path !== '3/3/3'));
  });

  test('a polygon exactly on the edges of tiles gives exactly these', () => {
    const [west, , , north] = tileBbox({ z: 6, x: 20, y: 20 });
    const [, south, east] = tileBbox({ z: 6, x: 21, y: 21 });
    expect(paths(ofPolygon([boxRing([west, south, east, north])]), 6, 6).sort()).toEqual([
      '6/20/20',
      '6/20/21',
      '6/21/20',
      '6/21/21',
    ]);
  });

  test('two parts along the antimeridian are few indices, not a row around the world', () => {
    const area = ofPolygon([boxRing([179, 0, 180, 1])], [boxRing([-180, 0, -179, 1])]);
    const cover = createCover({ area, minzoom: 10, maxzoom: 10, metatileSize: 1 });
    expect(cover.indexCount).toBe(countCover(cover).metatiles);
    expect(cover.indexCount).toBe(6 * 3);
  });

  test('an index that the polygon leaves out has no work', () => {
    const area = ofPolygon([
      [
        [0, 0],
        [40, 0],
        [0, 40],
        [0, 0],
      ],
    ]);
    const cover = createCover({ area, minzoom: 6, maxzoom: 6, metatileSize: 1 });
    const counts = countCover(cover);
    expect(counts.metatiles).toBeLessThan(cover.indexCount);
    const indices = Array.from({ length: cover.indexCount }, (_, i) => i);
    expect(indices.filter((index) => workAt(cover, index) !== null)).toHaveLength(counts.metatiles);
  });

  test('a polygon beyond the latitudes of the grid has nothing', () => {
    const cover = createCover({ area: ofPolygon([boxRing([0, 86, 10, 90])]), minzoom: 0, maxzoom: 5, metatileSize: 8 });
    expect([...worksOf(cover)]).toEqual([]);
    expect(countCover(cover)).toEqual({ perZoom: [], tiles: 0, metatiles: 0 });
  });
});

describe('counting', () => {
  test('the world to zoom 15 is 1.4e9 tiles', () => {
    const cover = createCover({ area: ofBbox([-180, -90, 180, 90]), minzoom: 0, maxzoom: 15, metatileSize: 8 });
    const counts = countCover(cover);
    expect(counts.tiles).toBe((4 ** 16 - 1) / 3);
    expect(counts.metatiles).toBe(4 + (4 ** 13 - 1) / 3 - 1);
    expect(counts.perZoom[15]).toEqual({ z: 15, tiles: 4 ** 15, metatiles: 4 ** 12 });
    expect(cover.indexCount).toBe(counts.metatiles);
  });

  test('the world as a polygon is the same', () => {
    const area = ofPolygon([boxRing([-180, -90, 180, 90])]);
    const options = { minzoom: 3, maxzoom: 20, metatileSize: 16 };
    expect(countCover(createCover({ area, ...options }))).toEqual(
      countCover(createCover({ area: ofBbox([-180, -90, 180, 90]), ...options })),
    );
  });
});

describe('indices', () => {
  const cover = createCover({ area: ofBbox([5, 40, 25, 55]), minzoom: 4, maxzoom: 26, metatileSize: 8 });

  test.each([-1, 0.5, Number.NaN, cover.indexCount])('%d is none', (index) => {
    expect(workAt(cover, index)).toBeNull();
  });

  test('the last one of a cover of 1e14 tiles is found at once, from both sides', () => {
    const index = cover.indexCount - 1;
    const work = workAt(cover, index);
    expect(work?.metatile.z).toBe(26);
    expect(work === null ? null : indexOf(cover, work.metatile)).toBe(index);
    expect([...worksOf(cover, index)]).toEqual([work]);
    expect([...worksOf(cover, cover.indexCount)]).toEqual([]);
  });

  test('a metatile of another place, zoom or size has none', () => {
    expect(indexOf(cover, { z: 10, x: 0, y: 0, size: 8 })).toBeNull();
    expect(indexOf(cover, { z: 3, x: 0, y: 0, size: 8 })).toBeNull();
    expect(indexOf(cover, { z: 10, x: 66, y: 44, size: 8 })).not.toBeNull();
    expect(indexOf(cover, { z: 10, x: 66, y: 44, size: 4 })).toBeNull();
  });
});
