import { createHash, randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import type { RangeSource } from '../../src/cog/range-source.ts';
import { TilerError } from '../../src/errors.ts';
import { WORLD_BBOX } from '../../src/geo/bbox.ts';
import type { Bbox } from '../../src/geo/bbox.ts';
import { ArchiveReader } from '../../src/store/pmtiles/archive-reader.ts';
import { decompress } from '../../src/store/pmtiles/directory.ts';
import { entryAt } from '../../src/store/pmtiles/entries.ts';
import { HEADER_BYTES } from '../../src/store/pmtiles/header.ts';
import type { PmtilesHeader } from '../../src/store/pmtiles/header.ts';
import type { StoreCallOptions } from '../../src/store/tile-store.ts';
import type { Tile } from '../../src/tms/tile.ts';
import { lookAtPicture } from './picture.ts';
import { PICTURE_TYPES } from './tileset-view.ts';
import type { ServedArchive, TilesetView } from './tileset-view.ts';

/** A PMTiles archive of pictures that is open. */
export interface OpenArchive extends ServedArchive, AsyncDisposable {
  readonly tileset: Omit<TilesetView, 'version' | 'archive' | 'tile'>;
  /** What its source says that it is. */
  readonly sourceVersion: string | null;
  /** Its first bytes. */
  readonly head: Uint8Array;
  tile(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null>;
}

/** Leaf directories between the root and a tile; more is a loop. */
const MAX_DEPTH = 4;

/**
 * Opens an archive, of any make, to be served. Closing it leaves what is being read to be read to its end.
 *
 * @param versionId - names its bytes; null = whatever its source says of it
 * @throws TilerError `REQUEST_INVALID` for one of vector tiles, `ARCHIVE_INVALID`, and those of the source
 */
export async function openServedArchive(
  source: RangeSource,
  versionId: string | null,
  options: StoreCallOptions,
): Promise<OpenArchive> {
  try {
    const head = await source.read(0, HEADER_BYTES, options);
    const reader = await ArchiveReader.open(source, options);
    const { tileCompression } = reader.header;
    const sizeBytes = await findSize(source, endOf(reader.header), options);
    const sourceVersion = source.version();
    return {
      tileset: await describeArchive(reader, options),
      sourceVersion,
      head,
      sizeBytes,
      etag: `"${versionId ?? hashOf(sourceVersion ?? randomUUID())}"`,
      read: (offset, length, callOptions) => source.read(offset, length, callOptions),
      async tile(tile, callOptions) {
        const bytes = await reader.tile(tile, callOptions);
        const isPlain = bytes === null || tileCompression === 'none' || tileCompression === 'unknown';
        return isPlain ? bytes : decompress(bytes, tileCompression, `a tile of ${source.label}`);
      },
      [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
    };
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw error;
  }
}

async function describeArchive(reader: ArchiveReader, options: StoreCallOptions): Promise<OpenArchive['tileset']> {
  const { header, label } = reader;
  const { tileType, minzoom, maxzoom } = header;
  const metadata = await reader.metadata(options);
  const isKnown = tileType !== 'unknown' && metadata.tileSize !== undefined;
  const picture = tileType === 'mvt' || tileType === 'mlt' || isKnown ? null : await firstPicture(reader, options);
  const extension = tileType === 'jpeg' ? 'jpg' : tileType === 'unknown' ? picture?.extension : tileType;
  const contentType = PICTURE_TYPES[extension ?? ''];
  if (extension === undefined || contentType === undefined) {
    const found = extension === undefined ? 'tiles that are no pictures' : `vector tiles (${extension})`;
    throw new TilerError('REQUEST_INVALID', `Previewing ${label}: found ${found}, expected png, jpeg, webp or avif`);
  }
  const { name = basename(label).replace(/\.pmtiles$/i, ''), description, attribution } = metadata;
  const tileSize = metadata.tileSize ?? picture?.tileSize ?? 256;
  const bbox = bboxOf(header);
  return { name, description, attribution, minzoom, maxzoom, bbox, extension, contentType, tileSize };
}

/** Null if the first tile is none. */
async function firstPicture(
  reader: ArchiveReader,
  options: StoreCallOptions,
): Promise<Awaited<ReturnType<typeof lookAtPicture>>> {
  let table = reader.rootEntries;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const entry = entryAt(table, 0);
    if (entry.runLength > 0) {
      const bytes = await reader.content(entry, options);
      const { tileCompression } = reader.header;
      const isPlain = tileCompression === 'none' || tileCompression === 'unknown';
      return await lookAtPicture(isPlain ? bytes : decompress(bytes, tileCompression, `a tile of ${reader.label}`));
    }
    table = await reader.leaf(entry, options);
  }
  return null;
}

/** There are archives that state no area. */
function bboxOf({ bbox }: PmtilesHeader): Bbox {
  const [west, south, east, north] = bbox;
  return west < east && south < north ? bbox : WORLD_BBOX;
}

function endOf({ root, metadata, leaves, tiles }: PmtilesHeader): number {
  return Math.max(...[root, metadata, leaves, tiles].map(({ offset, length }) => offset + length));
}

/** The size of a file, by reading bytes near where it is thought to end: one read, and some more if it is not so. */
async function findSize(source: RangeSource, expected: number, options: StoreCallOptions): Promise<number> {
  const around = await source.read(expected - 1, 2, options);
  if (around.length === 1) return expected;
  // It is at least `from` bytes long, and less than `to`.
  let from = around.length === 2 ? expected + 1 : HEADER_BYTES;
  let to = around.length === 2 ? Infinity : expected;
  while (to - from > 1) {
    const middle = to === Infinity ? from * 2 : Math.floor((from + to) / 2);
    const isThere = (await source.read(middle - 1, 1, options)).length === 1;
    if (isThere) from = middle;
    else to = middle;
  }
  return from;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 27);
}
