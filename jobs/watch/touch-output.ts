import { TilerError } from '../../src/errors.ts';
import type { Bbox } from '../../src/geo/bbox.ts';
import { searchHalo } from '../../src/mosaic/dynamic-stac-backend.ts';
import type { TileStore } from '../../src/store/tile-store.ts';
import { readManifest } from '../manifest.ts';
import { runHash } from '../request/request-hash.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';
import { dirtyInBbox } from './dirty-set.ts';
import { planOfTileset } from './known-tileset.ts';
import { WatchStateStore } from './watch-state.ts';

export interface TouchOptions {
  /** Of items. */
  readonly ids: readonly string[];
  /** Null = none. */
  readonly bbox: Bbox | null;
  readonly signal: AbortSignal;
}

/**
 * Writes down what the next look at an output's catalog is to look at in any case.
 *
 * @throws TilerError `REQUEST_INVALID` for an output that nobody has watched yet, and those of `WatchStateStore.add`
 */
export async function touchOutput(request: TilesetRequest, store: TileStore, options: TouchOptions): Promise<void> {
  const { ids, bbox, signal } = options;
  const manifest = await readManifest(store, { signal });
  const state = new WatchStateStore(store, runHash(request), signal);
  if (manifest === null || !(await state.isThere())) {
    throw new TilerError(
      'REQUEST_INVALID',
      `Touching ${store.label}: found nothing that watch has seen; start tilewright watch first`,
    );
  }
  const { cover } = planOfTileset(request, manifest);
  const ranges = bbox === null ? [] : dirtyInBbox(cover, searchHalo(request), bbox);
  await state.add({ ranges, ids });
}
