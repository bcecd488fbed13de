import { describe, expect, test } from 'vitest';
import { metatileBbox, metatileBounds, metatileOf, metatileTiles } from '../../../src/tms/metatile.ts';
import { tileIdFromTile } from '../../../src/tms/tile-id.ts';
import { tilePath } from '../../../src/tms/tile.ts';
import { latitudeOf, tileBbox, tileBounds } from '../../../src/tms/web-mercator-quad.ts';

test('a tile lies in the aligned square around it', () => {
  expect(metatileOf({ z: 11, x: 1108, y: 724 }, 8)).toEqual({ z: 11, x: 138, y: 90, size: 8 });
});

test('a zoom with fewer tiles has one metatile of all of them', () => {
  expect(metatileOf({ z: 0, x: 0, y: 0 }, 8)).toEqual({ z: 0, x: 0, y: 0, size: 1 });
  expect(metatileOf({ z: 2, x: 3, y: 1 }, 8)).toEqual({ z: 2, x: 0, y: 0, size: 4 });
  expect(metatileTiles(metatileOf({ z: 0, x: 0, y: 0 }, 16)).map(tilePath)).toEqual(['0/0/0']);
});

test('its tiles follow each other on the Hilbert curve', () => {
  const ids = metatileTiles({ z: 5, x: 2, y: 3, size: 4 }).map(tileIdFromTile);
  expect(ids).toHaveLength(16);
  expect(ids).toEqual(Array.from(ids, (_, i) => ids[0]! + i));
});

describe('what it covers', () => {
  test('is what the tile of the same square covers, log2(size) zooms up', () => {
    const metatile = { z: 11, x: 138, y: 90, size: 8 };
    expect(metatileBounds(metatile)).toEqual(tileBounds({ z: 8, x: 138, y: 90 }));
    expect(metatileBbox(metatile)).toEqual(tileBbox({ z: 8, x: 138, y: 90 }));
  });

  test('grows by a halo of pixels', () => {
    const metatile = { z: 3, x: 1, y: 1, size: 2 };
    const [minX, minY, maxX, maxY] = metatileBounds(metatile);
    const margin = (4 * 40_075_016.685_578_488) / 8 / 256;
    expect(metatileBounds(metatile, { pixels: 4, tileSize: 256 })).toEqual([
      minX - margin,
      minY - margin,
      maxX + margin,
      maxY + margin,
    ]);
    const fraction = 4 / 256 / 8;
    const bbox = metatileBbox(metatile, { pixels: 4, tileSize: 256 });
    expect(bbox[0]).toBeCloseTo(-90 - fraction * 360, 12);
    expect(bbox[2]).toBeCloseTo(fraction * 360, 12);
    expect(bbox[1]).toBeCloseTo(latitudeOf(0.5 + fraction), 12);
    expect(bbox[3]).toBeCloseTo(latitudeOf(0.25 - fraction), 12);
  });

  test('crosses the antimeridian with its halo at the edges of the world', () => {
    const west = metatileBbox({ z: 3, x: 0, y: 1, size: 2 }, { pixels: 1, tileSize: 256 });
    expect(west[0]).toBeGreaterThan(179);
    expect(west[2]).toBeGreaterThan(-90);
    expect(west[2]).toBeLessThan(-89);
    const east = metatileBbox({ z: 3, x: 3, y: 1, size: 2 }, { pixels: 1, tileSize: 256 });
    expect(east[0]).toBeLessThan(90);
    expect(east[2]).toBeLessThan(-179);
  });

  test('is the whole circle where it would meet itself', () => {
    const [west, south, east, north] = metatileBbox({ z: 0, x: 0, y: 0, size: 1 }, { pixels: 2, tileSize: 256 });
    expect([west, east]).toEqual([-180, 180]);
    expect(north).toBeGreaterThan(85.06);
    expect(south).toBe(-north);
  });
});
