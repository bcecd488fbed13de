import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { IoCounters, StageMeter } from '../../observe.ts';
import { tileFromTileId } from '../../tms/tile-id.ts';
import type { Tile } from '../../tms/tile.ts';
import { fromFileError } from '../file-error.ts';
import { FileObjects } from '../file-objects.ts';
import { readSegment, segmentPath } from '../records/read-segment.ts';
import type { RecordsReader } from '../records/records-reader.ts';
import { writeRecords } from '../records/write-records.ts';
import type { FinishedTiles, StoreCallOptions } from '../tile-store.ts';
import { VersionedFileStore } from '../versioned-file-store.ts';
import type { TilesetVersion } from '../versions.ts';
import { assembleMbtiles } from './assemble-mbtiles.ts';
import type { MbtilesSource } from './assemble-mbtiles.ts';
import { openMbtiles } from './mbtiles-reader.ts';
import type { MbtilesReader } from './mbtiles-reader.ts';
import { MbtilesWriter } from './mbtiles-writer.ts';

export interface MbtilesStoreOptions {
  /** Name of the file in the folder; ends in `.mbtiles`. */
  readonly name: string;
  readonly counters: Pick<IoCounters, 'writeRequests' | 'bytesWritten'>;
  readonly stages?: StageMeter | undefined;
}

/** Tiles in one MBTiles file of a folder: SQLite needs a file of this machine. */
export class MbtilesStore extends VersionedFileStore {
  private readonly root: string;
  private readonly counters: MbtilesStoreOptions['counters'];
  private reader: Promise<MbtilesReader | null> | null = null;

  /** @param root - the folder */
  constructor(root: string, { name, counters, stages }: MbtilesStoreOptions) {
    super(new FileObjects(root, counters), { path: name, stages });
    this.root = resolve(root);
    this.counters = counters;
  }

  async get(tile: Tile, { signal }: StoreCallOptions): Promise<Uint8Array | null> {
    signal.throwIfAborted();
    return (await this.open())?.tile(tile) ?? null;
  }

  async *list(options: StoreCallOptions): AsyncIterable<Tile> {
    const reader = await this.open();
    if (reader !== null) yield* reader.list(options);
  }

  protected async makeVersion(tiles: FinishedTiles, options: StoreCallOptions): Promise<TilesetVersion> {
    const { generation, requestHash } = tiles;
    const { id, records, tiles: count, empty } = await writeRecords(this.places, tiles, options);
    // A file without a tile would be none for most who read it.
    const archive = count === 0 ? null : `${this.places.versionsFolder}/${id}.mbtiles`;
    const version = { id, generation, requestHash, archive, records, tiles: count, empty, bytes: 0 };
    return archive === null ? version : { ...version, bytes: await this.writeFile(archive, version, tiles, options) };
  }

  private async writeFile(
    path: string,
    version: TilesetVersion,
    { baseline, bbox, metadata }: FinishedTiles,
    options: StoreCallOptions,
  ): Promise<number> {
    const target = join(this.root, path);
    const temporary = join(dirname(target), `.${randomUUID()}.tmp`);
    await using before = baseline?.archive == null ? null : await openMbtiles(join(this.root, baseline.archive));
    const records = await this.openRecords(version, options);
    try {
      using writer = await MbtilesWriter.create(temporary);
      await assembleMbtiles(this.sourceOf(records, before, options), writer, options);
      const { bytes } = await writer.finish({ bbox, metadata });
      await rename(temporary, target);
      await syncFolder(dirname(target));
      this.counters.writeRequests++;
      this.counters.bytesWritten += bytes;
      return bytes;
    } catch (error) {
      throw fromFileError(error, `Writing ${target}`);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  private sourceOf(records: RecordsReader, before: MbtilesReader | null, options: StoreCallOptions): MbtilesSource {
    const pathOf = (index: number): string => segmentPath(this.places.workFolder, index);
    return {
      records: () => records.records(options),
      recordAt: (index) => records.recordAt(index, options),
      segment: (index) => readSegment(this.objects, pathOf(index), options),
      read: (index, offset, length) => this.objects.read(pathOf(index), offset, length, options),
      tileBefore: (tileId) => before?.tile(tileFromTileId(tileId)) ?? null,
    };
  }

  private async open(): Promise<MbtilesReader | null> {
    this.reader ??= openMbtiles(join(this.root, this.places.path));
    try {
      const reader = await this.reader;
      // There may be one the next time.
      if (reader === null) this.reader = null;
      return reader;
    } catch (error) {
      this.reader = null;
      throw error;
    }
  }

  protected async closeReader(): Promise<void> {
    const reader = await this.reader?.catch(() => null);
    this.reader = null;
    await reader?.[Symbol.asyncDispose]();
  }
}

/** After a rename: a power cut does not take the new name away. */
async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}
