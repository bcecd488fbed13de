import type { RangeSource } from '../cog/range-source.ts';
import { TilerError } from '../errors.ts';
import { NO_STAGES, timed } from '../observe.ts';
import type { StageMeter } from '../observe.ts';
import { tileFromTileId, tileIdFromTile } from '../tms/tile-id.ts';
import type { Tile } from '../tms/tile.ts';
import type { ObjectPlace, ObjectStore } from './object-store.ts';
import { ArchiveReader } from './pmtiles/archive-reader.ts';
import { ArchiveWriter } from './pmtiles/archive-writer.ts';
import { assembleArchive } from './pmtiles/assemble-archive.ts';
import type { SegmentSource } from './pmtiles/assemble-archive.ts';
import { entryAt } from './pmtiles/entries.ts';
import type { EntryTable } from './pmtiles/entries.ts';
import { TILE_TYPES } from './pmtiles/header.ts';
import { FOOTER_BYTES, indexLengthOf, parseSegment, segmentToBytes } from './pmtiles/segment.ts';
import { checkDocumentName, tileToPath } from './tile-path.ts';
import type { FinishedTiles, MetatileSink, StoreCallOptions, TileStore } from './tile-store.ts';

export interface ArchiveStoreOptions {
  /** Path of the archive in its store; ends in `.pmtiles`. */
  readonly path: string;
  /** File ending of the tiles without the dot, which tells their type. */
  readonly extension: string;
  readonly stages?: StageMeter | undefined;
}

const CONTENT_TYPE = 'application/vnd.pmtiles';
const OCTETS = 'application/octet-stream';

/** What is read of a segment first: nearly every index is within. */
const TAIL_BYTES = 32 * 1024;

/**
 * Tiles in one PMTiles archive. Each metatile leaves a segment, an object of its own beneath `.tilewright/`; when all are
 * there, `assemble` joins them to the archive, which appears whole. Until then readers see the archive of before, or none.
 *
 * Documents lie beside the archive, named after it.
 */
export class ArchiveStore implements TileStore {
  private readonly objects: ObjectStore;
  private readonly options: ArchiveStoreOptions;
  /** Name of the archive without its ending. */
  private readonly name: string;
  private readonly workFolder: string;
  private reader: Promise<ArchiveReader | null> | null = null;

  constructor(objects: ObjectStore, options: ArchiveStoreOptions) {
    this.objects = objects;
    this.options = options;
    this.name = options.path.replace(/\.pmtiles$/i, '');
    this.workFolder = `.tilewright/${options.path}`;
  }

  get label(): string {
    return `${this.objects.label}/${this.options.path}`;
  }

