import type { FinishedTiles, StoreCallOptions, TileStore } from '../../src/store/tile-store.ts';
import type { TilesetVersion } from '../../src/store/versions.ts';
import { tileFromTileId } from '../../src/tms/tile-id.ts';
import { DESCRIPTION } from './memory-archive.ts';
import { recordOf } from './staged-metatiles.ts';
import type { MadeMetatile } from './staged-metatiles.ts';

/** The first tile of zoom 5, and tiles of a metatile. */
const FIRST_ID = (4 ** 5 - 1) / 3;
const TILES = 4;

/** Metatiles of zoom 5 with a large, two small and an empty tile each; `seed` is in all of their bytes. */
export function madeMetatiles(count: number, seed: number): readonly MadeMetatile[] {
  return Array.from({ length: count }, (_, index) => {
    const firstId = FIRST_ID + index * TILES;
    return {
      index,
      tiles: [
        { tileId: firstId, bytes: new Uint8Array(5_000 + index).fill(seed + index) },
        { tileId: firstId + 1, bytes: new Uint8Array(40).fill(seed) },
        { tileId: firstId + 3, bytes: new Uint8Array(60 + index).fill(seed) },
      ],
      empty: [firstId + 2],
    };
  });
}

/** Leaves in a store what the workers of a run leave. */
export async function stageAll(
  store: TileStore,
  metatiles: readonly MadeMetatile[],
  options: StoreCallOptions,
): Promise<void> {
  for (const metatile of metatiles) {
    const sink = store.openMetatile(metatile.index);
    for (const { tileId, bytes } of metatile.tiles) await sink.put(tileFromTileId(tileId), bytes, options);
    for (const tileId of metatile.empty) await sink.delete(tileFromTileId(tileId), options);
    await sink.commit(recordOf(metatile), options);
  }
}

/** What a finished run tells a store. */
export function finishedRun(
  generation: number,
  metatiles: number,
  changes: Partial<Pick<FinishedTiles, 'requestHash' | 'keepVersions' | 'baseline'>> = {},
): FinishedTiles {
  return {
    generation,
    requestHash: 'hash',
    indices: () => Array.from({ length: metatiles }, (_, index) => index),
    baseline: null,
    isSamePlan: true,
    keepVersions: 3,
    bbox: DESCRIPTION.bbox,
    metadata: DESCRIPTION.metadata,
    ...changes,
  };
}

/** A whole run: its metatiles are staged, assembled and removed again. */
export async function wholeRun(
  store: TileStore,
  metatiles: readonly MadeMetatile[],
  finished: FinishedTiles,
  options: StoreCallOptions,
): Promise<TilesetVersion> {
  await stageAll(store, metatiles, options);
  return await endRun(store, finished, options);
}

/** Ends a run whose metatiles are all staged: they are assembled, and removed again. */
export async function endRun(
  store: TileStore,
  finished: FinishedTiles,
  options: StoreCallOptions,
): Promise<TilesetVersion> {
  const version = await store.assemble(finished, options);
  await store.deleteStaged({ ...options, keepParts: false });
  return version;
}
