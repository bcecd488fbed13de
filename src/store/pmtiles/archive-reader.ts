import { TilerError } from '../../errors.ts';
import type { RangeSource } from '../../cog/range-source.ts';
import { tileIdFromTile } from '../../tms/tile-id.ts';
import type { Tile } from '../../tms/tile.ts';
import type { StoreCallOptions } from '../tile-store.ts';
import { parseMetadata } from './archive-metadata.ts';
import type { ReadMetadata } from './archive-metadata.ts';
import { decompress, parseDirectory } from './directory.ts';
import { findEntry } from './entries.ts';
import type { Entry, EntryTable } from './entries.ts';
import { FIRST_READ_BYTES, parseHeader } from './header.ts';
import type { PmtilesHeader, Section } from './header.ts';

/** Most bytes of a compressed directory or of the metadata, and of a tile. */
const MAX_SECTION_BYTES = 16 * 1024 * 1024;
const MAX_TILE_BYTES = 64 * 1024 * 1024;

/** Bytes of leaf directories that are read together, and at most so many if the last one is large. */
const LEAVES_BYTES = 4 * 1024 * 1024;
const MAX_READ = LEAVES_BYTES + MAX_SECTION_BYTES;

/** Leaf directories kept: one holds some thousand tiles. */
const MAX_LEAVES = 64;

/** Directories from the root down; more is a loop. */
const MAX_DEPTH = 4;

/** An archive that is open. One request opens it; a tile takes one more, or two the first time in its neighbourhood. */
export class ArchiveReader implements AsyncDisposable {
  readonly header: PmtilesHeader;
  private readonly source: RangeSource;
  private readonly root: EntryTable;
  private readonly leaves = new Map<number, Promise<EntryTable>>();

  private constructor(source: RangeSource, header: PmtilesHeader, root: EntryTable) {
    this.source = source;
    this.header = header;
    this.root = root;
  }

  /** @throws TilerError `ARCHIVE_INVALID`, and those of the source */
  static async open(source: RangeSource, options: StoreCallOptions): Promise<ArchiveReader> {
    const first = await source.read(0, FIRST_READ_BYTES, options);
    const header = parseHeader(first, source.label);
    const { offset, length } = header.root;
    if (offset + length > first.length) {
      throw new TilerError(
        'ARCHIVE_INVALID',
        `Opening ${source.label}: found the root directory at ${offset}, ${length} bytes; expected it within the first ${FIRST_READ_BYTES}`,
      );
    }
    const what = `the root directory of ${source.label}`;
    const bytes = decompress(first.subarray(offset, offset + length), header.internalCompression, what);
    return new ArchiveReader(source, header, parseDirectory(bytes, what));
  }

  get label(): string {
    return this.source.label;
  }

