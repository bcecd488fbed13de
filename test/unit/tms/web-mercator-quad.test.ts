import { describe, expect, test } from 'vitest';
import type { Tile } from '../../../src/tms/tile.ts';
import {
  MAX_LATITUDE,
  tileAt,
  tileBbox,
  tileBounds,
  tileTransform,
  WEB_MERCATOR_QUAD,
} from '../../../src/tms/web-mercator-quad.ts';

/** OGC's registry of tile matrix sets, WebMercatorQuad.json: 15 digits. */
const OGC = [
  { z: 0, scaleDenominator: 559_082_264.028_717, cellSize: 156_543.033_928_041, matrixWidth: 1 },
  { z: 1, scaleDenominator: 279_541_132.014_358, cellSize: 78_271.516_964_020_4, matrixWidth: 2 },
  { z: 5, scaleDenominator: 17_471_320.750_897_4, cellSize: 4_891.969_810_251_28, matrixWidth: 32 },
  { z: 10, scaleDenominator: 545_978.773_465_544, cellSize: 152.874_056_570_352, matrixWidth: 1024 },
  { z: 18, scaleDenominator: 2_132.729_583_849_78, cellSize: 0.597_164_283_477_939, matrixWidth: 262_144 },
  { z: 24, scaleDenominator: 33.323_899_747_652_8, cellSize: 0.009_330_691_929_342_8, matrixWidth: 16_777_216 },
];

test.each(OGC)('tile matrix $z has the numbers of OGC 17-083r4', ({ z, scaleDenominator, cellSize, matrixWidth }) => {
  const matrix = WEB_MERCATOR_QUAD.matrix(z);
  expect(Math.abs(matrix.scaleDenominator / scaleDenominator - 1)).toBeLessThan(1e-13);
  expect(Math.abs(matrix.cellSize / cellSize - 1)).toBeLessThan(1e-13);
  expect(matrix.pointOfOrigin).toEqual([-20_037_508.342_789_244, 20_037_508.342_789_244]);
  expect([matrix.matrixWidth, matrix.matrixHeight, matrix.tileWidth]).toEqual([matrixWidth, matrixWidth, 256]);
});

test.each([-1, 31, 1.5])('zoom %d is out of range', (z) => {
  expect(() => WEB_MERCATOR_QUAD.matrix(z)).toThrow(expect.objectContaining({ code: 'ZOOM_OUT_OF_RANGE' }));
});

describe('what a tile covers', () => {
  test('the world, in metres and in degrees', () => {
    const extent = 20_037_508.342_789_244;
    expect(tileBounds({ z: 0, x: 0, y: 0 })).toEqual([-extent, -extent, extent, extent]);
    expect(tileBbox({ z: 0, x: 0, y: 0 })).toEqual([-180, -MAX_LATITUDE, 180, MAX_LATITUDE]);
    expect(MAX_LATITUDE).toBeCloseTo(85.051_128_779_806_6, 12);
    expect(WEB_MERCATOR_QUAD.bbox).toEqual(tileBbox({ z: 0, x: 0, y: 0 }));
  });

  // morecantile 7: xy_bounds and bounds of 11/1108/724.
  test('a tile, as morecantile says', () => {
    const tile: Tile = { z: 11, x: 1108, y: 724 };
    const bounds = [1_643_701.856_244_43, 5_850_795.893_060_531, 1_663_269.735_485_434, 5_870_363.772_301_536];
    const bbox = [14.765_625, 46.437_856_895_024_21, 14.941_406_25, 46.558_860_303_117_18];
    for (let i = 0; i < 4; i++) {
      expect(tileBounds(tile)[i]).toBeCloseTo(bounds[i]!, 8);
      expect(tileBbox(tile)[i]).toBeCloseTo(bbox[i]!, 12);
    }
  });

  test('its pixels', () => {
    expect(tileTransform({ z: 1, x: 1, y: 1 }, 256)).toEqual([
      78_271.516_964_020_48, 0, 0, 0, -78_271.516_964_020_48, 0,
    ]);
    expect(tileTransform({ z: 0, x: 0, y: 0 }, 512)[0]).toBe(78_271.516_964_020_48);
  });
});

describe('tileAt', () => {
  test.each<[number, number, number, Tile]>([
    [14.8, 46.5, 11, { z: 11, x: 1108, y: 724 }],
    [0, 0, 1, { z: 1, x: 1, y: 1 }],
    [-180, 90, 3, { z: 3, x: 0, y: 0 }],
    [180, -90, 3, { z: 3, x: 7, y: 7 }],
    [181, 0, 1, { z: 1, x: 1, y: 1 }],
    [-180, MAX_LATITUDE, 26, { z: 26, x: 0, y: 0 }],
  ])('%d, %d at zoom %d', (lng, lat, z, tile) => {
    expect(tileAt(lng, lat, z)).toEqual(tile);
  });
});

test('the zoom for a resolution is the first that is no coarser', () => {
  const zoomFor = (resolution: number, tileSize: number): number =>
    WEB_MERCATOR_QUAD.zoomForResolution(resolution, tileSize);
  for (const z of [0, 1, 7, 14, 24]) {
    const { cellSize } = WEB_MERCATOR_QUAD.matrix(z);
    expect(zoomFor(cellSize, 256)).toBe(z);
    expect(zoomFor(cellSize * 0.99, 256)).toBe(z + 1);
    expect(zoomFor(cellSize / 2, 512)).toBe(z);
  }
  expect(zoomFor(1e9, 256)).toBe(0);
  expect(zoomFor(1e-9, 256)).toBe(30);
});
