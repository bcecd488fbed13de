import { TilerError } from '../../errors.ts';

/** Bytes of a header. */
export const HEADER_BYTES = 127;

/** Header and root directory lie within the first bytes of an archive, which readers ask for first. */
export const FIRST_READ_BYTES = 16_384;

/** Most bytes that a compressed root directory may have. */
export const MAX_ROOT_BYTES = FIRST_READ_BYTES - HEADER_BYTES;

/** How a section or the tiles are compressed, by the number in the header. */
const COMPRESSIONS = ['unknown', 'none', 'gzip', 'brotli', 'zstd'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** What the tiles are, by the number in the header. */
export const TILE_TYPES = ['unknown', 'mvt', 'png', 'jpeg', 'webp', 'avif', 'mlt'] as const;
export type TileType = (typeof TILE_TYPES)[number];

/** A part of the file: offset from its beginning and length, in bytes. */
export interface Section {
  readonly offset: number;
  readonly length: number;
}

/** What the first 127 bytes of an archive say. Counts of 0 = not known. Degrees are WGS 84, in steps of 1e-7. */
export interface PmtilesHeader {
  readonly root: Section;
  readonly metadata: Section;
  readonly leaves: Section;
  readonly tiles: Section;
  /** Tiles that can be asked for. */
  readonly addressedTiles: number;
  /** Entries of all directories that stand for tiles. */
  readonly tileEntries: number;
  /** Different places in the tile data. */
  readonly tileContents: number;
  /** The tile data is in the order of the tile IDs. */
  readonly clustered: boolean;
  readonly internalCompression: Compression;
  readonly tileCompression: Compression;
  readonly tileType: TileType;
  readonly minzoom: number;
  readonly maxzoom: number;
  /** `[west, south, east, north]`, degrees, west <= east. */
  readonly bbox: readonly [number, number, number, number];
  /** `[longitude, latitude, zoom]`. */
  readonly center: readonly [number, number, number];
}

const MAGIC = 'PMTiles';
const VERSION = 3;
const SECTIONS = ['root', 'metadata', 'leaves', 'tiles'] as const;
const COUNTS = ['addressedTiles', 'tileEntries', 'tileContents'] as const;

/**
 * Writes a header, little-endian.
 *
 * @see PMTiles version 3 specification, section 3
 */
export function headerToBytes(header: PmtilesHeader): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  bytes[7] = VERSION;
  let at = 8;
  for (const name of SECTIONS) {
    view.setBigUint64(at, BigInt(header[name].offset), true);
    view.setBigUint64(at + 8, BigInt(header[name].length), true);
    at += 16;
  }
  for (const name of COUNTS) {
    view.setBigUint64(at, BigInt(header[name]), true);
    at += 8;
  }
  bytes[96] = header.clustered ? 1 : 0;
  bytes[97] = COMPRESSIONS.indexOf(header.internalCompression);
  bytes[98] = COMPRESSIONS.indexOf(header.tileCompression);
  bytes[99] = TILE_TYPES.indexOf(header.tileType);
  bytes[100] = header.minzoom;
  bytes[101] = header.maxzoom;
  for (const [index, degrees] of header.bbox.entries()) view.setInt32(102 + 4 * index, toE7(degrees), true);
  bytes[118] = header.center[2];
  view.setInt32(119, toE7(header.center[0]), true);
  view.setInt32(123, toE7(header.center[1]), true);
  return bytes;
}

/**
 * Reads a header. What its numbers mean for the rest of the file is not looked at.
 *
 * @param label - the archive, for messages
 * @throws TilerError `ARCHIVE_INVALID` for what is no header of version 3, or holds a number beyond 2^53
 */
export function parseHeader(bytes: Uint8Array, label: string): PmtilesHeader {
  const invalid = (found: string, expected: string): TilerError =>
    new TilerError('ARCHIVE_INVALID', `Reading the header of ${label}: found ${found}, expected ${expected}`);
  if (bytes.length < HEADER_BYTES) throw invalid(`${bytes.length} bytes`, `at least ${HEADER_BYTES}`);
  const magic = new TextDecoder('latin1').decode(bytes.subarray(0, 7));
  if (magic !== MAGIC) throw invalid(JSON.stringify(magic), `'${MAGIC}' at its beginning`);
  if (bytes[7] !== VERSION) throw invalid(`version ${bytes[7]}`, `version ${VERSION}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const u64 = (at: number): number => {
    const value = view.getBigUint64(at, true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid(`${value} at byte ${at}`, 'a number below 2^53');
    return Number(value);
  };
  const section = (at: number): Section => ({ offset: u64(at), length: u64(at + 8) });
  const name = <T>(names: readonly T[], at: number, what: string): T => {
    const found = names[bytes[at]!];
    if (found === undefined) throw invalid(`${what} ${bytes[at]}`, `one from 0 to ${names.length - 1}`);
    return found;
  };
  const degrees = (at: number): number => view.getInt32(at, true) / 1e7;
  return {
    root: section(8),
    metadata: section(24),
    leaves: section(40),
    tiles: section(56),
    addressedTiles: u64(72),
    tileEntries: u64(80),
    tileContents: u64(88),
    clustered: bytes[96] === 1,
    internalCompression: name(COMPRESSIONS, 97, 'internal compression'),
    tileCompression: name(COMPRESSIONS, 98, 'tile compression'),
    tileType: name(TILE_TYPES, 99, 'tile type'),
    minzoom: bytes[100]!,
    maxzoom: bytes[101]!,
    bbox: [degrees(102), degrees(106), degrees(110), degrees(114)],
    center: [degrees(119), degrees(123), bytes[118]!],
  };
}

/** In double precision: in single, a degree is off by up to 7.6e-6. */
function toE7(degrees: number): number {
  return Math.round(degrees * 1e7);
}
