import { TilerError } from '../errors.ts';
import { hilbertAt, hilbertSquare } from './hilbert.ts';
import type { Tile } from './tile.ts';

/** The last zoom whose tile IDs are exact in a double: (4^27 - 1) / 3 tiles in zooms 0 to 26 are fewer than 2^53. */
const MAX_TILE_ID_ZOOM = 26;

/** Asked for with every tile: a power takes longer than to look it up. */
const FIRST_IDS = Float64Array.from({ length: MAX_TILE_ID_ZOOM + 2 }, (_, z) => (4 ** z - 1) / 3);

/** How many tiles all zooms below `z` have together: the tile ID of the first tile of `z`. */
export function firstTileId(z: number): number {
  return FIRST_IDS[z] ?? (4 ** z - 1) / 3;
}

/** The zoom of a tile ID of zooms 0 to 26. */
export function zoomOfTileId(tileId: number): number {
  let z = 0;
  while (FIRST_IDS[z + 1]! <= tileId) z++;
  return z;
}

/**
 * The tile ID of PMTiles: tiles are numbered zoom by zoom, and along the Hilbert curve within a zoom.
 *
 * @throws TilerError `ZOOM_OUT_OF_RANGE` above zoom 26
 * @see PMTiles version 3 specification, section 4.1
 */
export function tileIdFromTile(tile: Tile): number {
  if (tile.z > MAX_TILE_ID_ZOOM) {
    throw new TilerError(
      'ZOOM_OUT_OF_RANGE',
      `Numbering tile ${tile.z}/${tile.x}/${tile.y}: zoom ${tile.z} found, expected at most ${MAX_TILE_ID_ZOOM}`,
    );
  }
  return firstTileId(tile.z) + hilbertAt(tile.z, tile.x, tile.y).rank;
}

/**
 * The tile of a tile ID.
 *
 * @throws TilerError `TILE_OUT_OF_RANGE` if no tile of zooms 0 to 26 has that ID
 */
export function tileFromTileId(tileId: number): Tile {
  if (!Number.isSafeInteger(tileId) || tileId < 0 || tileId >= firstTileId(MAX_TILE_ID_ZOOM + 1)) {
    throw new TilerError(
      'TILE_OUT_OF_RANGE',
      `Tile ID ${tileId}: expected a whole number from 0 to ${firstTileId(MAX_TILE_ID_ZOOM + 1) - 1}`,
    );
  }
  const z = zoomOfTileId(tileId);
  return { z, ...hilbertSquare(z, tileId - firstTileId(z)) };
}
