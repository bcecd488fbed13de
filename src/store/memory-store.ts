import { MemoryObjects } from './memory-objects.ts';
import { TileObjects } from './tile-objects.ts';
import type { PlainTileStore } from './tile-store.ts';

/** Keeps tiles in this process, for one tile on the command line and for tests. It holds copies, and as many as are put. */
export function createMemoryStore(): PlainTileStore {
  return new TileObjects(new MemoryObjects(), { extension: 'tile', contentType: '' });
}
