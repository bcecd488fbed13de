import type { EdgeList } from '../geo/polygon-edges.ts';
import { edgesIn, rootOf, workOf } from './cover.ts';
import type { Cover, CoverSquare, CoverZoom } from './cover.ts';
import { holdsRange, meetsRanges } from './index-ranges.ts';
import type { IndexRanges } from './index-ranges.ts';
import { allTilesOf } from './metatile.ts';
import { pushQuadrants } from './quadtree.ts';
import { countInSquare, rangeSize } from './tile-range.ts';

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
  return totalsOf(perZoom);
}

function totalsOf(perZoom: CoverCounts['perZoom']): CoverCounts {
  return {
    perZoom,
    tiles: perZoom.reduce((sum, { tiles }) => sum + tiles, 0),
    metatiles: perZoom.reduce((sum, { metatiles }) => sum + metatiles, 0),
  };
}

/**
 * Counts the metatiles of some indices, and their tiles. Zooms without tiles among them are not there.
 *
 * Cost: the depth of the quadtree for each range, and with a polygon the metatiles in the ranges that lie on its border.
 */
export function countRanges(cover: Cover, ranges: IndexRanges): CoverCounts {
  const counts = new Map(cover.levels.map(({ z }) => [z, { z, tiles: 0, metatiles: 0 }]));
  const add = (z: number, key: 'tiles' | 'metatiles', count: number): void => {
    const found = counts.get(z);
    if (found !== undefined) found[key] += count;
  };
  for (const zoom of cover.zooms) {
    let index = zoom.firstIndex;
    const depth = zoom.z - zoom.inner;
    const stack = [rootOf(cover)];
    for (let square = stack.pop(); square !== undefined; square = stack.pop()) {
      const count = countInSquare(zoom.metatiles, square, depth);
      const edges = meetsRanges(ranges, index, index + count) ? edgesIn(cover, square, square.known) : 'outside';
      if (edges === 'outside') {
        index += count;
      } else if (edges === null && holdsRange(ranges, index, index + count)) {
        add(zoom.z, 'metatiles', count);
        countTilesOf(cover, zoom, square, add);
        index += count;
      } else if (square.z < depth) {
        pushQuadrants(stack, square, edges);
      } else {
        const work = workOf(cover, zoom, { ...square, known: edges }, index++);
        if (work !== null) add(zoom.z, 'metatiles', 1);
        for (const { z } of work === null ? [] : allTilesOf(work)) add(z, 'tiles', 1);
      }
    }
  }
  return totalsOf([...counts.values()].filter(({ tiles, metatiles }) => tiles + metatiles > 0));
}

/** The tiles of all metatiles of a zoom in a square that lies wholly inside the area. */
function countTilesOf(
  { levels }: Cover,
  { z, parentZooms }: CoverZoom,
  square: CoverSquare,
  add: (z: number, key: 'tiles', count: number) => void,
): void {
  for (const level of levels) {
    if (level.z <= z && level.z >= z - parentZooms) add(level.z, 'tiles', countInSquare(level.tiles, square, level.z));
  }
}

/** How many squares of each level of the quadtree, 0 to the last zoom, a polygon touches. */
function touchedSquares(cover: Cover): readonly number[] {
  const last = cover.levels.at(-1);
  if (cover.edges === null || last === undefined) {
    return [];
  }
  const counts = Array.from({ length: last.z + 1 }, () => 0);
  const visit = (z: number, x: number, y: number, around: EdgeList): void => {
    const square = { z, x, y };
    const edges = countInSquare(last.tiles, square, last.z) > 0 ? edgesIn(cover, square, around) : 'outside';
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
