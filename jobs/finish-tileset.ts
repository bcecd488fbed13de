import { eachInFlight } from '../src/in-flight.ts';
import { RENDERER_VERSION } from '../src/render/renderer-version.ts';
import type { LeftOut, TileFailure } from '../src/render/tile-renderer.ts';
import { publishDocuments } from '../src/store/documents/publish-documents.ts';
import { usedScenes } from '../src/store/documents/used-scenes.ts';
import { DELETES_AT_ONCE } from '../src/store/object-store.ts';
import type { ArchiveMetadata } from '../src/store/pmtiles/archive-metadata.ts';
import type { PlainTileStore, StoreCallOptions, TileStore } from '../src/store/tile-store.ts';
import type { TilesetVersion } from '../src/store/versions.ts';
import type { Tile } from '../src/tms/tile.ts';
import { isAsBefore, putChangedTiles } from './changed-tiles.ts';
import { documentsInputOf } from './describe-tileset.ts';
import {
  manifestFailures,
  manifestHead,
  manifestLeftOut,
  manifestOfRun,
  readManifest,
  writeManifest,
} from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { createPlan } from './plan-jobs.ts';
import type { TilesetPlan } from './plan-jobs.ts';
import type { ProgressState } from './progress.ts';
import { createRequestEncoder } from './open-output.ts';
import type { TilesetRequest } from './request/tileset-request.ts';
import { isSamePlan as hasSamePlan, planFieldsOf } from './run-update.ts';
import type { PlanFields, RunMode } from './run-update.ts';
import { softwareVersion } from './software-version.ts';

export interface FinishedTileset extends Omit<ProgressState, 'total'> {
  readonly request: TilesetRequest;
  readonly requestHash: string;
  readonly generation: number;
  readonly mode: RunMode;
  /** Metatiles that the run looked at, and those of them that were as they are. */
  readonly metatiles: number;
  readonly unchanged: number;
  readonly failures: readonly TileFailure[];
  readonly leftOut: LeftOut;
  readonly signal: AbortSignal;
}

/** What an archive says about itself; without a clock in it. */
function archiveMetadataOf(request: TilesetRequest, requestHash: string): ArchiveMetadata {
  const { name = 'tileset', description, attribution, tileSize } = request;
  const format = createRequestEncoder(request).extension;
  return {
    name,
    ...(description === undefined ? {} : { description }),
    ...(attribution === undefined ? {} : { attribution }),
    type: 'overlay',
    tileSize,
    format,
    provenance: { software: 'tilewright', requestHash },
  };
}

/**
 * Closes a tileset whose metatiles are all settled: publishes it, writes the documents beside it, removes what was staged,
 * and says last of all that it is complete. Both engines write the same bytes, and every step may be done again, by a
 * process that takes the place of one that was killed, or at the same time as another does.
 *
 * With failed tiles nothing is published.
 *
 * @returns the version that the tileset has become; null if tiles failed
 * @throws TilerError `STORE_CONFLICT` if another version was published meanwhile, and those of `TileStore`
 */
export async function finishTileset(store: TileStore, finished: FinishedTileset): Promise<TilesetVersion | null> {
  const { request, requestHash, mode, failed, signal } = finished;
  const plan = createPlan(request);
  const before = await readManifest(store, { signal });
  const version = failed > 0 ? null : await publish(store, plan, finished);
  if (version !== null && (await isEnded(store, finished))) return version;
  const scenes = version === null ? [] : usedScenes((await store.openRecords(version, { signal })).records({ signal }));
  const described = { bbox: plan.bbox, requestHash, version, softwareVersion: softwareVersion(), scenes };
  await publishDocuments(store, documentsInputOf(request, described), { signal });
  if (version !== null && (await isEnded(store, finished))) return version;
  if (version !== null && mode.sweeps) await deleteOutside(store, plan, { signal });
  // Before the tileset is said to be complete: nobody comes back to it then.
  if (version !== null) await store.deleteStaged({ signal, keepParts: mode.keepsParts });
  await writeManifest(store, await closingManifest(store, plan, finished, { version, before }), { signal });
  return version;
}

/** True if another process has ended the run: what lies in the output from then on may be of the run after it. */
async function isEnded(
  store: TileStore,
  { generation, signal }: Pick<FinishedTileset, 'generation' | 'signal'>,
): Promise<boolean> {
  const manifest = await readManifest(store, { signal });
  if (manifest === null) return false;
  return manifest.generation > generation || (manifest.generation === generation && manifest.state === 'complete');
}

