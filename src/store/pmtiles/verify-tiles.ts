import { isTilerError } from '../../errors.ts';
import { loadSharp } from '../../cog/codec/load-sharp.ts';
import { tileFromTileId } from '../../tms/tile-id.ts';
import type { StoreCallOptions } from '../tile-store.ts';
import type { ProblemList } from './archive-problems.ts';
import type { ArchiveReader } from './archive-reader.ts';
import { entryAt } from './entries.ts';
import type { Entry, EntryTable } from './entries.ts';
import type { TileType } from './header.ts';

export interface VerifyTilesOptions extends StoreCallOptions {
  /** How many contents are decoded, evenly spread; Infinity = all. */
  readonly sample: number;
  /** Side of a tile in pixels, as the metadata say; null = they do not. */
  readonly tileSize: number | null;
}

/** What the tiles turned out to be. */
export interface VerifiedTiles {
  readonly decoded: number;
  /** Side of the tiles in pixels; null = none was decoded. */
  readonly tileSize: number | null;
}

/** Tiles being read and decoded at a time. */
const CONCURRENCY = 4;

/** Pixels of a tile that are decoded at most: 4096 by 4096. */
const MAX_PIXELS = 4_096 ** 2;

/** Decodes contents of an archive and compares them with what it says about them. */
export async function verifyTiles(
  reader: ArchiveReader,
  entries: EntryTable,
  options: VerifyTilesOptions,
  problems: ProblemList,
): Promise<VerifiedTiles> {
  // Vector tiles are not looked into.
  const isOfPictures = !['mvt', 'mlt'].includes(reader.header.tileType);
  const chosen = isOfPictures ? chooseContents(entries, options.sample) : [];
  const sizes = new Map<number, number>();
  const expectedSize = { value: options.tileSize };
  let at = 0;
  const work = async (): Promise<void> => {
    while (at < chosen.length) {
      options.signal.throwIfAborted();
      const entry = chosen[at++]!;
      const size = await verifyTile(reader, entry, options, problems);
      if (size === null) continue;
      sizes.set(size, (sizes.get(size) ?? 0) + 1);
      expectedSize.value ??= size;
      if (size === expectedSize.value) continue;
      problems.add('TILE_SIZE', `${name(entry)}: found ${size} pixels, expected ${expectedSize.value}`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  const [commonest] = [...sizes].sort(([, a], [, b]) => b - a);
  return { decoded: chosen.length, tileSize: commonest?.[0] ?? null };
}

/** Entries of different contents, in the order of the tile data, so that reading goes forward. */
function chooseContents(entries: EntryTable, sample: number): readonly Entry[] {
  const seen = new Set<number>();
  const contents: number[] = [];
  for (let index = 0; index < entries.count; index++) {
    if (seen.has(entries.offsets[index]!)) continue;
    seen.add(entries.offsets[index]!);
    contents.push(index);
  }
  const count = Math.min(contents.length, sample);
  return Array.from({ length: count }, (_, n) => {
    const spread = count === 1 ? 0 : Math.round((n * (contents.length - 1)) / (count - 1));
    return entryAt(entries, contents[spread]!);
  }).sort((a, b) => a.offset - b.offset);
}

/** @returns the side of the tile in pixels; null if it is none */
async function verifyTile(
  reader: ArchiveReader,
  entry: Entry,
  options: StoreCallOptions,
  problems: ProblemList,
): Promise<number | null> {
  let bytes: Uint8Array;
  try {
    bytes = await reader.content(entry, options);
  } catch (error) {
    // A server that is away is no fault of the archive.
    if (!isTilerError(error) || error.code !== 'ARCHIVE_INVALID') throw error;
    // What lies outside its section has been said.
    if (!problems.has('TILE_OUTSIDE')) problems.add('TILE_CORRUPT', error.message);
    return null;
  }
  const found = pictureTypeOf(bytes);
  if (found !== reader.header.tileType) {
    problems.add(
      'TILE_TYPE',
      `${name(entry)}: found ${found ?? 'no picture'}, the header says ${reader.header.tileType}`,
    );
  }
  if (found === null) return null;
  const sharp = await loadSharp();
  try {
    const { info } = await sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'warning' })
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (info.width === info.height) return info.width;
    problems.add('TILE_SIZE', `${name(entry)}: found ${info.width} x ${info.height} pixels, expected a square`);
  } catch (error) {
    problems.add('TILE_CORRUPT', `${name(entry)}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return null;
}

/** The type of a picture by its first bytes; null = none of those that tiles are. */
function pictureTypeOf(bytes: Uint8Array): TileType | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 16)).toString('latin1');
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (text.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'webp';
  if (text.slice(4, 8) === 'ftyp' && /^avi[fs]/.test(text.slice(8))) return 'avif';
  return null;
}

function name({ tileId }: Entry): string {
  const { z, x, y } = tileFromTileId(tileId);
  return `${z}/${x}/${y}`;
}
