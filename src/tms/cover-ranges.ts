import type { Cover } from './cover.ts';
import { quadrantColumn, quadrantOrientation, quadrantRow, ROOT_ORIENTATION } from './hilbert.ts';
import type { Orientation } from './hilbert.ts';
import { meetsRanges, unionRanges } from './index-ranges.ts';
import type { IndexRange, IndexRanges } from './index-ranges.ts';
import type { Metatile } from './metatile.ts';
import { countWithin } from './tile-range.ts';

type CoverZoom = Cover['zooms'][number];

/**
 * How a square of the quadtree, as a metatile of the zoom that is asked about, lies to what is looked for: apart from it,
 * wholly within its reach, or in part, with what is known of it for the squares inside. A square that is not apart must
 * have no parent that is.
 *
 * @param around - what was said of the square around it; null for the world
 */
export type SquareTest<T> = (square: Metatile, around: T | null) => 'outside' | 'inside' | { readonly partly: T };

interface Square<T> {
  readonly z: number;
  readonly x: number;
  readonly y: number;
  readonly orientation: Orientation;
  readonly around: T | null;
}

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
  const stack: Square<T>[] = [{ z: 0, x: 0, y: 0, orientation: ROOT_ORIENTATION, around: null }];
  let index = zoom.firstIndex;
  for (let square = stack.pop(); square !== undefined; square = stack.pop()) {
    const { z, x, y, around } = square;
    const side = 2 ** (depth - z);
    const count = countWithin(zoom.metatiles, x * side, y * side, side);
    const relation = count === 0 ? 'outside' : test({ z: zoom.z, x, y, size: 2 ** (zoom.z - z) }, around);
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
  const stack: Square<null>[] = [{ z: 0, x: 0, y: 0, orientation: ROOT_ORIENTATION, around: null }];
  let [index, indexBelow] = [zoom.firstIndex, below.firstIndex];
  for (let square = stack.pop(); square !== undefined; square = stack.pop()) {
    const { z, x, y } = square;
    const [side, sideBelow] = [2 ** (depth - z), 2 ** (depthBelow - z)];
    const count = countWithin(zoom.metatiles, x * side, y * side, side);
    const countBelow = countWithin(below.metatiles, x * sideBelow, y * sideBelow, sideBelow);
    const isMet = meetsRanges(ranges, indexBelow, indexBelow + countBelow);
    if (isMet && z < depth) {
      pushQuadrants(stack, square, null);
    } else {
      if (isMet) yield { from: index, to: index + count };
      index += count;
      indexBelow += countBelow;
    }
  }
}

/** Puts the quadrants of a square on a stack, so that they are taken off in the order of the curve. */
function pushQuadrants<T>(stack: Square<T>[], { z, x, y, orientation }: Square<T>, around: T | null): void {
  for (let rank = 3; rank >= 0; rank--) {
    stack.push({
      z: z + 1,
      x: x * 2 + quadrantColumn(orientation, rank),
      y: y * 2 + quadrantRow(orientation, rank),
      orientation: quadrantOrientation(orientation, rank),
      around,
    });
  }
}
