import { TilerError } from '../../errors.ts';
import { tileFromTileId } from '../../tms/tile-id.ts';
import { ArchiveIndex } from './archive-index.ts';
import type { ArchiveMetadata } from './archive-metadata.ts';
import { metadataToBytes } from './archive-metadata.ts';
import { ContentTable, MAX_SHARED_BYTES } from './content-table.ts';
import { compress } from './directory.ts';
import { FIRST_READ_BYTES, HEADER_BYTES, headerToBytes } from './header.ts';
import type { PmtilesHeader, TileType } from './header.ts';
import { layOutDirectories } from './lay-out-directories.ts';

/** Where the bytes of an archive go. Tile data come first, one behind the other from byte 16,384 on. */
export interface ArchiveSink<Place> {
  /** Appends bytes to the tile data. They must not change any more. */
  write(bytes: Uint8Array): Promise<void>;
  /** Appends bytes to the tile data that lie somewhere already. */
  copy(place: Place, length: number): Promise<void>;
  /** Closes the archive: its first 16,384 bytes, and what comes behind the tile data. */
  finish(head: Uint8Array, tail: readonly Uint8Array[]): Promise<void>;
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

/**
 * Writes an archive from tiles by ascending tile ID: clustered, small contents shared, and the same bytes for the same
 * tiles and description, whoever made the tiles in which order. Keeps 24 bytes a tile, and 64 MiB of small contents.
 *
 * The file is header and root directory up to byte 16,384, tile data, metadata, leaf directories: all offsets are known
 * when the last tile is, so nothing is written twice.
 *
 * @see PMTiles version 3 specification
 */
export class ArchiveWriter<Place> {
  private readonly sink: ArchiveSink<Place>;
  private readonly index = new ArchiveIndex();
  private readonly contents = new ContentTable();

  constructor(sink: ArchiveSink<Place>) {
    this.sink = sink;
  }

  /** Adds a tile. @throws TilerError `ARCHIVE_INVALID` unless its tile ID is above all before, and those of the sink */
  async add(tileId: number, bytes: Uint8Array): Promise<void> {
    const { content, isNew } = this.contents.place(bytes, () => this.index.addNew(tileId, bytes.length));
    if (isNew) await this.sink.write(bytes);
    else this.index.addSame(tileId, content);
  }

  /**
   * Adds tiles that lie one behind the other in a place, all larger than `MAX_SHARED_BYTES`: smaller ones may be shared.
   *
   * @param lengths - of each, as many as there are tile IDs
   * @throws TilerError `ARCHIVE_INVALID`, and those of the sink
   */
  async addPlaced(tileIds: ArrayLike<number>, lengths: ArrayLike<number>, place: Place): Promise<void> {
    let total = 0;
    for (let at = 0; at < tileIds.length; at++) {
      const [tileId, length] = [tileIds[at] ?? 0, lengths[at] ?? 0];
      if (length <= MAX_SHARED_BYTES) {
        throw new TilerError(
          'ARCHIVE_INVALID',
          `Adding the tile ID ${tileId}: found ${length} bytes in place, expected more than ${MAX_SHARED_BYTES}`,
        );
      }
      this.index.addNew(tileId, length);
      total += length;
    }
    if (total > 0) await this.sink.copy(place, total);
  }

  /** Writes what comes before and behind the tiles. @throws TilerError `ARCHIVE_INVALID` if there is no tile */
  async finish(description: ArchiveDescription): Promise<ArchiveSummary> {
    const { index } = this;
    if (index.addressedTiles === 0) {
      throw new TilerError('ARCHIVE_INVALID', 'Finishing an archive: found no tile, expected one at least');
    }
    const { root, leaves, leafBytes } = layOutDirectories(index.entries);
    const metadata = compress(metadataToBytes(description.metadata));
    const dataEnd = FIRST_READ_BYTES + index.dataBytes;
    const header: PmtilesHeader = {
      root: { offset: HEADER_BYTES, length: root.length },
      tiles: { offset: FIRST_READ_BYTES, length: index.dataBytes },
      metadata: { offset: dataEnd, length: metadata.length },
      // Where there are none, their offset must be a place in the file all the same.
      leaves: { offset: dataEnd + metadata.length, length: leafBytes },
      addressedTiles: index.addressedTiles,
      tileEntries: index.entries.count,
      tileContents: index.tileContents,
      clustered: true,
      internalCompression: 'gzip',
      tileCompression: 'none',
      tileType: description.tileType,
      ...zoomsOf(index),
      ...placeOf(description.bbox, zoomsOf(index).minzoom),
    };
    const head = new Uint8Array(FIRST_READ_BYTES);
    head.set(headerToBytes(header));
    head.set(root, HEADER_BYTES);
    await this.sink.finish(head, [metadata, ...leaves]);
    return { header, bytes: dataEnd + metadata.length + leafBytes };
  }
}

/** Of the tiles that are there. */
function zoomsOf({ entries }: ArchiveIndex): Pick<PmtilesHeader, 'minzoom' | 'maxzoom'> {
  const last = entries.count - 1;
  const lastId = entries.tileIds[last]! + entries.runLengths[last]! - 1;
  return { minzoom: tileFromTileId(entries.tileIds[0]!).z, maxzoom: tileFromTileId(lastId).z };
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
