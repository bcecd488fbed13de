import { describe, expect, test } from 'vitest';
import { quadkeyFromTile, tileFromQuadkey } from '../../../src/tms/quadkey.ts';
import { firstTileId, tileFromTileId, tileIdFromTile } from '../../../src/tms/tile-id.ts';
import type { Tile } from '../../../src/tms/tile.ts';

describe('tile IDs', () => {
  // The examples of the PMTiles version 3 specification, section 4.1.
  test.each<[Tile, number]>([
    [{ z: 0, x: 0, y: 0 }, 0],
    [{ z: 1, x: 0, y: 0 }, 1],
    [{ z: 1, x: 0, y: 1 }, 2],
    [{ z: 1, x: 1, y: 1 }, 3],
    [{ z: 1, x: 1, y: 0 }, 4],
    [{ z: 2, x: 0, y: 0 }, 5],
    [{ z: 12, x: 3423, y: 1763 }, 19_078_479],
  ])('%o is %d', (tile, tileId) => {
    expect(tileIdFromTile(tile)).toBe(tileId);
    expect(tileFromTileId(tileId)).toEqual(tile);
  });

  test('the last tile of zoom 26 is exact', () => {
    const last = firstTileId(27) - 1;
    expect(Number.isSafeInteger(last)).toBe(true);
    expect(tileIdFromTile({ z: 26, x: 2 ** 26 - 1, y: 0 })).toBe(last);
    expect(tileFromTileId(last)).toEqual({ z: 26, x: 2 ** 26 - 1, y: 0 });
  });

  test('zoom 27 has none', () => {
    expect(() => tileIdFromTile({ z: 27, x: 0, y: 0 })).toThrow(expect.objectContaining({ code: 'ZOOM_OUT_OF_RANGE' }));
  });

  test.each([-1, 0.5, firstTileId(27), Number.NaN])('%d is no tile ID', (tileId) => {
    expect(() => tileFromTileId(tileId)).toThrow(expect.objectContaining({ code: 'TILE_OUT_OF_RANGE' }));
  });
});

describe('quadkeys', () => {
  // Microsoft's example in "Bing Maps Tile System".
  test('tile 3/3/5 is 213', () => {
    expect(quadkeyFromTile({ z: 3, x: 3, y: 5 })).toBe('213');
    expect(tileFromQuadkey('213')).toEqual({ z: 3, x: 3, y: 5 });
  });

  test('the whole world is the empty string', () => {
    expect(quadkeyFromTile({ z: 0, x: 0, y: 0 })).toBe('');
    expect(tileFromQuadkey('')).toEqual({ z: 0, x: 0, y: 0 });
  });

  test.each(['4', '01a', '0'.repeat(31)])('%j is none', (text) => {
    expect(() => tileFromQuadkey(text)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
  });
});
