import type { LeftOut, TileFailure } from '../src/render/tile-renderer.ts';
import type { TileStore } from '../src/store/tile-store.ts';
import { TILEJSON_CONTENT_TYPE, TILEJSON_NAME, createTileJson, tileJsonToText } from '../src/store/tilejson.ts';
import { manifestFailures, manifestHead, manifestLeftOut, writeManifest } from './manifest.ts';
import type { TilesetPlan } from './plan-jobs.ts';
import type { ProgressState } from './progress.ts';
import { createRequestEncoder } from './open-output.ts';
import type { TilesetRequest } from './tileset-request.ts';

export interface FinishedTileset extends Omit<ProgressState, 'total'> {
  readonly request: TilesetRequest;
  readonly requestHash: string;
  readonly generation: number;
  readonly plan: TilesetPlan;
  readonly failures: readonly TileFailure[];
  readonly leftOut: LeftOut;
  readonly signal: AbortSignal;
}

/**
 * Writes what closes a tileset: `tilejson.json`, and the manifest with its counts. Both hold nothing but the request and
 * the counts, so both engines write the same bytes, and writing them twice is harmless.
 */
export async function finishTileset(store: TileStore, finished: FinishedTileset): Promise<void> {
  const { request, requestHash, generation, plan, rendered, empty, failed, signal } = finished;
  const document = createTileJson({
    name: request.name ?? 'tileset',
    minzoom: request.minzoom,
    maxzoom: request.maxzoom,
    bbox: plan.bbox,
    extension: createRequestEncoder(request).extension,
    tileSize: request.tileSize,
  });
  await store.putDocument(TILEJSON_NAME, tileJsonToText(document), TILEJSON_CONTENT_TYPE, { signal });
  // Before the tileset is said to be complete: nobody comes back to it then.
  if (failed === 0 && plan.handsTilesOn) await store.deleteParts({ signal });
  const { tiles, metatiles } = plan.counts();
  await writeManifest(
    store,
    {
      ...manifestHead(request, { requestHash, generation }),
      state: failed > 0 ? 'failed' : 'complete',
      counts: { metatiles, tiles, rendered, empty, failed },
      ...(failed > 0 ? { failures: manifestFailures(finished.failures) } : {}),
      ...manifestLeftOut(finished.leftOut),
    },
    { signal },
  );
}
