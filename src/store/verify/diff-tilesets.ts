import { tileFromTileId } from '../../tms/tile-id.ts';
import { diffRecords } from '../records/diff-records.ts';
import type { TileChange } from '../records/diff-records.ts';
import type { RecordsReader } from '../records/records-reader.ts';
import type { StoreCallOptions } from '../tile-store.ts';
import { RunCollector } from './collect-runs.ts';
import type { TileIdRuns } from './tile-id-runs.ts';
import type { FoundTiles, TilesetTiles } from './tileset-tiles.ts';

/** A side of a comparison: tiles, and the records of its version where there are some. */
export interface ComparedTileset {
  readonly tiles: TilesetTiles;
  readonly records: RecordsReader | null;
  /** Of the version; null without records. */
  readonly requestHash: string | null;
}

/** Tiles being compared at a time. */
const CONCURRENCY = 8;

/** Pairs of contents whose comparison is kept: long runs of seas and blanks are compared once. */
const MAX_KEPT = 64;

/**
 * Tiles that differ between two tilesets, or versions of one.
 *
 * Of two versions of one plan the records are compared, and of these only the blocks that have not the same root; no tile is
 * read. Otherwise the tiles are walked through by ascending tile ID: a tile in both is read unless its lengths are known and
 * differ. It keeps runs of tiles, and 8 bytes a tile where a store lists them in no order.
 *
 * @throws TilerError those of the tilesets
 */
export async function* diffTilesets(
  from: ComparedTileset,
  to: ComparedTileset,
  options: StoreCallOptions,
): AsyncGenerator<TileChange, void, undefined> {
  if (from.records !== null && to.records !== null && isSamePlan(from, to)) {
    yield* diffRecords(from.records, to.records, options);
    return;
  }
  const emptied = to.records === null ? null : await emptyTiles(to.records, options);
  yield* walkBoth(from.tiles, to.tiles, emptied, options);
}

/** The same request has the same tiles; with the same metatiles in each block, they are grouped in the same way. */
function isSamePlan(from: ComparedTileset, to: ComparedTileset): boolean {
  const shapeOf = ({ records }: ComparedTileset): string =>
    JSON.stringify(records?.blocks.map(({ block, metatiles }) => [block, metatiles]));
  return from.requestHash === to.requestHash && shapeOf(from) === shapeOf(to);
}

async function emptyTiles(records: RecordsReader, options: StoreCallOptions): Promise<TileIdRuns> {
  const empty = new RunCollector();
  for await (const record of records.records(options)) for (const tileId of record.empty) empty.add(tileId);
  return empty.toRuns();
}

/** Tiles of a part of the curve: in one of both, or in both. */
interface Stretch {
  readonly first: number;
  readonly last: number;
  readonly from: FoundTiles | null;
  readonly to: FoundTiles | null;
}

async function* walkBoth(
  from: TilesetTiles,
  to: TilesetTiles,
  emptied: TileIdRuns | null,
  options: StoreCallOptions,
): AsyncGenerator<TileChange, void, undefined> {
  const isSame = createIsSame(from, to, options);
  const pending: { readonly stretch: Stretch; readonly isSame: Promise<boolean> }[] = [];
  const changesOf = async function* (one: (typeof pending)[number]): AsyncGenerator<TileChange> {
    if (await one.isSame) return;
    const { first, last } = one.stretch;
    for (let tileId = first; tileId <= last; tileId++) {
      yield { tile: tileFromTileId(tileId), kind: kindOf(one.stretch, emptied?.has(tileId) ?? false) };
    }
  };
  for await (const stretch of stretchesOf(from.tiles(options), to.tiles(options))) {
    options.signal.throwIfAborted();
    const oldest = pending.length === CONCURRENCY ? pending.shift() : undefined;
    if (oldest !== undefined) yield* changesOf(oldest);
    const same = isSame(stretch);
    // Whoever waits for it is told; nobody may wait any more.
    same.catch(() => {});
    pending.push({ stretch, isSame: same });
  }
  for (const one of pending) yield* changesOf(one);
}

function kindOf({ from, to }: Stretch, isEmptied: boolean): TileChange['kind'] {
  if (from === null) return 'added';
  if (to !== null) return 'changed';
  return isEmptied ? 'emptied' : 'removed';
}

function createIsSame(
  from: TilesetTiles,
  to: TilesetTiles,
  options: StoreCallOptions,
): (stretch: Stretch) => Promise<boolean> {
  const known = new Map<string, Promise<boolean>>();
  const compare = async (one: FoundTiles, other: FoundTiles): Promise<boolean> => {
    const [a, b] = await Promise.all([from.read(one, options), to.read(other, options)]);
    return a !== null && b !== null && Buffer.compare(a, b) === 0;
  };
  return async (stretch) => {
    const { from: one, to: other } = stretch;
    if (one === null || other === null) return false;
    if (one.length !== null && other.length !== null && one.length !== other.length) return false;
    if (one.offset === null || other.offset === null) return await compare(one, other);
    // The same bytes of the same archive.
    if (from.label === to.label && one.offset === other.offset) return true;
    const key = `${one.offset} ${other.offset}`;
    const same = known.get(key) ?? compare(one, other);
    known.set(key, same);
    const [oldest] = known.keys();
    if (known.size > MAX_KEPT && oldest !== undefined) known.delete(oldest);
    return await same;
  };
}

/** Joins two ascending walks: every stretch in which both have one content or nothing. */
async function* stretchesOf(
  from: AsyncIterable<FoundTiles>,
  to: AsyncIterable<FoundTiles>,
): AsyncGenerator<Stretch, void, undefined> {
  const [old, young] = [new Cursor(from), new Cursor(to)];
  try {
    await Promise.all([old.next(), young.next()]);
    while (old.tiles !== null || young.tiles !== null) {
      const first = Math.min(old.first, young.first);
      const [a, b] = [old.first === first ? old.tiles : null, young.first === first ? young.tiles : null];
      const last = Math.min(a === null ? old.first - 1 : old.last, b === null ? young.first - 1 : young.last);
      yield { first, last, from: a, to: b };
      if (a !== null) await old.skipTo(last + 1);
      if (b !== null) await young.skipTo(last + 1);
    }
  } finally {
    await Promise.all([old.end(), young.end()]);
  }
}

/** Where a walk is. */
class Cursor {
  tiles: FoundTiles | null = null;
  /** The first tile ID that has not been passed; Infinity at the end. */
  first = Infinity;
  last = Infinity;
  private readonly iterator: AsyncIterator<FoundTiles>;

  constructor(tiles: AsyncIterable<FoundTiles>) {
    this.iterator = tiles[Symbol.asyncIterator]();
  }

  async next(): Promise<void> {
    const { done, value } = await this.iterator.next();
    this.tiles = done === true ? null : value;
    this.first = this.tiles?.tileId ?? Infinity;
    this.last = this.tiles === null ? Infinity : this.tiles.tileId + this.tiles.runLength - 1;
  }

  async skipTo(tileId: number): Promise<void> {
    if (tileId > this.last) await this.next();
    else this.first = tileId;
  }

  async end(): Promise<void> {
    await this.iterator.return?.();
  }
}