async function publish(
  store: TileStore,
  plan: TilesetPlan,
  { request, requestHash, generation, mode, metatiles, unchanged, leftOut, signal }: FinishedTileset,
): Promise<TilesetVersion> {
  const { update } = mode;
  const newest = (await store.versions({ signal }))?.versions[0];
  const isPublished = newest?.generation === generation && newest.requestHash === requestHash;
  if (update !== null && !isPublished) {
    // Before it is published: the records of the version before it may be gone then.
    const isOverdue = newest !== undefined && newest.generation >= generation;
    if (!isOverdue) await putChangedTiles(store, plan, update, { newest: newest?.id, signal });
    const isSame = update.basePlan === null && update.baseline.requestHash === requestHash;
    const rendered = metatiles - unchanged;
    // What cannot be read is tried again and again, and is no version each time.
    const isTried = leftOut.tiles > 0 && rendered > 0;
    if (isSame && (rendered <= 0 || (isTried && (await isAsBefore(store, update, { rendered, signal }))))) {
      return update.baseline;
    }
    // Another process that has ended the run found nothing to publish, and has taken away what would say so.
    const isEndedAsBefore = isSame && isTried && !isOverdue && (await isEnded(store, { generation, signal }));
    if (isEndedAsBefore && (await store.versions({ signal }))?.versions[0]?.id === newest?.id) return update.baseline;
  }
  function* indices(): Generator<number> {
    for (const { index } of plan.works()) yield index;
  }
  const [bbox, metadata] = [plan.bbox, archiveMetadataOf(request, requestHash)];
  const baseline = update?.baseline ?? null;
  const isSamePlan = update !== null && update.basePlan === null;
  const { keepVersions } = request;
  return await store.assemble(
    { generation, requestHash, indices, baseline, isSamePlan, keepVersions, bbox, metadata },
    { signal },
  );
}

/** Deletes tiles that are not in the plan, where each is an object of its own: those of a plan before it. */
async function deleteOutside(store: TileStore, plan: TilesetPlan, { signal }: StoreCallOptions): Promise<void> {
  if (!isPlain(store)) return;
  await eachInFlight(tilesOutside(store, plan, { signal }), DELETES_AT_ONCE, (tile) => store.delete(tile, { signal }));
}

async function* tilesOutside(
  store: TileStore,
  plan: TilesetPlan,
  options: StoreCallOptions,
): AsyncGenerator<Tile, void, undefined> {
  for await (const tile of store.list(options)) if (plan.indexWith(tile) === null) yield tile;
}

function isPlain(store: TileStore): store is PlainTileStore {
  return 'delete' in store;
}

async function closingManifest(
  store: TileStore,
  plan: TilesetPlan,
  { request, requestHash, generation, mode, rendered, empty, failed, failures, leftOut, signal }: FinishedTileset,
  { version, before }: { readonly version: TilesetVersion | null; readonly before: Manifest | null },
): Promise<Manifest> {
  const head = { ...manifestHead(request, { requestHash, generation }), ...manifestLeftOut(leftOut) };
  const { tiles, metatiles } = plan.counts();
  if (version === null) {
    const counts = { metatiles, tiles, rendered, empty, failed };
    const listed = manifestFailures(failures);
    return { ...head, state: 'failed', counts, failures: listed, ...manifestOfRun(request, mode, before) };
  }
  const kept = new Set((await store.versions({ signal }))?.versions.map(({ id }) => id));
  return {
    ...head,
    state: 'complete',
    version: version.id,
    counts: { metatiles, tiles, rendered: version.tiles, empty: version.empty, failed },
    ...(mode.keepsParts ? { parts: version.id } : {}),
    made: madeWith(before?.made ?? [], version.id, planFieldsOf(request), kept),
  };
}

type Made = NonNullable<Manifest['made']>;

/** How the versions that are kept were made: those that were made alike together, the newest first. */
function madeWith(before: Made, version: string, plan: PlanFields, kept: ReadonlySet<string>): Made {
  const made = [{ versions: [version], plan, renderer: RENDERER_VERSION }];
  for (const one of before) {
    const versions = one.versions.filter((id) => id !== version && kept.has(id));
    const alike = made.find(({ renderer, plan: of }) => renderer === one.renderer && hasSamePlan(of, one.plan));
    if (alike !== undefined) alike.versions.push(...versions);
    else if (versions.length > 0) made.push({ ...one, versions });
  }
  return made;
}
