import { edgesIn, indexOf, rootOf } from './cover.ts';
import type { Cover } from './cover.ts';
import type { MetatileWork } from './metatile.ts';
import type { Tile } from './tile.ts';
import { countInSquare } from './tile-range.ts';

/** The indices of the metatiles that hand on what this one is made of: none if it is rendered from scenes. */
export function childIndicesOf(cover: Cover, { children }: Pick<MetatileWork, 'children'>): readonly number[] {
  const indices: number[] = [];
  for (const child of children ?? []) {
    // A tile that is handed on is as large as its metatile, so that it has the same column and row.
    const base = cover.zooms.find(({ z, inner, isHandedOn }) => isHandedOn && z - inner === child.z);
    const index =
      base === undefined ? null : indexOf(cover, { z: base.z, x: child.x, y: child.y, size: 2 ** base.inner });
    if (index === null) throw new RangeError(`No metatile hands on the tile ${child.z}/${child.x}/${child.y}`);
    indices.push(index);
  }
  return indices;
}

/**
 * The index of the metatile that gives a tile; null if the cover does not have the tile.
 *
 * Cost: the depth of the quadtree; with a polygon also once its edges.
 */
export function indexWith(cover: Cover, tile: Tile): number | null {
  const base = cover.zooms.find(({ z, parentZooms }) => tile.z <= z && tile.z >= z - parentZooms);
  const level = cover.levels.find(({ z }) => z === tile.z);
  if (base === undefined || level === undefined || countInSquare(level.tiles, tile, level.z) === 0) return null;
  if (edgesIn(cover, tile, rootOf(cover).known) === 'outside') return null;
  const shift = tile.z - (base.z - base.inner);
  return indexOf(cover, { z: base.z, x: tile.x >> shift, y: tile.y >> shift, size: 2 ** base.inner });
}
