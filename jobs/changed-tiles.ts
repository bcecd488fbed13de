import { isDeepStrictEqual } from 'node:util';
import { isAbortError } from '../src/errors.ts';
import type { TileChange } from '../src/store/records/diff-records.ts';
import type { MetatileRecord } from '../src/store/records/metatile-record.ts';
import type { StoreCallOptions, TileStore } from '../src/store/tile-store.ts';
import { tileFromTileId } from '../src/tms/tile-id.ts';
import { tilePath } from '../src/tms/tile.ts';
import { batches } from './batches.ts';
import { createPlan } from './plan-jobs.ts';
import type { TilesetPlan } from './plan-jobs.ts';
import type { RunUpdate } from './run-update.ts';

/** What metatiles have staged is asked for so many at a time. */
const READS_AT_ONCE = 16;

/** Tile IDs and digests of a metatile as it was. */
type DigestsBefore = ReadonlyMap<number, string>;

/** Finds what a tile was; undefined = it was not there. */
type FindDigest = (tileId: number) => Promise<string | undefined>;

/**
 * Puts the list of the tiles that an update changes beside the tileset, if it is asked for: a line `kind z/x/y` for each,
 * ordered by zoom, column and row.
 *
 * Several processes may end one run at once, and the first one to publish takes away what the list is made of. So a list that
 * was not finished until then does not count: the first one has put its own.
 *
 * @param options.newest - the newest version while the run was not published
 * @throws TilerError those of `changesOfUpdate`
 */
export async function putChangedTiles(
  store: TileStore,
  plan: TilesetPlan,
  update: RunUpdate,
  { newest, signal }: StoreCallOptions & { readonly newest: string | undefined },
): Promise<void> {
  const { changedTilesFile: name } = update;
  if (name === null) return;
  const isPublished = async (): Promise<boolean> => (await store.versions({ signal }))?.versions[0]?.id !== newest;
  const before = await store.getTaggedDocument(name, { signal });
  let text: string;
  try {
    text = await changesToText(changesOfUpdate(store, plan, update, { signal }));
  } catch (error) {
    if (isAbortError(error) || !(await isPublished())) throw error;
    return;
  }
  if (await isPublished()) return;
  // If it is another one by now, that is of this run, or of one after it.
  const bytes = new TextEncoder().encode(text);
  await store.putDocumentIf(name, bytes, before?.tag ?? null, 'text/plain; charset=utf-8', { signal });
}

/**
 * Tiles that an update changes, from what its metatiles have staged: before it is published, since a store may keep the
 * records of one version alone.
 *
 * Cost: what is staged is read, and with another plan the records of the version that the update begins with.
 *
 * @throws TilerError `ARCHIVE_INVALID`, and those of `TileStore`
 */
async function* changesOfUpdate(
  store: TileStore,
  plan: TilesetPlan,
  { baseline, basePlan }: Pick<RunUpdate, 'baseline' | 'basePlan'>,
  options: StoreCallOptions,
): AsyncGenerator<TileChange, void, undefined> {
  const before = await store.openRecords(baseline, options);
  const planBefore = basePlan === null ? null : createPlan(basePlan);
  for await (const record of renderedMetatiles(store, options)) {
    const known = new Map<number, DigestsBefore>();
    yield* changesOfMetatile(record, async (tileId) => {
      // Of the same plan, the metatile had the same index.
      const index = planBefore === null ? record.index : planBefore.indexWith(tileFromTileId(tileId));
      if (index === null) return undefined;
      const digests = known.get(index) ?? digestsOf(await before.recordAt(index, options));
      known.set(index, digests);
      return digests.get(tileId);
    });
  }
  if (planBefore === null) return;
  for await (const { tiles } of before.records(options)) {
    for (const { tileId } of tiles) {
      const tile = tileFromTileId(tileId);
      if (plan.indexWith(tile) === null) yield { tile, kind: 'removed' };
    }
  }
}

/**
 * True if all metatiles that an update has rendered, of a plan that is the same, have become what they were, of what they
 * were made of.
 *
 * @param options.rendered - how many they are
 * @throws TilerError `ARCHIVE_INVALID`, and those of `TileStore`
 */
export async function isAsBefore(
  store: TileStore,
  { baseline }: Pick<RunUpdate, 'baseline'>,
  { rendered, ...options }: StoreCallOptions & { readonly rendered: number },
): Promise<boolean> {
  const before = await store.openRecords(baseline, options);
  let same = 0;
  for await (const record of renderedMetatiles(store, options)) {
    if (!isDeepStrictEqual(record, await before.recordAt(record.index, options))) return false;
    same++;
  }
  return same === rendered;
}

function digestsOf(record: MetatileRecord | null): DigestsBefore {
  return new Map(record?.tiles.map(({ tileId, digest }) => [tileId, digest]));
}

/** Records of what was rendered, ascending by index. */
async function* renderedMetatiles(
  store: TileStore,
  options: StoreCallOptions,
): AsyncGenerator<MetatileRecord, void, undefined> {
  const indices: number[] = [];
  for await (const index of store.stagedIndices(options)) indices.push(index);
  indices.sort((a, b) => a - b);
  for (const batch of batches(indices, READS_AT_ONCE)) {
    const found = await Promise.all(batch.map((index) => store.staged(index, options)));
    for (const staged of found) if (staged?.kind === 'rendered') yield staged.record;
  }
}

async function* changesOfMetatile(
  { tiles, empty }: MetatileRecord,
  find: FindDigest,
): AsyncGenerator<TileChange, void, undefined> {
  for (const { tileId, digest } of tiles) {
    const was = await find(tileId);
    if (was !== digest) yield { tile: tileFromTileId(tileId), kind: was === undefined ? 'added' : 'changed' };
  }
  for (const tileId of empty) {
    if ((await find(tileId)) !== undefined) yield { tile: tileFromTileId(tileId), kind: 'emptied' };
  }
}

async function changesToText(changes: AsyncIterable<TileChange>): Promise<string> {
  const found: TileChange[] = [];
  for await (const change of changes) found.push(change);
  found.sort(({ tile: a }, { tile: b }) => a.z - b.z || a.x - b.x || a.y - b.y);
  return found.map(({ tile, kind }) => `${kind} ${tilePath(tile)}\n`).join('');
}
