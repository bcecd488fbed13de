import { TilerError } from '../src/errors.ts';
import type { EncodedTile, TileRenderer } from '../src/render/tile-renderer.ts';
import { allTilesOf } from '../src/tms/metatile.ts';
import type { MetatileWork } from '../src/tms/metatile.ts';
import { tilePath } from '../src/tms/tile.ts';
import type { Tile } from '../src/tms/tile.ts';
import type { TilesetPlan } from './plan-jobs.ts';

/** Tiles from scenes that one tile may be made of here: some minutes' work. */
const MAX_SOURCE_TILES = 4 ** 8;

interface RenderOneOptions {
  readonly renderer: TileRenderer;
  readonly plan: TilesetPlan;
  /** Lowest zoom that is rendered from scenes. */
  readonly sourceMinzoom: number;
  readonly signal: AbortSignal;
}

/**
 * Renders one tile as a run would: from scenes, or of the tiles below it, which are rendered for it and forgotten. A
 * tile outside the plan is rendered from scenes; null = nothing there.
 *
 * @throws TilerError `TILE_OUT_OF_RANGE` if it would be made of more than 65,536 tiles; those of `TileRenderer`
 */
export async function renderOneTile(tile: Tile, options: RenderOneOptions): Promise<EncodedTile | null> {
  const { renderer, plan, sourceMinzoom, signal } = options;
  const work = tile.z < sourceMinzoom ? plan.workWith(tile) : null;
  if (work === null) return await renderer.renderTile(tile, { signal });
  const count = 4 ** (sourceMinzoom - tile.z);
  if (count > MAX_SOURCE_TILES) {
    throw new TilerError(
      'TILE_OUT_OF_RANGE',
      `Rendering ${tilePath(tile)}: it is made of ${count} tiles of zoom ${sourceMinzoom}, expected at most ` +
        `${MAX_SOURCE_TILES}; render the tileset, or give a lower sourceMinzoom`,
    );
  }
  return await execute(withinTile(work, tile), tile, options);
}

/** Renders the children that a work needs, then the work itself; gives one tile of it. */
async function execute(work: MetatileWork, wanted: Tile, options: RenderOneOptions): Promise<EncodedTile | null> {
  const { renderer, plan, signal } = options;
  for (const child of work.children ?? []) {
    const below = plan.workWith(child);
    if (below !== null) await execute(below, child, options);
  }
  let found: EncodedTile | null = null;
  const name = tilePath(wanted);
  const take = async (tile: Tile, encoded: EncodedTile | null): Promise<void> => {
    if (tilePath(tile) === name) found = encoded;
    await Promise.resolve();
  };
  const { failures } = await renderer.renderMetatile(work, take, { signal });
  const [failure] = failures;
  if (failure !== undefined) {
    throw new TilerError(failure.code, failure.message, { context: { tile: tilePath(failure.tile) } });
  }
  return found;
}

/** Just what a tile is made of. */
function withinTile(work: MetatileWork, tile: Tile): MetatileWork {
  const isWithin = ({ z, x, y }: Tile): boolean =>
    z >= tile.z && Math.floor(x / 2 ** (z - tile.z)) === tile.x && Math.floor(y / 2 ** (z - tile.z)) === tile.y;
  return {
    ...work,
    children: work.children?.filter(isWithin) ?? null,
    tiles: work.tiles.filter(isWithin),
    parents: work.parents.filter(isWithin),
    handedOn:
      work.handedOn !== null && allTilesOf(work).some(isWithin) && tilePath(work.handedOn) === tilePath(tile)
        ? tile
        : null,
  };
}
