import { edgesIn, rootOf } from '../../src/tms/cover.ts';
import type { Cover, CoverSquare, CoverZoom } from '../../src/tms/cover.ts';
import { pushQuadrants } from '../../src/tms/quadtree.ts';
import { coarser, countInSquare, rangeSize } from '../../src/tms/tile-range.ts';
import type { TileRange } from '../../src/tms/tile-range.ts';
import { rowFractionOf } from '../../src/tms/web-mercator-quad.ts';

/** A part of the map, in degrees. Longitudes go on beyond 180, as a map does that is dragged around the world. */
export type View = readonly [west: number, south: number, east: number, north: number];

/** A square of the map: one metatile, or 4^n of them, which are consecutive along the curve. */
interface Cell {
  /** As a tile of the zoom `level` of its plan. */
  readonly x: number;
  readonly y: number;
  readonly firstIndex: number;
  /** Indices of the metatiles inside, those that the area's polygon leaves out counted. */
  readonly indexCount: number;
  /** Metatiles with work. */
  readonly metatiles: number;
}

/** The cells of a view, in the order of their indices. */
export interface CellPlan {
  /** The zoom whose tiles are as large as the cells. */
  readonly level: number;
  /** False if along a polygon's border some cells count too many metatiles; asked for again, more of them are right. */
  readonly isExact: boolean;
  readonly cells: readonly Cell[];
}

/** Squares looked at in one request to count metatiles along a polygon's border; what is beyond counts as having work. */
const MAX_BORDER_SQUARES = 15_000;
/** Counts of cells along a border that are kept for further requests. */
const MAX_KNOWN = 100_000;
const knownCounts = new WeakMap<CoverZoom, Map<string, number>>();

/**
 * Divides what a view shows of the metatiles of one zoom into at most `maxCells` cells: the metatiles themselves, or
 * the smallest squares of them that are few enough. Null if the zoom has no metatiles of its own.
 *
 * Cost: the cells and the quadtree above them, whatever the size of the run; with a polygon also its border inside them,
 * up to a bound.
 */
export function planCells(cover: Cover, z: number, view: View, maxCells: number): CellPlan | null {
  const zoom = cover.zooms.find((one) => one.z === z);
  if (zoom === undefined) return null;
  let level = zoom.z - zoom.inner;
  const shownAt = (at: number): TileRange | null =>
    intersect(coarser(zoom.metatiles, zoom.z - zoom.inner - at), rangeOfView(view, at));
  let shown = shownAt(level);
  while (level > 0 && shown !== null && rangeSize(shown) > maxCells) shown = shownAt(--level);
  return { level, ...(shown === null ? { isExact: true, cells: [] } : cellsOf(cover, zoom, shown, level)) };
}

function cellsOf(cover: Cover, zoom: CoverZoom, shown: TileRange, level: number): Omit<CellPlan, 'level'> {
  const depth = zoom.z - zoom.inner;
  const cells: Cell[] = [];
  const budget = { squares: MAX_BORDER_SQUARES };
  const stack = [rootOf(cover)];
  let index = zoom.firstIndex;
  for (let square = stack.pop(); square !== undefined; square = stack.pop()) {
    const { z, x, y, known } = square;
    const count = countInSquare(zoom.metatiles, square, depth);
    const isShown = count > 0 && countInSquare(shown, square, level) > 0;
    const edges = isShown ? edgesIn(cover, square, known) : 'outside';
    if (edges === 'outside') {
      index += count;
    } else if (z < level) {
      pushQuadrants(stack, square, edges);
    } else {
      const metatiles = knownOr(zoom, square, budget, () =>
        countMetatiles(cover, zoom, { ...square, known: edges }, budget),
      );
      cells.push({ x, y, firstIndex: index, indexCount: count, metatiles });
      index += count;
    }
  }
  return { isExact: budget.squares > 0, cells };
}

/** Counting is costly along a border, and always gives the same. */
function knownOr(zoom: CoverZoom, { z, x, y }: CoverSquare, budget: { squares: number }, count: () => number): number {
  const known = knownCounts.get(zoom) ?? new Map<string, number>();
  knownCounts.set(zoom, known);
  const key = `${z}/${x}/${y}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const before = budget.squares;
  const counted = count();
  if (budget.squares > 0 && budget.squares < before) {
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(key, counted);
  }
  return counted;
}

/** The metatiles in a square that the area touches. `known`: the edges through the square itself. */
function countMetatiles(
  cover: Cover,
  zoom: CoverZoom,
  { z, x, y, known }: Omit<CoverSquare, 'orientation'>,
  budget: { squares: number },
): number {
  const depth = zoom.z - zoom.inner;
  const count = countInSquare(zoom.metatiles, { z, x, y }, depth);
  if (known === null || z === depth || count === 0 || budget.squares <= 0) return count;
  let metatiles = 0;
  for (let quadrant = 0; quadrant < 4; quadrant++) {
    const child = { z: z + 1, x: x * 2 + (quadrant & 1), y: y * 2 + (quadrant >> 1) };
    budget.squares--;
    const inside = edgesIn(cover, child, known);
    if (inside !== 'outside') metatiles += countMetatiles(cover, zoom, { ...child, known: inside }, budget);
  }
  return metatiles;
}

/** The tiles of a zoom that a view touches. */
function rangeOfView([west, south, east, north]: View, z: number): TileRange {
  const n = 2 ** z;
  const clamp = (row: number): number => Math.min(n - 1, Math.max(0, row));
  const rows = [clamp(Math.floor(rowFractionOf(north) * n)), clamp(Math.ceil(rowFractionOf(south) * n) - 1)] as const;
  const start = (west + 180) / 360;
  const first = Math.floor((start - Math.floor(start)) * n);
  const width = Math.ceil(((east + 180) / 360 - Math.floor(start)) * n) - first;
  const last = first + Math.max(1, width) - 1;
  if (last < n) return { columns: [[first, last]], rows };
  if (width >= n || last - n + 1 >= first) return { columns: [[0, n - 1]], rows };
  return {
    columns: [
      [0, last - n],
      [first, n - 1],
    ],
    rows,
  };
}

function intersect(a: TileRange, b: TileRange): TileRange | null {
  const rows = [Math.max(a.rows[0], b.rows[0]), Math.min(a.rows[1], b.rows[1])] as const;
  const columns = a.columns.flatMap(([first, last]) =>
    b.columns.flatMap(([from, to]) => {
      const part = [Math.max(first, from), Math.min(last, to)] as const;
      return part[0] <= part[1] ? [part] : [];
    }),
  );
  return rows[0] <= rows[1] && columns.length > 0 ? { columns, rows } : null;
}