  async get(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null> {
    const reader = await this.open(options);
    return reader === null ? null : await reader.tile(tile, options);
  }

  async *list(options: StoreCallOptions): AsyncIterable<Tile> {
    const reader = await this.open(options);
    if (reader !== null) yield* tilesOf(reader, reader.rootEntries, options);
  }

  openMetatile(index: number): MetatileSink {
    const tiles = new Map<number, Uint8Array>();
    return {
      put: async (tile, bytes) => void (await Promise.resolve(tiles.set(tileIdFromTile(tile), bytes))),
      delete: async (tile) => void (await Promise.resolve(tiles.delete(tileIdFromTile(tile)))),
      commit: async ({ signal }) => {
        const path = `${this.workFolder}/segments/${index}`;
        // A metatile that is done again may have become empty.
        if (tiles.size === 0) {
          await this.objects.delete(path, { signal });
          return;
        }
        const bytes = segmentToBytes([...tiles].map(([tileId, content]) => ({ tileId, bytes: content })));
        const put = (): Promise<void> => this.objects.put(path, bytes, { contentType: OCTETS, signal });
        await timed(this.options.stages ?? NO_STAGES, 'upload', put);
      },
    };
  }

  async assemble(tiles: FinishedTiles, options: StoreCallOptions): Promise<boolean> {
    // Segments are removed after this, and whoever is killed then comes here again.
    const marker = `${this.workFolder}/assembled`;
    if ((await this.objects.get(marker, options)) !== null) return true;
    // An archive holds one tile at least: nothing there is no archive.
    if (tiles.rendered === 0) await this.objects.delete(this.options.path, options);
    else await this.writeArchive(tiles, options);
    await this.objects.put(marker, new Uint8Array(), { ...options, contentType: OCTETS });
    return true;
  }

  async putPart(tile: Tile, bytes: Uint8Array, { signal }: StoreCallOptions): Promise<void> {
    await this.objects.put(this.partPath(tile), bytes, { contentType: OCTETS, signal });
  }

  async getPart(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null> {
    return await this.objects.get(this.partPath(tile), options);
  }

  /** Removes the segments too, and last of all what says that the archive is there. */
  async deleteParts(options: StoreCallOptions): Promise<void> {
    for (const folder of ['/parts', '/segments', '']) await this.objects.deleteAll(this.workFolder + folder, options);
  }

  async putDocument(path: string, text: string, contentType: string, { signal }: StoreCallOptions): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    await this.objects.put(`${this.name}.${checkDocumentName(path)}`, bytes, { contentType, signal });
  }

  async getDocument(path: string, options: StoreCallOptions): Promise<string | null> {
    const bytes = await this.objects.get(`${this.name}.${checkDocumentName(path)}`, options);
    return bytes === null ? null : new TextDecoder().decode(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.closeReader();
    await this.objects[Symbol.asyncDispose]();
  }

  private async writeArchive({ rendered, bbox, metadata }: FinishedTiles, options: StoreCallOptions): Promise<void> {
    const { path, extension } = this.options;
    await using composition = await this.objects.compose(path, { ...options, contentType: CONTENT_TYPE });
    const writer = new ArchiveWriter<ObjectPlace>(composition);
    const tileType = TILE_TYPES.find((type) => type === (extension === 'jpg' ? 'jpeg' : extension)) ?? 'unknown';
    const description = { tileType, bbox, metadata };
    await assembleArchive(this.segments(options), writer, description, { expected: rendered, signal: options.signal });
    await this.closeReader();
  }

  private partPath(tile: Tile): string {
    return `${this.workFolder}/parts/${tileToPath(tile, 'part')}`;
  }

  private segments(options: StoreCallOptions): SegmentSource<ObjectPlace> {
    const folder = `${this.workFolder}/segments`;
    return {
      list: () => this.objects.list(folder, options),
      place: (path, offset) => ({ path, offset }),
      read: async (path) => {
        const label = `${this.objects.label}/${path}`;
        const tail = await this.readTail(path, TAIL_BYTES, label, options);
        const footer = tail.subarray(-FOOTER_BYTES);
        const length = indexLengthOf(footer, label);
        const whole =
          length + FOOTER_BYTES <= tail.length
            ? tail
            : await this.readTail(path, length + FOOTER_BYTES, label, options);
        const end = whole.length - FOOTER_BYTES;
        return parseSegment(whole.subarray(Math.max(0, end - length), end), footer, label);
      },
    };
  }

  private async readTail(path: string, length: number, label: string, options: StoreCallOptions): Promise<Uint8Array> {
    const bytes = await this.objects.read(path, -length, length, options);
    if (bytes !== null) return bytes;
    throw new TilerError('ARCHIVE_INVALID', `Reading the segment ${label}: it is gone`);
  }

  private async open(options: StoreCallOptions): Promise<ArchiveReader | null> {
    this.reader ??= this.openReader(options);
    try {
      return await this.reader;
    } catch (error) {
      this.reader = null;
      throw error;
    }
  }

  private async openReader(options: StoreCallOptions): Promise<ArchiveReader | null> {
    const { path } = this.options;
    if ((await this.objects.read(path, 0, 1, options)) === null) return null;
    const source: RangeSource = {
      label: this.label,
      read: async (offset, length, callOptions) =>
        (await this.objects.read(path, offset, length, callOptions)) ?? new Uint8Array(),
      async [Symbol.asyncDispose]() {},
    };
    return await ArchiveReader.open(source, options);
  }

  private async closeReader(): Promise<void> {
    const reader = await this.reader?.catch(() => null);
    this.reader = null;
    await reader?.[Symbol.asyncDispose]();
  }
}

/** The tiles of a directory and of those below it. */
async function* tilesOf(reader: ArchiveReader, table: EntryTable, options: StoreCallOptions): AsyncGenerator<Tile> {
  for (let index = 0; index < table.count; index++) {
    options.signal.throwIfAborted();
    const entry = entryAt(table, index);
    if (entry.runLength === 0) yield* tilesOf(reader, await reader.leaf(entry, options), options);
    for (let n = 0; n < entry.runLength; n++) yield tileFromTileId(entry.tileId + n);
  }
}