  /** A tile as it lies in the archive; null if there is none. @throws TilerError `ARCHIVE_INVALID`, and those of the source */
  async tile(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null> {
    const entry = await this.find(tileIdFromTile(tile), options);
    if (entry === null) return null;
    return await this.content(entry, options);
  }

  /** The content of an entry. @throws TilerError `ARCHIVE_INVALID`, and those of the source */
  async content({ offset, length }: Pick<Entry, 'offset' | 'length'>, options: StoreCallOptions): Promise<Uint8Array> {
    return await this.read({ offset, length }, this.header.tiles, 'a tile', MAX_TILE_BYTES, options);
  }

  /** @throws TilerError `ARCHIVE_INVALID`, and those of the source */
  async metadata(options: StoreCallOptions): Promise<ReadMetadata> {
    const { metadata, internalCompression } = this.header;
    if (metadata.length === 0) return {};
    const whole = { offset: 0, length: metadata.length };
    const bytes = await this.read(whole, metadata, 'the metadata', MAX_SECTION_BYTES, options);
    return parseMetadata(decompress(bytes, internalCompression, `the metadata of ${this.label}`), this.label);
  }

  /** The entries of the root directory, leaves among them. */
  get rootEntries(): EntryTable {
    return this.root;
  }

  /** A leaf directory. @throws TilerError `ARCHIVE_INVALID`, and those of the source */
  async leaf(entry: Pick<Entry, 'offset' | 'length'>, options: StoreCallOptions): Promise<EntryTable> {
    const what = `the leaf directory at ${entry.offset}`;
    const bytes = await this.read(entry, this.header.leaves, what, MAX_SECTION_BYTES, options);
    return this.parseLeaf(bytes, entry.offset);
  }

  /**
   * All entries that stand for tiles, in tables by ascending tile ID. Leaves that lie one behind the other are read together.
   *
   * @throws TilerError `ARCHIVE_INVALID`, and those of the source
   */
  async *tables(options: StoreCallOptions): AsyncGenerator<EntryTable, void, undefined> {
    yield* this.tablesOf(this.root, 1, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.source[Symbol.asyncDispose]();
  }

  private async *tablesOf(
    table: EntryTable,
    depth: number,
    options: StoreCallOptions,
  ): AsyncGenerator<EntryTable, void, undefined> {
    for (let from = 0, to = 0; from < table.count; from = to) {
      if (table.runLengths[from]! > 0) {
        while (to < table.count && table.runLengths[to]! > 0) to++;
        yield partOf(table, from, to);
        continue;
      }
      if (depth === MAX_DEPTH) throw this.tooDeep();
      const start = table.offsets[from]!;
      let end = start;
      while (
        to < table.count &&
        table.runLengths[to] === 0 &&
        table.offsets[to] === end &&
        end - start < LEAVES_BYTES
      ) {
        end += table.lengths[to]!;
        to++;
      }
      const what = `the leaf directories at ${start}`;
      const bytes = await this.read(
        { offset: start, length: end - start },
        this.header.leaves,
        what,
        MAX_READ,
        options,
      );
      for (let leaf = from; leaf < to; leaf++) {
        const at = table.offsets[leaf]! - start;
        const packed = bytes.subarray(at, at + table.lengths[leaf]!);
        yield* this.tablesOf(this.parseLeaf(packed, table.offsets[leaf]!), depth + 1, options);
      }
    }
  }

  private tooDeep(): TilerError {
    return new TilerError(
      'ARCHIVE_INVALID',
      `Reading the directories of ${this.label}: found leaf directories ${MAX_DEPTH} deep, expected fewer`,
    );
  }

  private parseLeaf(bytes: Uint8Array, offset: number): EntryTable {
    const what = `the leaf directory at ${offset} of ${this.label}`;
    return parseDirectory(decompress(bytes, this.header.internalCompression, what), what);
  }

  private async find(tileId: number, options: StoreCallOptions): Promise<Entry | null> {
    let table = this.root;
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      const entry = findEntry(table, tileId);
      if (entry === null || entry.runLength > 0) return entry;
      table = await this.keptLeaf(entry, options);
    }
    throw this.tooDeep();
  }

  private async keptLeaf(entry: Entry, options: StoreCallOptions): Promise<EntryTable> {
    const known = this.leaves.get(entry.offset);
    // Last in the map = most recently used.
    this.leaves.delete(entry.offset);
    const leaf = known ?? this.leaf(entry, options);
    this.leaves.set(entry.offset, leaf);
    const [oldest] = this.leaves.keys();
    if (this.leaves.size > MAX_LEAVES && oldest !== undefined) this.leaves.delete(oldest);
    return await leaf.catch((error: unknown) => {
      // What failed once is asked for again.
      if (this.leaves.get(entry.offset) === leaf) this.leaves.delete(entry.offset);
      throw error;
    });
  }

  private async read(
    part: Section,
    within: Section,
    what: string,
    maxBytes: number,
    options: StoreCallOptions,
  ): Promise<Uint8Array> {
    if (part.offset + part.length > within.length || part.length > maxBytes) {
      throw new TilerError(
        'ARCHIVE_INVALID',
        `Reading ${what} of ${this.label}: found ${part.length} bytes at ${part.offset} of a section of ${within.length}; ` +
          `expected it to lie within, and at most ${maxBytes} bytes`,
      );
    }
    const bytes = await this.source.read(within.offset + part.offset, part.length, options);
    if (bytes.length === part.length) return bytes;
    throw new TilerError(
      'ARCHIVE_INVALID',
      `Reading ${what} of ${this.label}: found ${bytes.length} of ${part.length} bytes; the file is cut off`,
    );
  }
}

/** Entries `from` to `to - 1` of a table: views. */
function partOf(table: EntryTable, from: number, to: number): EntryTable {
  return {
    count: to - from,
    tileIds: table.tileIds.subarray(from, to),
    offsets: table.offsets.subarray(from, to),
    lengths: table.lengths.subarray(from, to),
    runLengths: table.runLengths.subarray(from, to),
  };
}
