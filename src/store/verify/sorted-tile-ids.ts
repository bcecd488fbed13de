import { tileIdFromTile } from '../../tms/tile-id.ts';
import { isValid } from '../../tms/tile.ts';
import type { Tile } from '../../tms/tile.ts';

/** The tile IDs of tiles in any order, ascending: 8 bytes each. What is no tile of the grid is left out. */
export async function sortedTileIds(tiles: AsyncIterable<Tile>): Promise<Float64Array> {
  let tileIds = new Float64Array(1024);
  let count = 0;
  for await (const tile of tiles) {
    if (!isValid(tile)) continue;
    if (count === tileIds.length) {
      const larger = new Float64Array(count * 2);
      larger.set(tileIds);
      tileIds = larger;
    }
    tileIds[count++] = tileIdFromTile(tile);
  }
  return tileIds.subarray(0, count).sort();
}
