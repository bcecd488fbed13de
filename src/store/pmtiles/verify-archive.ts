import type { RangeSource } from '../../cog/range-source.ts';
import { isTilerError } from '../../errors.ts';
import { tileFromTileId } from '../../tms/tile-id.ts';
import { tileBbox } from '../../tms/web-mercator-quad.ts';
import type { StoreCallOptions } from '../tile-store.ts';
import { ProblemList } from './archive-problems.ts';
import type { Problem } from './archive-problems.ts';
import { ArchiveReader } from './archive-reader.ts';
import { entryAt } from './entries.ts';
import type { EntryTable } from './entries.ts';
import type { PmtilesHeader } from './header.ts';
import { EntryChecker } from './verify-entries.ts';
import { verifyHeader } from './verify-header.ts';
import { verifyTiles } from './verify-tiles.ts';

export interface VerifyOptions extends StoreCallOptions {
  /** Tiles that are decoded, evenly spread over the archive; Infinity = all, 0 = none. */
  readonly sample: number;
}

/** What an archive turned out to be. `problems` is empty for one without a fault. */
export interface VerifyReport {
  readonly problems: readonly Problem[];
  /** Null if there is none. */
  readonly header: PmtilesHeader | null;
  readonly leaves: number;
  readonly entries: number;
  readonly decoded: number;
  /** Pixels along the side of a tile; null = not known. */
  readonly tileSize: number | null;
}

/** Leaf directories below leaf directories are read this deep. */
const MAX_DEPTH = 3;

/**
 * Checks any archive, ours or not: header against file, directories, tile IDs, runs, contents, clustering, counts, and as
 * many tiles as asked for by decoding them. A fault of the archive is a problem in the report, never an error.
 *
 * @throws TilerError those of the source, which says nothing about the archive
 */
export async function verifyArchive(source: RangeSource, options: VerifyOptions): Promise<VerifyReport> {
  const problems = new ProblemList();
  const nothing = { leaves: 0, entries: 0, decoded: 0, tileSize: null };
  let reader: ArchiveReader;
  try {
    reader = await ArchiveReader.open(source, options);
  } catch (error) {
    if (!isTilerError(error) || error.code !== 'ARCHIVE_INVALID') throw error;
    problems.add('HEADER', error.message);
    return { problems: problems.list(), header: null, ...nothing };
  }
  const { header } = reader;
  verifyHeader(header, await fileLength(source, header, options), problems);
  const checker = new EntryChecker(header, problems);
  const leaves = await walk(reader, checker, options, problems);
  checker.finish();
  verifyBbox(header, checker.entries, problems);
  const stated = await statedTileSize(reader, options, problems);
  const tiles = await verifyTiles(reader, checker.entries, { ...options, tileSize: stated }, problems);
  return {
    problems: problems.list(),
    header,
    leaves,
    entries: checker.entries.count,
    decoded: tiles.decoded,
    tileSize: tiles.tileSize ?? stated,
  };
}

/** The length of the file if it is what the header says, or 1 byte more or less for one that is longer or shorter. */
async function fileLength(source: RangeSource, header: PmtilesHeader, options: StoreCallOptions): Promise<number> {
  const { root, metadata, leaves, tiles } = header;
  const end = Math.max(...[root, metadata, leaves, tiles].map(({ offset, length }) => offset + length));
  const bytes = await source.read(end - 1, 2, options).catch((error: unknown) => {
    // The answer to a range behind the end of the file.
    if (isTilerError(error) && error.code === 'ASSET_CORRUPT') return new Uint8Array(0);
    throw error;
  });
  return end - 1 + bytes.length;
}

/** Walks through all directories in their order. @returns the number of leaves */
async function walk(
  reader: ArchiveReader,
  checker: EntryChecker,
  options: StoreCallOptions,
  problems: ProblemList,
): Promise<number> {
  let leaves = 0;
  let leafEnd = 0;
  const visit = async (table: EntryTable, depth: number): Promise<void> => {
    for (let index = 0; index < table.count; index++) {
      const entry = entryAt(table, index);
      if (entry.runLength > 0) {
        checker.add(entry);
        continue;
      }
      leaves++;
      if (depth > 0) problems.add('LEAF_DEPTH', `the leaf at ${entry.offset} lies below another leaf`);
      if (depth >= MAX_DEPTH) continue;
      if (entry.offset < leafEnd) {
        problems.add('LEAVES_OVERLAP', `the leaf at ${entry.offset} begins before ${leafEnd}`);
        // Read once only: a small file may point to the same leaf a million times.
        continue;
      }
      leafEnd = Math.max(leafEnd, entry.offset + entry.length);
      const leaf = await readLeaf(reader, entry, options, problems);
      if (leaf === null) continue;
      if (leaf.tileIds[0] !== entry.tileId) {
        problems.add('LEAF_START', `the leaf for tile ID ${entry.tileId} begins with ${leaf.tileIds[0]}`);
      }
      const next = index + 1 < table.count ? table.tileIds[index + 1]! : Infinity;
      if (leaf.tileIds[leaf.count - 1]! >= next) {
        problems.add(
          'LEAF_START',
          `the leaf for tile ID ${entry.tileId} goes on to ${leaf.tileIds[leaf.count - 1]}, beyond ${next}`,
        );
      }
      await visit(leaf, depth + 1);
    }
  };
  await visit(reader.rootEntries, 0);
  return leaves;
}

async function readLeaf(
  reader: ArchiveReader,
  entry: { readonly offset: number; readonly length: number },
  options: StoreCallOptions,
  problems: ProblemList,
): Promise<EntryTable | null> {
  const { leaves } = reader.header;
  if (entry.offset + entry.length > leaves.length) {
    problems.add('LEAF_OUTSIDE', `found ${entry.length} bytes at ${entry.offset} of ${leaves.length}`);
    return null;
  }
  try {
    return await reader.leaf(entry, options);
  } catch (error) {
    if (!isTilerError(error) || error.code !== 'ARCHIVE_INVALID') throw error;
    problems.add('DIRECTORY', error.message);
    return null;
  }
}

async function statedTileSize(
  reader: ArchiveReader,
  options: StoreCallOptions,
  problems: ProblemList,
): Promise<number | null> {
  try {
    return (await reader.metadata(options)).tileSize ?? null;
  } catch (error) {
    if (!isTilerError(error) || error.code !== 'ARCHIVE_INVALID') throw error;
    problems.add('METADATA', error.message);
    return null;
  }
}

/** Tiles that no client asks for, since they lie outside the bounds that it is told. */
function verifyBbox({ bbox }: PmtilesHeader, entries: EntryTable, problems: ProblemList): void {
  const [west, south, east, north] = bbox;
  for (let index = 0; index < entries.count; index++) {
    const tile = tileFromTileId(entries.tileIds[index]!);
    const [w, s, e, n] = tileBbox(tile);
    if (w < east && e > west && s < north && n > south) continue;
    problems.add('TILES_OUTSIDE_BBOX', () => `${tile.z}/${tile.x}/${tile.y} lies outside ${bbox.join(', ')}`);
  }
}
