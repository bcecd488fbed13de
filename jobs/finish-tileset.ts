import type { LeftOut, TileFailure } from '../src/render/tile-renderer.ts';
import type { ArchiveMetadata } from '../src/store/pmtiles/archive-metadata.ts';
import type { TileStore } from '../src/store/tile-store.ts';
import { parseStoreLocation } from '../src/store/open-store.ts';
import { TILEJSON_CONTENT_TYPE, TILEJSON_NAME, createTileJson, tileJsonToText } from '../src/store/tilejson.ts';
import { manifestFailures, manifestHead, manifestLeftOut, writeManifest } from './manifest.ts';
import type { TilesetPlan } from './plan-jobs.ts';
import type { ProgressState } from './progress.ts';
import { createRequestEncoder } from './open-output.ts';
import type { TilesetRequest } from './request/tileset-request.ts';

export interface FinishedTileset extends Omit<ProgressState, 'total'> {
  readonly request: TilesetRequest;
  readonly requestHash: string;
  readonly generation: number;
  readonly plan: TilesetPlan;
  readonly failures: readonly TileFailure[];
  readonly leftOut: LeftOut;
  readonly signal: AbortSignal;
}

/** What an archive says about itself; without a clock in it. */
function archiveMetadataOf(request: TilesetRequest, requestHash: string): ArchiveMetadata {
  const { name = 'tileset', tileSize } = request;
  const format = createRequestEncoder(request).extension;
  return { name, type: 'overlay', tileSize, format, provenance: { software: 'tilewright', requestHash } };
}

/**
 * Writes what closes a tileset: `tilejson.json`, and the manifest with its counts. Both hold nothing but the request and
 * the counts, so both engines write the same bytes, and writing them twice is harmless.
 */
export async function finishTileset(store: TileStore, finished: FinishedTileset): Promise<void> {
  const { request, requestHash, generation, plan, rendered, empty, failed, signal } = finished;
  const { archive } = parseStoreLocation(request.output);
  const document = createTileJson({
    name: request.name ?? 'tileset',
    ...(archive === undefined ? {} : { baseUrl: `pmtiles://${archive}` }),
    minzoom: request.minzoom,
    maxzoom: request.maxzoom,
    bbox: plan.bbox,
    extension: createRequestEncoder(request).extension,
    tileSize: request.tileSize,
  });
  await store.putDocument(TILEJSON_NAME, tileJsonToText(document), TILEJSON_CONTENT_TYPE, { signal });
  if (failed === 0) {
    const { bbox } = plan;
    const metadata = archiveMetadataOf(request, requestHash);
    const isAssembled = await store.assemble({ rendered, bbox, metadata }, { signal });
    // Before the tileset is said to be complete: nobody comes back to it then.
    if (isAssembled || plan.handsTilesOn) await store.deleteParts({ signal });
  }
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
