import { metatileTiles } from '../../src/tms/metatile.ts';
import type { Metatile, MetatileWork } from '../../src/tms/metatile.ts';
import type { Tile } from '../../src/tms/tile.ts';

/** What a report says of a metatile that was rendered of nothing. */
export const OF_NOTHING = { inputs: { signature: '0'.repeat(32), scenes: [], children: [] }, part: null };

/** The work of a metatile that is rendered from scenes and makes no parents: all of its tiles, or some. */
export function workOf(metatile: Metatile, tiles: readonly Tile[] = metatileTiles(metatile), index = 0): MetatileWork {
  return { index, metatile, children: null, tiles, parents: [], handedOn: null };
}
