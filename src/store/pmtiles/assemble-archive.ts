import { setImmediate as nextTurn } from 'node:timers/promises';
import { TilerError } from '../../errors.ts';
import type { MetatileRecord } from '../records/metatile-record.ts';
import type { StoreCallOptions } from '../tile-store.ts';
import type { ArchiveReader } from './archive-reader.ts';
import type { ArchiveDescription, ArchiveSummary, ArchiveWriter } from './archive-writer.ts';
import { MAX_CONTENTS, MAX_SHARED_BYTES } from './content-table.ts';
import { EntryCursor } from './entry-cursor.ts';
import type { GatheredTiles } from './gathered-tiles.ts';
import { SmallDigests } from './small-digests.ts';
import type { TileRun } from './tile-runs.ts';

/** The archive that an update begins with. */
export interface BaselineArchive {
  /** In the store of the new one. */
  readonly path: string;
  readonly reader: ArchiveReader;
  /** Of its tiles; read only if digests of small tiles are needed. */
  readonly records: () => AsyncIterable<MetatileRecord>;
  /** Tiles that no metatile has staged are kept; else only those that are staged as kept. */
  readonly keepsUnstaged: boolean;
}

export interface AssembleOptions extends StoreCallOptions {
  /** Null = everything is staged. */
  readonly baseline: BaselineArchive | null;
  /** Where the segment of a metatile lies. */
  readonly segmentPath: (metatile: number) => string;
  /** Tiles that there must be, so that what is lost is not a hole. */
  readonly expected: number;
  /** As the writer's. */
  readonly maxContents?: number;
}

/** Tiles between two looks at whatever else waits. */
const TILES_A_TURN = 65_536;

/**
 * Puts an archive together from what metatiles have staged and, in an update, from the archive before it. No tile is read
 * here: all are copied where they lie, in stretches as long as there are. The bytes are those of an archive of the same tiles
 * that is made at once.
 *
 * @throws TilerError `ARCHIVE_INVALID` if a tile is there twice or one is missing, and those of the store
 */
export async function assembleArchive(
  gathered: GatheredTiles,
  writer: ArchiveWriter,
  description: ArchiveDescription,
  options: AssembleOptions,
): Promise<ArchiveSummary> {
  const { baseline, segmentPath, expected } = options;
  const old = await OldTiles.open(baseline, writer, gathered.small.count > 0, options);
  const { runs } = gathered;
  let sinceTurn = 0;
  for (const run of runs.sorted()) {
    const add = createAdd(gathered, writer, run, segmentPath(run.metatile));
    for (let at = run.from; at < run.to; at++) {
      const tileId = runs.tileIdAt(run, at);
      if (old.nextId < tileId) await old.passTo(tileId);
      if (run.kind === 'kept') await old.keepOne(tileId);
      else if (old.nextId === tileId) await old.drop();
      const waiting = add(tileId, runs.lengthAt(at));
      if (waiting !== null) await waiting;
      if (++sinceTurn === TILES_A_TURN) {
        sinceTurn = 0;
        await nextTurn();
        options.signal.throwIfAborted();
      }
    }
  }
  await old.passTo(Infinity);
  if (writer.tiles === expected) return await writer.finish(description);
  throw new TilerError(
    'ARCHIVE_INVALID',
    `Assembling an archive: found ${writer.tiles} tiles, expected the ${expected} of its records; --force begins anew`,
  );
}

/** What adds a tile of a run to the archive; it is called with all of them, in their order. */
function createAdd(
  { small }: GatheredTiles,
  writer: ArchiveWriter,
  { kind, place }: TileRun,
  path: string,
): (tileId: number, length: number) => Promise<void> | null {
  if (kind === 'large') {
    let offset = place;
    return (tileId, length) => {
      offset += length;
      return writer.addPlaced(tileId, length, path, offset - length);
    };
  }
  if (kind !== 'small') return () => null;
  const [digest, from] = [small.digestAt(place), { path, offset: small.offsetAt(place) }];
  return (tileId, length) => writer.addSmall(tileId, 1, { digest, length, from });
}

/** The tiles of the archive before, on their way to the new one. */
class OldTiles {
  private readonly cursor: EntryCursor;
  private readonly writer: ArchiveWriter;
  private readonly baseline: BaselineArchive | null;
  private readonly digests: SmallDigests | null;

  private constructor(
    cursor: EntryCursor,
    writer: ArchiveWriter,
    baseline: BaselineArchive | null,
    digests: SmallDigests | null,
  ) {
    this.cursor = cursor;
    this.writer = writer;
    this.baseline = baseline;
    this.digests = digests;
  }

  static async open(
    baseline: BaselineArchive | null,
    writer: ArchiveWriter,
    hasNewSmall: boolean,
    { maxContents = MAX_CONTENTS, ...options }: AssembleOptions,
  ): Promise<OldTiles> {
    if (baseline === null) return new OldTiles(await EntryCursor.open(nothing()), writer, null, null);
    const { reader, records } = baseline;
    // Contents of the old archive that are all known are told apart by their places.
    const needsDigests = hasNewSmall || reader.header.tileContents > maxContents;
    const digests = needsDigests ? await SmallDigests.read(reader.tables(options), records(), reader.label) : null;
    return new OldTiles(await EntryCursor.open(reader.tables(options)), writer, baseline, digests);
  }

  /** The first one that is left; infinite = none. */
  get nextId(): number {
    return this.cursor.tileId;
  }

  /** Comes to the first tile from an ID on. What lies before it stays, or is left out. */
  async passTo(tileId: number): Promise<void> {
    const { cursor } = this;
    while (cursor.tileId < tileId) {
      const tiles = Math.min(cursor.left, tileId - cursor.tileId);
      const keeping = this.baseline?.keepsUnstaged === true ? this.keep(tiles) : null;
      if (keeping !== null) await keeping;
      const turning = cursor.skip(tiles);
      if (turning !== null) await turning;
    }
  }

  /** Leaves the next tile out. */
  async drop(): Promise<void> {
    await this.cursor.skip(1);
  }

  /** Keeps the tile of an ID. @throws TilerError `ARCHIVE_INVALID` if it is not there */
  async keepOne(tileId: number): Promise<void> {
    if (this.nextId !== tileId) {
      const label = this.baseline?.reader.label ?? 'none';
      throw new TilerError('ARCHIVE_INVALID', `Keeping the tile ID ${tileId} of the archive ${label}: it is not there`);
    }
    await this.keep(1);
    await this.drop();
  }

  /** Adds tiles of the entry at the cursor to the new archive. @returns null if there is nothing to wait for */
  private keep(tiles: number): Promise<void> | null {
    const { cursor, writer, baseline, digests } = this;
    if (baseline === null) return null;
    const { tileId, offset, length } = cursor;
    const { path } = baseline;
    const start = baseline.reader.header.tiles.offset + offset;
    if (length <= MAX_SHARED_BYTES) {
      const digest = digests === null ? `at ${offset}` : digests.at(offset);
      return writer.addSmall(tileId, tiles, { digest, length, from: { path, offset: start } });
    }
    if (tiles === 1) return writer.addPlaced(tileId, length, path, start);
    return this.keepEach(tiles, path, start);
  }

  /** For archives in which large tiles share a content. */
  private async keepEach(tiles: number, path: string, start: number): Promise<void> {
    const { tileId, length } = this.cursor;
    for (let n = 0; n < tiles; n++) await this.writer.addPlaced(tileId + n, length, path, start);
  }
}

async function* nothing(): AsyncGenerator<never, void, undefined> {}
