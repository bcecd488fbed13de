import { tileFromTileId } from '../../tms/tile-id.ts';
import type { Tile } from '../../tms/tile.ts';
import type { StoreCallOptions } from '../tile-store.ts';
import type { MetatileRecord } from './metatile-record.ts';
import type { RecordsReader } from './records-reader.ts';

/** A tile that differs between two versions; `emptied` = it was planned in both, and nothing is there any more. */
export interface TileChange {
  readonly tile: Tile;
  readonly kind: 'added' | 'changed' | 'removed' | 'emptied';
}

/**
 * Tiles that differ between two versions of one plan: metatiles have the same tiles in both. Blocks with the same root are
 * not read; ordered by index of the metatile, then by tile ID.
 *
 * @throws TilerError `ARCHIVE_INVALID`, and those of the store
 */
export async function* diffRecords(
  from: RecordsReader,
  to: RecordsReader,
  options: StoreCallOptions,
): AsyncGenerator<TileChange, void, undefined> {
  const [before, after] = [from, to].map(({ blocks }) => new Map(blocks.map((block) => [block.block, block])));
  const numbers = new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])]);
  for (const number of [...numbers].sort((a, b) => a - b)) {
    options.signal.throwIfAborted();
    const [old, young] = [before?.get(number), after?.get(number)];
    if (old?.root === young?.root) continue;
    const oldRecords = old === undefined ? [] : await from.recordsOf(old, options);
    const youngRecords = young === undefined ? [] : await to.recordsOf(young, options);
    yield* diffBlocks(oldRecords, youngRecords);
  }
}

function* diffBlocks(before: readonly MetatileRecord[], after: readonly MetatileRecord[]): Generator<TileChange> {
  const old = new Map(before.map((record) => [record.index, record]));
  const young = new Map(after.map((record) => [record.index, record]));
  for (const index of [...new Set([...old.keys(), ...young.keys()])].sort((a, b) => a - b)) {
    yield* diffTiles(old.get(index), young.get(index));
  }
}

function* diffTiles(old: MetatileRecord | undefined, young: MetatileRecord | undefined): Generator<TileChange> {
  const before = new Map((old?.tiles ?? []).map((tile) => [tile.tileId, tile]));
  const after = new Map((young?.tiles ?? []).map((tile) => [tile.tileId, tile]));
  const empty = new Set(young?.empty);
  for (const tileId of [...new Set([...before.keys(), ...after.keys()])].sort((a, b) => a - b)) {
    const [was, is] = [before.get(tileId), after.get(tileId)];
    if (was?.digest === is?.digest && was?.length === is?.length) continue;
    const gone = empty.has(tileId) ? 'emptied' : 'removed';
    yield { tile: tileFromTileId(tileId), kind: was === undefined ? 'added' : is === undefined ? gone : 'changed' };
  }
}
