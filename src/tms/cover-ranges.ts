import type { Cover, CoverZoom } from './cover.ts';
import { meetsRanges, unionRanges } from './index-ranges.ts';
import type { IndexRange, IndexRanges } from './index-ranges.ts';
import type { Metatile } from './metatile.ts';
import { pushQuadrants, rootSquare } from './quadtree.ts';
import { countInSquare } from './tile-range.ts';

/**
 * How a square of the quadtree, as a metatile of the zoom that is asked about, lies to what is looked for: apart from it,
 * wholly within its reach, or in part, with what is known of it for the squares inside. A square that is not apart must
 * have no parent that is.
 *
 * @param around - what was said of the square around it; null for the world
 */
export type SquareTest<T> = (square: Metatile, around: T | null) => 'outside' | 'inside' | { readonly partly: T };

/**
 * The indices of all metatiles whose inputs lie where a test says: those that are rendered from scenes by the test
 * itself, those that are made of tiles if one of the metatiles is in it that hand these on. Indices of metatiles that the
 * area's polygon leaves out may be among them.
 *
 * Cost: the quadtree is descended along the border of what is looked for only, since the metatiles of a square follow
 * each other along the curve.
 */
export function rangesTouching<T>(cover: Cover, test: SquareTest<T>): IndexRanges {
  const found: IndexRange[] = [];
  for (const zoom of cover.zooms) {
    if (zoom.from === 'scenes') found.push(...rangesOfZoom(zoom, test));
  }
  return withParents(cover, unionRanges(found));
}

/** The given metatiles, and those that are made of what they hand on, down to the lowest zoom. */
export function withParents(cover: Cover, ranges: IndexRanges): IndexRanges {
  let result = ranges;
  for (const zoom of cover.zooms) {
    if (zoom.from !== 'children') continue;
    const below = cover.zooms.find(({ z, inner, isHandedOn }) => isHandedOn && z - inner === zoom.z + 1);
    if (below !== undefined) result = unionRanges(result, [...parentsOf(zoom, below, result)]);
  }
  return result;
}

function* rangesOfZoom<T>(zoom: CoverZoom, test: SquareTest<T>): Generator<IndexRange, void, undefined> {
  const depth = zoom.z - zoom.inner;
  const stack = [rootSquare<T | null>(null)];
  let index = zoom.firstIndex;
  for (let square = stack.pop(); square !== undefined; square = stack.pop()) {
    const { z, x, y, known } = square;
    const count = countInSquare(zoom.metatiles, square, depth);
    const relation = count === 0 ? 'outside' : test({ z: zoom.z, x, y, size: 2 ** (zoom.z - z) }, known);
    if (relation === 'outside') {
      index += count;
    } else if (relation === 'inside' || z === depth) {
      yield { from: index, to: index + count };
      index += count;
    } else {
      pushQuadrants(stack, square, relation.partly);
    }
  }
}

/** The metatiles of a zoom inside which one of the given metatiles of the zoom below lies: both are numbered along one curve. */
function* parentsOf(zoom: CoverZoom, below: CoverZoom, ranges: IndexRanges): Generator<IndexRange, void, undefined> {
  const depth = zoom.z - zoom.inner;
  const depthBelow = below.z - below.inner;
  const stack = [rootSquare(null)];
  let [index, indexBelow] = [zoom.firstIndex, below.firstIndex];
  for (let square = stack.pop(); square !== undefined; square = stack.pop()) {
    const count = countInSquare(zoom.metatiles, square, depth);
    const countBelow = countInSquare(below.metatiles, square, depthBelow);
    const isMet = meetsRanges(ranges, indexBelow, indexBelow + countBelow);
    if (isMet && square.z < depth) {
      pushQuadrants(stack, square, null);
    } else {
      if (isMet) yield { from: index, to: index + count };
      index += count;
      indexBelow += countBelow;
    }
  }
}
