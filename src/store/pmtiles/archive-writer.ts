import { digestOf } from '../../digest.ts';
import { TilerError } from '../../errors.ts';
import { tileFromTileId } from '../../tms/tile-id.ts';
import { RUNS_ALONE, compress } from '../gzip.ts';
import type { ObjectPlace } from '../object-store.ts';
import { ArchiveIndex } from './archive-index.ts';
import type { ArchiveMetadata } from './archive-metadata.ts';
import { metadataToBytes } from './archive-metadata.ts';
import { ContentTable, MAX_SHARED_BYTES } from './content-table.ts';
import { FIRST_READ_BYTES, HEADER_BYTES, headerToBytes } from './header.ts';
import type { PmtilesHeader, TileType } from './header.ts';
import { layOutDirectories } from './lay-out-directories.ts';
import type { PieceList } from './piece-list.ts';
import { Spill } from './spill.ts';

/** Where the bytes of an archive go. Tile data come first, one behind the other from byte 16,384 on. */
export interface ArchiveSink<Place> {
  /** Appends bytes to the tile data. They must not change any more. */
  write(bytes: Uint8Array): Promise<void>;
  /** Appends bytes to the tile data that lie somewhere already. */
  copy(place: Place, length: number): Promise<void>;
  /** Closes the archive: its first 16,384 bytes, and what comes behind the tile data. */
  finish(head: Uint8Array, tail: readonly Uint8Array[]): Promise<unknown>;
}

/** What an archive is, besides its tiles. */
export interface ArchiveDescription {
  readonly tileType: TileType;
  /** Of the area, degrees; across the antimeridian, west > east. */
  readonly bbox: readonly [number, number, number, number];
  readonly metadata: ArchiveMetadata;
}

/** What an archive came to. */
export interface ArchiveSummary {
  readonly header: PmtilesHeader;
  readonly bytes: number;
}

export interface ArchiveWriterOptions {
  /** Where entries and directories go that memory has no room for. Default: there is room. */
  readonly spill?: Spill;
  /** Small contents that are known at a time; see `ContentTable`. */
  readonly maxContents?: number;
}

/** A small content that tiles have. */
export interface SmallContent {
  /** Of its bytes, or another text that stands for this content and for no other. */
  readonly digest: string;
  readonly length: number;
  /** Where its bytes come from if they are not in the archive yet. */
  readonly from: ObjectPlace | (() => Uint8Array);
}

/**
 * Writes an archive from tiles by ascending tile ID: clustered, small contents shared, and the same bytes for the same
 * tiles and description, whoever made the tiles in which order. Keeps 24 bytes a tile, and digests of small contents.
 *
 * The file is header and root directory up to byte 16,384, tile data, metadata, leaf directories: all offsets are known
 * when the last tile is, so nothing is written twice.
 *
 * @see PMTiles version 3 specification
 */
export class ArchiveWriter {
  private readonly sink: ArchiveSink<ObjectPlace>;
  private readonly spill: Spill;
  private readonly index: ArchiveIndex;
  private readonly contents: ContentTable;
  /** What is to be copied next, as long as more may follow it. */
  private pending: { readonly path: string; readonly offset: number; length: number } | null = null;

  constructor(sink: ArchiveSink<ObjectPlace>, options: ArchiveWriterOptions = {}) {
    this.sink = sink;
    this.spill = options.spill ?? new Spill({ memoryBytes: Infinity });
    this.index = new ArchiveIndex(this.spill);
    this.contents = new ContentTable(options.maxContents);
  }

  /** Tiles added so far. */
  get tiles(): number {
    return this.index.addressedTiles;
  }

  /** Adds a tile. @throws TilerError `ARCHIVE_INVALID` unless its tile ID is above all before, and those of the sink */
  async add(tileId: number, bytes: Uint8Array): Promise<void> {
    if (bytes.length <= MAX_SHARED_BYTES) {
      await this.addSmall(tileId, 1, { digest: digestOf(bytes), length: bytes.length, from: () => bytes });
    } else {
      this.index.addNew(tileId, bytes.length);
      await this.write(bytes);
    }
  }

  /**
   * Adds a tile of more than `MAX_SHARED_BYTES` that lies somewhere already. What lies one behind the other is copied
   * together.
   *
   * @returns null if there is nothing to wait for
   * @throws TilerError `ARCHIVE_INVALID`, and those of the sink
   */
  addPlaced(tileId: number, length: number, path: string, offset: number): Promise<void> | null {
    if (length <= MAX_SHARED_BYTES) {
      throw new TilerError(
        'ARCHIVE_INVALID',
        `Adding the tile ID ${tileId}: found ${length} bytes in place, expected more than ${MAX_SHARED_BYTES}`,
      );
    }
    this.index.addNew(tileId, length);
    return this.copy({ path, offset }, length);
  }

