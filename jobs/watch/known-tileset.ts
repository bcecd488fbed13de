import type { StoreCallOptions, TileStore } from '../../src/store/tile-store.ts';
import type { TilesetVersion } from '../../src/store/versions.ts';
import { readManifest } from '../manifest.ts';
import type { Manifest } from '../manifest.ts';
import { createPlan } from '../plan-jobs.ts';
import type { TilesetPlan } from '../plan-jobs.ts';
import { requestHash } from '../request/request-hash.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';
import type { FoundState, WatchStateStore } from './watch-state.ts';

/** What is known of a tileset before a look. */
export interface KnownTileset extends FoundState {
  readonly version: TilesetVersion | null;
  /** Of the tileset; null where none was begun. */
  readonly plan: TilesetPlan | null;
  /** What is remembered goes with the version and with the request. */
  readonly isSame: boolean;
}

/** Reads what is known of a tileset. @throws TilerError those of the store and of `readManifest` */
export async function readKnown(
  request: TilesetRequest,
  store: TileStore,
  state: WatchStateStore,
  options: StoreCallOptions,
): Promise<KnownTileset> {
  const [found, version, manifest] = [
    await state.read(),
    await currentVersion(store, options),
    await readManifest(store, options),
  ];
  const isSame =
    version !== null &&
    version.id === found.state.version &&
    found.items !== null &&
    manifest?.requestHash === requestHash(request);
  return { ...found, version, plan: manifest === null ? null : planOfTileset(request, manifest), isSame };
}

/** The version that counts; null = none. */
export async function currentVersion(store: TileStore, options: StoreCallOptions): Promise<TilesetVersion | null> {
  const found = await store.versions(options);
  return found?.versions.find(({ id }) => id === found.current) ?? null;
}

/** The plan of a tileset that has a manifest, which says where the lowest zoom is that is rendered from scenes. */
export function planOfTileset(
  request: TilesetRequest,
  { sourceMinzoom }: Pick<Manifest, 'sourceMinzoom'>,
): TilesetPlan {
  return createPlan({ ...request, sourceMinzoom: request.sourceMinzoom ?? sourceMinzoom ?? request.minzoom });
}
