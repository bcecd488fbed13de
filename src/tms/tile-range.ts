import { isCrossing, splitAtAntimeridian } from '../geo/bbox.ts';
import type { Bbox } from '../geo/bbox.ts';
import { shrink } from '../geo/polygon.ts';
import type { Tile } from './tile.ts';
import { columnFractionOf, MAX_LATITUDE, rowFractionOf } from './web-mercator-quad.ts';

/** First and last of a row of whole numbers. */
type Interval = readonly [first: number, last: number];

/**
 * The tiles (or metatiles) of one zoom that a bbox touches: every column of the intervals in every row. There is one
 * interval of columns, or two where the bbox crosses the antimeridian; they ascend, do not overlap and do not meet.
 */
export interface TileRange {
  readonly columns: readonly Interval[];
  readonly rows: Interval;
}

/**
 * The tiles of a zoom that overlap a bbox with positive area, `EDGE_TOLERANCE` aside: a bbox that ends on the edge of a
 * tile does not touch the next one. Latitudes beyond the grid are cut off; null if nothing is left.
 */
export function tileRangeOf(bbox: Bbox, z: number): TileRange | null {
  const n = 2 ** z;
  const parts = splitAtAntimeridian(shrunk(bbox));
  const [first] = parts;
  if (first === undefined || first[1] >= MAX_LATITUDE || first[3] <= -MAX_LATITUDE) {
    return null;
  }
  return {
    columns: merged(parts.map(([west, , east]) => interval(columnFractionOf(west), columnFractionOf(east), n))),
    rows: interval(rowFractionOf(first[3]), rowFractionOf(first[1]), n),
  };
}

/** Only the bbox's own edges give way; where it is cut at the antimeridian there is nothing to be unsure of. */
function shrunk(bbox: Bbox): Bbox {
  const [west, south, east, north] = bbox;
  const turn = isCrossing(bbox) ? 360 : 0;
  const [innerWest, innerSouth, innerEast, innerNorth] = shrink([west, south, east + turn, north]);
  return [innerWest, innerSouth, innerEast - turn, innerNorth];
}

/** The cells out of `n` that lie between two fractions; at least one. */
function interval(from: number, to: number, n: number): Interval {
  const first = Math.min(n - 1, Math.floor(from * n));
  return [first, Math.max(first, Math.ceil(to * n) - 1)];
}

function merged(intervals: readonly Interval[]): readonly Interval[] {
  const result: Interval[] = [];
  for (const [first, last] of [...intervals].sort((a, b) => a[0] - b[0])) {
    const previous = result.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) {
      result[result.length - 1] = [previous[0], Math.max(previous[1], last)];
    } else {
      result.push([first, last]);
    }
  }
  return result;
}

/** The range of squares of `2^shift × 2^shift` tiles that hold the tiles of a range. */
export function coarser(range: TileRange, shift: number): TileRange {
  const down = ([first, last]: Interval): Interval => [first >> shift, last >> shift];
  return { columns: merged(range.columns.map(down)), rows: down(range.rows) };
}

/** How many cells a range has. */
export function rangeSize(range: TileRange): number {
  return countWithin(range, 0, 0, 2 ** 30);
}

/** How many cells of a range, which is of the zoom `zoom`, lie in a square of that zoom or a lower one. */
export function countInSquare(range: TileRange, { z, x, y }: Tile, zoom: number): number {
  const side = 2 ** (zoom - z);
  return countWithin(range, x * side, y * side, side);
}

/** How many cells of a range lie in the square of `side × side` cells whose top left cell is (`x`, `y`). */
export function countWithin(range: TileRange, x: number, y: number, side: number): number {
  const rows = overlap(range.rows, y, side);
  if (rows === 0) {
    return 0;
  }
  let columns = 0;
  for (const one of range.columns) {
    columns += overlap(one, x, side);
  }
  return columns * rows;
}

function overlap(interval: Interval, first: number, length: number): number {
  return Math.max(0, Math.min(interval[1] + 1, first + length) - Math.max(interval[0], first));
}