  /**
   * Adds tiles one behind the other that all have one small content.
   *
   * @returns null if there is nothing to wait for
   * @throws TilerError `ARCHIVE_INVALID`, and those of the sink
   */
  addSmall(tileId: number, tiles: number, content: SmallContent): Promise<void> | null {
    const known = this.contents.find(content.digest);
    if (known === undefined) return this.addNewSmall(tileId, tiles, content);
    this.index.addSame(tileId, known, tiles);
    return null;
  }

  /** Writes what comes before and behind the tiles. @throws TilerError `ARCHIVE_INVALID` if there is no tile */
  async finish(description: ArchiveDescription): Promise<ArchiveSummary> {
    const { index } = this;
    if (index.addressedTiles === 0) {
      throw new TilerError('ARCHIVE_INVALID', 'Finishing an archive: found no tile, expected one at least');
    }
    await this.flush();
    const { root, leaves } = await layOutDirectories(index.entries, this.spill);
    const metadata = compress(metadataToBytes(description.metadata), RUNS_ALONE);
    const dataEnd = FIRST_READ_BYTES + index.dataBytes;
    const zooms = zoomsOf(index);
    const header: PmtilesHeader = {
      root: { offset: HEADER_BYTES, length: root.length },
      tiles: { offset: FIRST_READ_BYTES, length: index.dataBytes },
      metadata: { offset: dataEnd, length: metadata.length },
      // Where there are none, their offset must be a place in the file all the same.
      leaves: { offset: dataEnd + metadata.length, length: leaves.bytes },
      addressedTiles: index.addressedTiles,
      tileEntries: index.entries.count,
      tileContents: index.tileContents,
      clustered: true,
      internalCompression: 'gzip',
      tileCompression: 'none',
      tileType: description.tileType,
      ...zooms,
      ...placeOf(description.bbox, zooms.minzoom),
    };
    const head = new Uint8Array(FIRST_READ_BYTES);
    head.set(headerToBytes(header));
    head.set(root, HEADER_BYTES);
    await this.finishSink(head, metadata, leaves);
    return { header, bytes: dataEnd + metadata.length + leaves.bytes };
  }

  private async finishSink(head: Uint8Array, metadata: Uint8Array, leaves: PieceList): Promise<void> {
    if (!leaves.isSpilled) {
      await this.sink.finish(head, [metadata, ...leaves]);
      return;
    }
    // There is no room for all of them.
    await this.sink.write(metadata);
    for (const leaf of leaves) await this.sink.write(leaf);
    await this.sink.finish(head, []);
  }

  private async addNewSmall(tileId: number, tiles: number, { digest, length, from }: SmallContent): Promise<void> {
    let isKept = false;
    for (let n = 0; n < tiles && !isKept; n++) {
      const offset = this.index.addNew(tileId + n, length);
      isKept = this.contents.keep(digest, { offset, length });
      if (isKept && n + 1 < tiles) this.index.addSame(tileId + n + 1, { offset, length }, tiles - n - 1);
      if (typeof from === 'function') await this.write(from());
      else await this.copy(from, length);
    }
  }

  private async write(bytes: Uint8Array): Promise<void> {
    await this.flush();
    await this.sink.write(bytes);
  }

  private copy({ path, offset }: ObjectPlace, length: number): Promise<void> | null {
    const { pending } = this;
    if (pending !== null && pending.path === path && pending.offset + pending.length === offset) {
      pending.length += length;
      return null;
    }
    const flushed = this.flush();
    this.pending = { path, offset, length };
    return flushed;
  }

  private flush(): Promise<void> | null {
    if (this.pending === null) return null;
    const { path, offset, length } = this.pending;
    this.pending = null;
    return this.sink.copy({ path, offset }, length);
  }
}

/** Of the tiles that are there. */
function zoomsOf({ ends: [firstId, lastId] }: ArchiveIndex): Pick<PmtilesHeader, 'minzoom' | 'maxzoom'> {
  return { minzoom: tileFromTileId(firstId).z, maxzoom: tileFromTileId(lastId).z };
}

/** An area across the antimeridian gets bounds around the whole world, and its own middle as the centre. */
function placeOf(
  [west, south, east, north]: ArchiveDescription['bbox'],
  zoom: number,
): Pick<PmtilesHeader, 'bbox' | 'center'> {
  const crosses = west > east;
  const middle = crosses ? (west + east + 360) / 2 : (west + east) / 2;
  return {
    bbox: crosses ? [-180, south, 180, north] : [west, south, east, north],
    center: [middle > 180 ? middle - 360 : middle, (south + north) / 2, zoom],
  };
}
