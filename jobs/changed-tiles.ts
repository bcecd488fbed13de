import type { TileChange } from '../src/store/records/diff-records.ts';
import type { MetatileRecord, TileRecord } from '../src/store/records/metatile-record.ts';
import type { RecordsReader } from '../src/store/records/records-reader.ts';
import type { StoreCallOptions, TileStore } from '../src/store/tile-store.ts';
import { tileFromTileId } from '../src/tms/tile-id.ts';
import { tilePath } from '../src/tms/tile.ts';
import type { Tile } from '../src/tms/tile.ts';
import { createPlan } from './plan-jobs.ts';
import type { TilesetPlan } from './plan-jobs.ts';
import type { RunUpdate } from './run-update.ts';

/**
 * Tiles that an update changes, from what its metatiles have staged: before it is published, since a store may keep the
 * records of one version alone.
 *
 * Cost: what is staged is read, and with another plan the records of the version that the update begins with.
 *
 * @throws TilerError `ARCHIVE_INVALID`, and those of `TileStore`
 */
export async function* changesOfUpdate(
  store: TileStore,
  plan: TilesetPlan,
  { baseline, basePlan }: Pick<RunUpdate, 'baseline' | 'basePlan'>,
  options: StoreCallOptions,
): AsyncGenerator<TileChange, void, undefined> {
  const before = await store.openRecords(baseline, options);
  const planBefore = basePlan === null ? null : createPlan(basePlan);
  const indices: number[] = [];
  for await (const index of store.stagedIndices(options)) indices.push(index);
  for (const index of indices.sort((a, b) => a - b)) {
    const staged = await store.staged(index, options);
    if (staged?.kind !== 'rendered') continue;
    yield* changesOfMetatile(staged.record, (tile) => tileBefore(before, planBefore, index, tile, options));
  }
  if (planBefore === null) return;
  for await (const { tiles } of before.records(options)) {
    for (const { tileId } of tiles) {
      const tile = tileFromTileId(tileId);
      if (plan.workWith(tile) === null) yield { tile, kind: 'removed' };
    }
  }
}

async function* changesOfMetatile(
  { tiles, empty }: MetatileRecord,
  find: (tile: Tile) => Promise<TileRecord | undefined>,
): AsyncGenerator<TileChange, void, undefined> {
  for (const { tileId, digest } of tiles) {
    const tile = tileFromTileId(tileId);
    const was = await find(tile);
    if (was?.digest !== digest) yield { tile, kind: was === undefined ? 'added' : 'changed' };
  }
  for (const tile of empty.map(tileFromTileId)) {
    if ((await find(tile)) !== undefined) yield { tile, kind: 'emptied' };
  }
}

/** A tile as it was; `planBefore` = null: its metatile had the same index. */
async function tileBefore(
  before: RecordsReader,
  planBefore: TilesetPlan | null,
  index: number,
  tile: Tile,
  options: StoreCallOptions,
): Promise<TileRecord | undefined> {
  const indexBefore = planBefore === null ? index : (planBefore.workWith(tile)?.index ?? null);
  const record = indexBefore === null ? null : await before.recordAt(indexBefore, options);
  return record?.tiles.find(({ tileId }) => tilePath(tileFromTileId(tileId)) === tilePath(tile));
}

/** Changed tiles as a list: a line `kind z/x/y` for each, ordered by zoom, column and row. */
export async function changesToText(changes: AsyncIterable<TileChange>): Promise<string> {
  const found: TileChange[] = [];
  for await (const change of changes) found.push(change);
  found.sort(({ tile: a }, { tile: b }) => a.z - b.z || a.x - b.x || a.y - b.y);
  return found.map(({ tile, kind }) => `${kind} ${tilePath(tile)}\n`).join('');
}
