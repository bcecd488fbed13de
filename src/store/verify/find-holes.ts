import type { Bbox } from '../../geo/bbox.ts';
import { firstTileId, tileFromTileId } from '../../tms/tile-id.ts';
import { tileBbox } from '../../tms/web-mercator-quad.ts';
import type { ProblemList } from '../pmtiles/archive-problems.ts';
import type { StoreCallOptions } from '../tile-store.ts';
import { aroundOf, besideOf, nameOf } from './neighbours.ts';
import { readPictures } from './read-pictures.ts';
import { chooseTiles } from './choose-tiles.ts';
import type { TileIdRun, TileIdRuns } from './tile-id-runs.ts';
import { isQuadrantCovered } from './tile-picture.ts';
import type { TilesetTiles } from './tileset-tiles.ts';

export interface HolesOptions extends StoreCallOptions {
  /** Parents that are decoded at most, evenly spread; Infinity = all. */
  readonly sample: number;
  /** Tiles that the tileset was to have, as its records say; null = not known. */
  readonly planned: TileIdRuns | null;
}

/**
 * Looks for tiles that are missing where pixels are to be expected, within the zooms and bounds of the tileset.
 *
 * A missing tile is a hole if its parent is there with a covered pixel in its quadrant, 4 pixels away from the quadrant's edges
 * or more, and the tile lies inside: the four tiles beside it are there, or the eight around its parent, or the tile was
 * planned. At the border of a tileset it may be that the area ends there; that is said as a warning. Without a parent, a
 * missing tile is a hole if the four tiles beside it are there.
 *
 * @param present - tiles that are there
 * @returns the number of parents that were decoded
 * @throws TilerError those of the tileset
 */
export async function findHoles(
  tileset: TilesetTiles,
  present: TileIdRuns,
  problems: ProblemList,
  options: HolesOptions,
): Promise<number> {
  if (present.length === 0) return 0;
  const isWanted = createIsWanted(tileset.bbox, options.planned);
  findEnclosed(present, isWanted, problems);
  const parents = chooseTiles(() => parentsOfMissing(present, isWanted), options.sample);
  let decoded = 0;
  for await (const { tileId, picture } of readPictures(tileset, parents, options)) {
    if (picture === null) continue;
    decoded++;
    for (const child of childrenOf(tileId)) {
      if (present.has(child) || !isWanted(child)) continue;
      const { x, y } = tileFromTileId(child);
      if (!isQuadrantCovered(picture, { column: x % 2, row: y % 2 })) continue;
      const isInside = options.planned !== null || isEnclosed(child, present) || isAmong(tileId, present);
      const message = (): string => `${nameOf(child)} is missing; ${nameOf(tileId)} has pixels there`;
      problems.add(isInside ? 'HOLE' : 'HOLE_AT_BORDER', message);
    }
  }
  return decoded;
}

/** Degrees: bounds are rounded to 1e-7 in archives, and end at the edges of tiles often. */
const BOUNDS_TOLERANCE = 1e-6;

/** True for tiles that the tileset may have. */
function createIsWanted(bbox: Bbox | null, planned: TileIdRuns | null): (tileId: number) => boolean {
  if (planned !== null) return (tileId) => planned.has(tileId);
  if (bbox === null) return () => true;
  const [west, south, east, north] = [
    bbox[0] + BOUNDS_TOLERANCE,
    bbox[1] + BOUNDS_TOLERANCE,
    bbox[2] - BOUNDS_TOLERANCE,
    bbox[3] - BOUNDS_TOLERANCE,
  ];
  return (tileId) => {
    const [w, s, e, n] = tileBbox(tileFromTileId(tileId));
    return s < north && n > south && (west > east ? w < east || e > west : w < east && e > west);
  };
}

/** Missing tiles without a parent. The curve goes from neighbour to neighbour, so that a hole of one tile is a gap of one. */
function findEnclosed(present: TileIdRuns, isWanted: (tileId: number) => boolean, problems: ProblemList): void {
  for (const tileId of gapsOfOne(present)) {
    const { z } = tileFromTileId(tileId);
    if (!isWanted(tileId) || !isEnclosed(tileId, present)) continue;
    if (z > 0 && present.has(parentOf(tileId))) continue;
    problems.add('HOLE', () => `${nameOf(tileId)} is missing between the tiles around it`);
  }
}

/** Tile IDs that are missing alone: both before and behind them on the curve is a tile, or the beginning or end of a zoom. */
function* gapsOfOne(present: TileIdRuns): Generator<number> {
  let given = -1;
  let next = -1;
  for (const { first, last } of present.runs()) {
    const isAlone = first - 1 === next || first - 1 === firstTileId(tileFromTileId(first).z);
    if (isAlone && first - 1 > given) yield (given = first - 1);
    next = last + 1;
    if (next === firstTileId(tileFromTileId(last).z + 1) - 1) yield (given = next);
  }
}

/** Runs of parents that are there, of each of which a child is missing that the tileset may have. */
function* parentsOfMissing(present: TileIdRuns, isWanted: (tileId: number) => boolean): Generator<TileIdRun> {
  const maxzoom = tileFromTileId(present.runAt(present.length - 1).last).z;
  for (const { first, last } of present.runs()) {
    const { z } = tileFromTileId(first);
    // A run may go on into the next zoom.
    for (let zoom = z; zoom < maxzoom && firstTileId(zoom) <= last; zoom++) {
      const from = Math.max(first, firstTileId(zoom));
      const to = Math.min(last, firstTileId(zoom + 1) - 1);
      let done = -1;
      for (const missing of present.missing(childrenOf(from)[0], childrenOf(to)[3])) {
        for (let child = missing.first; child <= missing.last; child++) {
          const parent = parentOf(child);
          if (parent === done || !isWanted(child)) continue;
          done = parent;
          yield { first: parent, last: parent };
        }
      }
    }
  }
}

function isEnclosed(tileId: number, present: TileIdRuns): boolean {
  return besideOf(tileId).every((beside) => beside === null || present.has(beside));
}

function isAmong(tileId: number, present: TileIdRuns): boolean {
  return aroundOf(tileId).every((around) => around === null || present.has(around));
}

/** The children of a tile follow each other along the curve. */
function childrenOf(tileId: number): readonly [number, number, number, number] {
  const { z } = tileFromTileId(tileId);
  const first = firstTileId(z + 1) + 4 * (tileId - firstTileId(z));
  return [first, first + 1, first + 2, first + 3];
}

function parentOf(tileId: number): number {
  const { z } = tileFromTileId(tileId);
  return firstTileId(z - 1) + Math.floor((tileId - firstTileId(z)) / 4);
}
