import type { ProblemList } from '../pmtiles/archive-problems.ts';
import type { StoreCallOptions } from '../tile-store.ts';
import { chooseSquares } from './choose-tiles.ts';
import { findHoles } from './find-holes.ts';
import { findSeams } from './find-seams.ts';
import type { SeamsFound } from './find-seams.ts';
import { TileIdRuns } from './tile-id-runs.ts';
import type { TilesetTiles } from './tileset-tiles.ts';

export interface VerifyCoverageOptions extends StoreCallOptions {
  /** Tiles that are decoded for seams, and parents for holes; Infinity = all. */
  readonly sample: number;
  /** Tiles that the tileset was to have, as its records say; null = not known. */
  readonly planned: TileIdRuns | null;
}

/** What was looked at for holes and seams. */
export interface VerifiedCoverage extends SeamsFound {
  /** Tiles that are there. */
  readonly tiles: number;
  /** Parents with a missing child that were decoded. */
  readonly parents: number;
}

/**
 * Finds holes and seams in the tiles of anything finished: see `findHoles` and `findSeams` for what they are. Memory is 16
 * bytes for each run of tiles along the curve (8 a tile where a store lists them in no order), and edges along the outline
 * of what has been seen.
 *
 * @throws TilerError those of the tileset; what lies in it is a problem in the list, never an error
 */
export async function verifyCoverage(
  tileset: TilesetTiles,
  problems: ProblemList,
  options: VerifyCoverageOptions,
): Promise<VerifiedCoverage> {
  const present = await presentTiles(tileset, options);
  const parents = await findHoles(tileset, present, problems, options);
  const seams = await findSeams(tileset, chooseSquares(present, options.sample), problems, options);
  return { tiles: present.size, parents, ...seams };
}

/** The tile IDs of a tileset. */
export async function presentTiles(tileset: TilesetTiles, options: StoreCallOptions): Promise<TileIdRuns> {
  const present = new TileIdRuns();
  for await (const { tileId, runLength } of tileset.tiles(options)) present.add(tileId, tileId + runLength - 1);
  return present;
}
