import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { metatileBounds, metatileOf, metatileTiles } from '../../src/tms/metatile.ts';
import { quadkeyFromTile, tileFromQuadkey } from '../../src/tms/quadkey.ts';
import { firstTileId, tileFromTileId, tileIdFromTile } from '../../src/tms/tile-id.ts';
import { children, isValid, parent } from '../../src/tms/tile.ts';
import type { Tile } from '../../src/tms/tile.ts';
import { tileAt, tileBbox, tileBounds } from '../../src/tms/web-mercator-quad.ts';

function tileOf(maxzoom: number): fc.Arbitrary<Tile> {
  return fc.integer({ min: 0, max: maxzoom }).chain((z) => {
    const at = fc.integer({ min: 0, max: 2 ** z - 1 });
    return fc.record({ z: fc.constant(z), x: at, y: at });
  });
}

test('the children of a tile have it as their parent', () => {
  fc.assert(
    fc.property(tileOf(29), (tile) => {
      expect(children(tile).map(parent)).toEqual([tile, tile, tile, tile]);
      expect(children(tile).every(isValid)).toBe(true);
    }),
  );
});

test('a tile comes back from its quadkey; the quadkey of the parent is one digit shorter', () => {
  fc.assert(
    fc.property(tileOf(30), (tile) => {
      const quadkey = quadkeyFromTile(tile);
      expect(quadkey).toHaveLength(tile.z);
      expect(tileFromQuadkey(quadkey)).toEqual(tile);
      const above = parent(tile);
      expect(above === null ? '' : quadkeyFromTile(above)).toBe(quadkey.slice(0, -1));
    }),
  );
});

test('a tile comes back from its tile ID', () => {
  fc.assert(
    fc.property(tileOf(26), (tile) => {
      const tileId = tileIdFromTile(tile);
      expect(tileId >= firstTileId(tile.z) && tileId < firstTileId(tile.z + 1)).toBe(true);
      expect(tileFromTileId(tileId)).toEqual(tile);
    }),
  );
});

test('one tile ID further is the next tile along the curve: a neighbour, or the next zoom', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: firstTileId(27) - 2 }), (tileId) => {
      const [a, b] = [tileFromTileId(tileId), tileFromTileId(tileId + 1)];
      const isNeighbour = a.z === b.z && Math.abs(a.x - b.x) + Math.abs(a.y - b.y) === 1;
      expect(isNeighbour || (b.z === a.z + 1 && b.x === 0 && b.y === 0)).toBe(true);
    }),
  );
});

test('the bounds of its children tile the bounds of a tile exactly', () => {
  fc.assert(
    fc.property(tileOf(29), (tile) => {
      for (const boundsOf of [tileBounds, tileBbox]) {
        const [minX, minY, maxX, maxY] = boundsOf(tile);
        const [a, b, c, d] = children(tile).map(boundsOf);
        const [midX, midY] = [a![2], a![1]];
        expect(a).toEqual([minX, midY, midX, maxY]);
        expect(b).toEqual([midX, midY, maxX, maxY]);
        expect(c).toEqual([minX, minY, midX, midY]);
        expect(d).toEqual([midX, minY, maxX, midY]);
        expect(minX < midX && midX < maxX && minY < midY && midY < maxY).toBe(true);
      }
    }),
  );
});

test('the middle of a tile is at that tile', () => {
  fc.assert(
    fc.property(tileOf(26), (tile) => {
      const [west, south, east, north] = tileBbox(tile);
      expect(tileAt((west + east) / 2, (south + north) / 2, tile.z)).toEqual(tile);
    }),
  );
});

test('the tiles of a metatile are all that have it as their metatile, in the order of their tile IDs', () => {
  fc.assert(
    fc.property(tileOf(26), fc.constantFrom(1, 2, 4, 8, 16), (tile, size) => {
      const metatile = metatileOf(tile, size);
      const tiles = metatileTiles(metatile);
      expect(tiles).toHaveLength(metatile.size ** 2);
      expect(tiles).toContainEqual(tile);
      const ids = tiles.map(tileIdFromTile);
      expect(ids).toEqual(Array.from(ids, (_, i) => ids[0]! + i));
      for (const one of tiles) {
        expect(metatileOf(one, size)).toEqual(metatile);
      }
      const bounds = tiles.map(tileBounds);
      expect(metatileBounds(metatile)).toEqual([
        Math.min(...bounds.map((one) => one[0])),
        Math.min(...bounds.map((one) => one[1])),
        Math.max(...bounds.map((one) => one[2])),
        Math.max(...bounds.map((one) => one[3])),
      ]);
    }),
  );
});
