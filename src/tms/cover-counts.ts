import type { EdgeList } from '../geo/polygon-edges.ts';
import { edgesIn } from './cover.ts';
import type { Cover } from './cover.ts';
import { countWithin, rangeSize } from './tile-range.ts';

/** How much a cover is. */
export interface CoverCounts {
  /** Zooms ascending; one that the area does not touch is not there. One whose tiles are made beside others' has no metatiles. */
  readonly perZoom: readonly { readonly z: number; readonly tiles: number; readonly metatiles: number }[];
  readonly tiles: number;
  readonly metatiles: number;
}

/**
 * Counts the tiles and metatiles of a cover exactly, without listing them. A bbox is counted by multiplication; for a
 * polygon the quadtree is descended only along its border, as squares wholly inside count 4^n.
 *
 * Cost: O(zooms) for a bbox, O(tiles of the last zoom along the border) for a polygon; constant memory.
 */
export function countCover(cover: Cover): CoverCounts {
  const touched = cover.edges === null ? null : touchedSquares(cover);
  const perZoom = cover.levels.map(({ z, tiles }) => {
    const base = cover.zooms.find((zoom) => zoom.z === z);
    const metatiles =
      base === undefined
        ? 0
        : touched === null
          ? rangeSize(base.metatiles)
          : // A metatile is a square of the quadtree too, so the same descent has counted it.
            (touched[z - base.inner] ?? 0);
    return { z, tiles: touched === null ? rangeSize(tiles) : (touched[z] ?? 0), metatiles };
  });
  return {
    perZoom,
    tiles: perZoom.reduce((sum, { tiles }) => sum + tiles, 0),
    metatiles: perZoom.reduce((sum, { metatiles }) => sum + metatiles, 0),
  };
}

/** How many squares of each level of the quadtree, 0 to the last zoom, a polygon touches. */
function touchedSquares(cover: Cover): readonly number[] {
  const last = cover.levels.at(-1);
  if (cover.edges === null || last === undefined) {
    return [];
  }
  const counts = Array.from({ length: last.z + 1 }, () => 0);
  const visit = (z: number, x: number, y: number, around: EdgeList): void => {
    const side = 2 ** (last.z - z);
    const isInRange = countWithin(last.tiles, x * side, y * side, side) > 0;
    const edges = isInRange ? edgesIn(cover, { z, x, y, edges: around }) : 'outside';
    if (edges === null) {
      for (let level = z; level <= last.z; level++) {
        counts[level]! += 4 ** (level - z);
      }
    } else if (edges !== 'outside') {
      counts[z]! += 1;
      if (z < last.z) {
        visit(z + 1, x * 2, y * 2, edges);
        visit(z + 1, x * 2 + 1, y * 2, edges);
        visit(z + 1, x * 2, y * 2 + 1, edges);
        visit(z + 1, x * 2 + 1, y * 2 + 1, edges);
      }
    }
  };
  visit(0, 0, 0, cover.edges.all);
  return counts;
}
