import type { RangeSource } from '../../cog/range-source.ts';
import { TilerError } from '../../errors.ts';
import { firstTileId } from '../../tms/tile-id.ts';
import { ArchiveReader } from '../pmtiles/archive-reader.ts';
import { entryAt, findEntry } from '../pmtiles/entries.ts';
import type { Entry, EntryTable } from '../pmtiles/entries.ts';
import type { StoreCallOptions } from '../tile-store.ts';
import type { FoundTiles, TilesetTiles } from './tileset-tiles.ts';

/** One more than the last tile ID that a number can hold. */
const END_OF_TILE_IDS = firstTileId(27);

/** Directories from the root down; more is a loop. */
const MAX_DEPTH = 4;

/** Leaf directories kept for `find`: tiles are asked for along the curve, of a few zooms at a time. */
const MAX_LEAVES = 32;

/** The tiles of a PMTiles archive of any make. Walking keeps one leaf directory at a time. Disposing of it closes the source. */
export class ArchiveTiles implements TilesetTiles {
  private readonly reader: ArchiveReader;
  private readonly leaves = new Map<number, EntryTable>();

  private constructor(reader: ArchiveReader) {
    this.reader = reader;
  }

  /** @throws TilerError `ARCHIVE_INVALID`, and those of the source */
  static async open(source: RangeSource, options: StoreCallOptions): Promise<ArchiveTiles> {
    return new ArchiveTiles(await ArchiveReader.open(source, options));
  }

  get label(): string {
    return this.reader.label;
  }

  get bbox(): readonly [number, number, number, number] {
    return this.reader.header.bbox;
  }

  /** @throws TilerError `ARCHIVE_INVALID`, also where tile IDs do not ascend */
  async *tiles(options: StoreCallOptions): AsyncGenerator<FoundTiles, void, undefined> {
    let next = 0;
    for await (const entry of entriesOf(this.reader, this.reader.rootEntries, options, 0)) {
      if (entry.tileId < next || entry.tileId + entry.runLength > END_OF_TILE_IDS) {
        throw new TilerError(
          'ARCHIVE_INVALID',
          `Walking through ${this.label}: found the tile ID ${entry.tileId}, expected one from ${next} to ${END_OF_TILE_IDS - 1}`,
        );
      }
      next = entry.tileId + entry.runLength;
      yield entry;
    }
  }

  async find(tileId: number, options: StoreCallOptions): Promise<FoundTiles | null> {
    let table = this.reader.rootEntries;
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      const entry = findEntry(table, tileId);
      if (entry === null || entry.runLength > 0) return entry;
      table = await this.keptLeaf(entry, options);
    }
    return null;
  }

  async read({ offset, length }: FoundTiles, options: StoreCallOptions): Promise<Uint8Array | null> {
    if (offset === null || length === null) return null;
    return await this.reader.content({ offset, length }, options);
  }

  private async keptLeaf(entry: Entry, options: StoreCallOptions): Promise<EntryTable> {
    const leaf = this.leaves.get(entry.offset) ?? (await this.reader.leaf(entry, options));
    // Last in the map = most recently used.
    this.leaves.delete(entry.offset);
    this.leaves.set(entry.offset, leaf);
    const [oldest] = this.leaves.keys();
    if (this.leaves.size > MAX_LEAVES && oldest !== undefined) this.leaves.delete(oldest);
    return leaf;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reader[Symbol.asyncDispose]();
  }
}

/** The entries of a directory and of those below it that stand for tiles. */
async function* entriesOf(
  reader: ArchiveReader,
  table: EntryTable,
  options: StoreCallOptions,
  depth: number,
): AsyncGenerator<Entry, void, undefined> {
  for (let index = 0; index < table.count; index++) {
    const entry = entryAt(table, index);
    if (entry.runLength > 0) {
      yield entry;
      continue;
    }
    if (depth === MAX_DEPTH) {
      throw new TilerError(
        'ARCHIVE_INVALID',
        `Walking through ${reader.label}: found leaf directories ${MAX_DEPTH} deep, expected fewer`,
      );
    }
    options.signal.throwIfAborted();
    yield* entriesOf(reader, await reader.leaf(entry, options), options, depth + 1);
  }
}
