import { edgesIn, rootOf, workOf } from './cover.ts';
import type { Cover, CoverZoom } from './cover.ts';
import { meetsRanges } from './index-ranges.ts';
import type { IndexRanges } from './index-ranges.ts';
import type { MetatileWork } from './metatile.ts';
import { pushQuadrants } from './quadtree.ts';
import { countInSquare } from './tile-range.ts';

/**
 * Gives the metatiles that the area touches and, of each, the tiles that it touches: zooms in the order of `zooms`,
 * Hilbert order within a zoom and within a metatile, each once. Starts at the first metatile whose index is at least `fromIndex`.
 *
 * Cost: proportional to what is taken, plus the depth of the quadtree, for each of the ranges; memory is one path down the
 * quadtree.
 *
 * @param only - gives no others; null = all
 */
export function* worksOf(
  cover: Cover,
  fromIndex = 0,
  only: IndexRanges | null = null,
): Generator<MetatileWork, void, undefined> {
  const ranges = only ?? [{ from: 0, to: cover.indexCount }];
  for (const zoom of cover.zooms) {
    yield* worksOfZoom(cover, zoom, fromIndex, ranges);
  }
}

function* worksOfZoom(
  cover: Cover,
  zoom: CoverZoom,
  fromIndex: number,
  ranges: IndexRanges,
): Generator<MetatileWork, void, undefined> {
  const depth = zoom.z - zoom.inner;
  const stack = [rootOf(cover)];
  let index = zoom.firstIndex;
  for (let square = stack.pop(); square !== undefined; square = stack.pop()) {
    const count = countInSquare(zoom.metatiles, square, depth);
    const isMet = meetsRanges(ranges, Math.max(index, fromIndex), index + count);
    const edges = isMet ? edgesIn(cover, square, square.known) : 'outside';
    if (edges === 'outside') {
      index += count;
    } else if (square.z < depth) {
      pushQuadrants(stack, square, edges);
    } else {
      const work = workOf(cover, zoom, { ...square, known: edges }, index);
      if (work !== null) {
        yield work;
      }
      index++;
    }
  }
}
