import { totalmem } from 'node:os';
import type { StageMeter } from '../observe.ts';
import { tileFromTileId } from '../tms/tile-id.ts';
import type { Tile } from '../tms/tile.ts';
import { makeVersion, openArchive } from './archive-version.ts';
import type { ObjectStore } from './object-store.ts';
import type { ArchiveReader } from './pmtiles/archive-reader.ts';
import type { FinishedTiles, StoreCallOptions } from './tile-store.ts';
import { currentVersion } from './version-document.ts';
import { VersionedFileStore } from './versioned-file-store.ts';
import type { TilesetVersion } from './versions.ts';

export interface ArchiveStoreOptions {
  /** Path of the archive in its store; ends in `.pmtiles`. */
  readonly path: string;
  /** File ending of the tiles without the dot, which tells their type. */
  readonly extension: string;
  readonly stages?: StageMeter | undefined;
  /**
   * Bytes that assembling may keep in memory, where 64 for a tile are enough; the rest goes to a temporary file. Default: 50
   * million tiles, but not more than a quarter of the memory of the machine or container.
   */
  readonly assembleMemoryBytes?: number;
}

const MEMORY_BYTES = 50e6 * 64;
const SHARE_OF_MEMORY = 1 / 4;

/**
 * Tiles in one PMTiles archive. Each version is an object that is never changed. In a folder the current one has the name of
 * the archive too; elsewhere that name leads to it by way of the versions document. An archive of that name from elsewhere is
 * read as long as there is no version.
 */
export class ArchiveStore extends VersionedFileStore {
  private readonly options: ArchiveStoreOptions;
  private reader: Promise<ArchiveReader | null> | null = null;

  constructor(objects: ObjectStore, options: ArchiveStoreOptions) {
    super(objects, options);
    this.options = options;
  }

  async get(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null> {
    const reader = await this.open(options);
    if (reader === null) return null;
    try {
      return await reader.tile(tile, options);
    } catch (error) {
      // The version that was open is kept no longer: the one that counts now has the tile, or is at fault itself.
      if (!(await this.isForgotten(reader, options))) throw error;
      const next = await this.open(options);
      return next === null ? null : await next.tile(tile, options);
    }
  }

  async *list(options: StoreCallOptions): AsyncIterable<Tile> {
    const reader = await this.open(options);
    if (reader === null) return;
    for await (const { count, tileIds, runLengths } of reader.tables(options)) {
      for (let i = 0; i < count; i++) {
        options.signal.throwIfAborted();
        for (let n = 0; n < runLengths[i]!; n++) yield tileFromTileId(tileIds[i]! + n);
      }
    }
  }

  protected async makeVersion(tiles: FinishedTiles, options: StoreCallOptions): Promise<TilesetVersion> {
    const { extension, assembleMemoryBytes: memoryBytes = defaultMemoryBytes() } = this.options;
    return await makeVersion({ ...this.places, extension, memoryBytes }, tiles, options);
  }

  protected async closeReader(): Promise<void> {
    const reader = await this.reader?.catch(() => null);
    this.reader = null;
    await reader?.[Symbol.asyncDispose]();
  }

  private async open(options: StoreCallOptions): Promise<ArchiveReader | null> {
    this.reader ??= this.openCurrent(options);
    try {
      return await this.reader;
    } catch (error) {
      this.reader = null;
      throw error;
    }
  }

  /** The current version, or what has the name of the archive if there are none. */
  private async openCurrent(options: StoreCallOptions): Promise<ArchiveReader | null> {
    const document = await this.versions(options);
    const path = document === null ? this.places.path : currentVersion(document).archive;
    return path === null ? null : await openArchive(this.objects, path, options);
  }

  /** True if an archive that is open is there no longer; it is closed then. */
  private async isForgotten(reader: ArchiveReader, options: StoreCallOptions): Promise<boolean> {
    const path = reader.label.slice(this.objects.label.length + 1);
    if (options.signal.aborted || (await this.objects.read(path, 0, 1, options)) !== null) return false;
    if ((await this.reader?.catch(() => null)) === reader) await this.closeReader();
    return true;
  }
}

function defaultMemoryBytes(): number {
  // 0 = no limit is known.
  const limit = process.constrainedMemory() || Infinity;
  return Math.min(MEMORY_BYTES, SHARE_OF_MEMORY * Math.min(totalmem(), limit));
}
