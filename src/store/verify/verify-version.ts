import { ProblemList } from '../pmtiles/archive-problems.ts';
import type { Problem } from '../pmtiles/archive-problems.ts';
import { FIRST_READ_BYTES } from '../pmtiles/header.ts';
import { verifyArchive } from '../pmtiles/verify-archive.ts';
import type { VerifyReport } from '../pmtiles/verify-archive.ts';
import type { StoreCallOptions } from '../tile-store.ts';
import type { TilesetVersion, VersionsDocument } from '../versions.ts';
import { RecordedTilesChecker, comparePresence } from './check-recorded-tiles.ts';
import { objectSource } from './object-source.ts';
import type { ReadableObjects, TilesetTiles } from './tileset-tiles.ts';
import { presentTiles, verifyCoverage } from './verify-coverage.ts';
import type { VerifiedCoverage } from './verify-coverage.ts';
import { lengthBeyond, verifyRecords } from './verify-records.ts';
import type { PlannedMetatile } from './verify-records.ts';

export interface VerifyVersionOptions extends StoreCallOptions {
  /** Tiles that are decoded, and tiles whose bytes are compared with their records; Infinity = all. */
  readonly sample: number;
  /** Opens the tiles of the version; not called for an archive that is not there, or that cannot be walked through. */
  readonly openTiles: () => Promise<TilesetTiles | null>;
  /** Metatiles that were planned, ascending by index; null = not known. */
  readonly plan: Iterable<PlannedMetatile> | null;
  /** Tiles that are decoded for holes and seams; null = they are not looked for. */
  readonly coverageSample: number | null;
}

/** What a version of a tileset turned out to be. */
export interface VersionReport {
  readonly version: string;
  readonly problems: readonly Problem[];
  readonly metatiles: number;
  readonly tiles: number;
  readonly empty: number;
  /** Tiles whose bytes were compared with their records. */
  readonly compared: number;
  /** False if it is not known what was planned: then the records count. */
  readonly isPlanned: boolean;
  /** Of its archive by itself; null = it has none. */
  readonly archive: Omit<VerifyReport, 'problems'> | null;
  readonly coverage: VerifiedCoverage | null;
}

/**
 * Proves that every planned tile of a version is there and whole, or recorded as empty and not there, and that nothing else
 * lies there: records by their Merkle root, tiles by their addresses, lengths and digests, the archive by itself.
 *
 * @throws TilerError those of the store; a fault of the tileset is a problem in the report, never an error
 */
export async function verifyVersion(
  objects: ReadableObjects,
  version: TilesetVersion,
  options: VerifyVersionOptions,
): Promise<VersionReport> {
  const problems = new ProblemList();
  const { signal, sample } = options;
  const archive = await checkArchive(objects, version, problems, { sample, signal });
  await using tileset = canBeWalked(problems) ? await options.openTiles() : null;
  const checker =
    tileset === null ? null : new RecordedTilesChecker(tileset, problems, { sample, total: version.tiles, signal });
  const records = await verifyRecords(objects, version, problems, {
    plan: options.plan,
    signal,
    onRecord: async (record) => await checker?.check(record),
  });
  let coverage: VerifiedCoverage | null = null;
  if (tileset !== null) {
    comparePresence(await presentTiles(tileset, { signal }), records, problems);
    if (options.coverageSample !== null) {
      const planned = records.isWhole ? records.recorded : null;
      coverage = await verifyCoverage(tileset, problems, { sample: options.coverageSample, planned, signal });
    }
  }
  return {
    version: version.id,
    problems: problems.list(),
    metatiles: records.metatiles,
    tiles: records.tiles.size,
    empty: records.empty.size,
    compared: checker?.compared ?? 0,
    isPlanned: options.plan !== null,
    archive,
    coverage,
  };
}

/** The archive of a version by itself, if it has one. */
async function checkArchive(
  objects: ReadableObjects,
  version: TilesetVersion,
  problems: ProblemList,
  options: { readonly sample: number } & StoreCallOptions,
): Promise<Omit<VerifyReport, 'problems'> | null> {
  if (version.archive === null || !(await checkArchiveLength(objects, version, problems, options))) return null;
  if (!/\.pmtiles$/i.test(version.archive)) return null;
  const { problems: found, ...report } = await verifyArchive(objectSource(objects, version.archive), options);
  problems.addAll(found);
  return report;
}

/** @returns false if the archive of a version is not there */
async function checkArchiveLength(
  objects: ReadableObjects,
  { id, archive, bytes }: TilesetVersion,
  problems: ProblemList,
  options: StoreCallOptions,
): Promise<boolean> {
  if (archive === null) return false;
  const found = await lengthBeyond(objects, archive, bytes, options);
  if (found === 'nothing') problems.add('ARCHIVE_MISSING', `${archive} of the version ${id} is not there`);
  else if (found !== null)
    problems.add('ARCHIVE_LENGTH', `${archive}: found ${found} than the ${bytes} bytes of the version ${id}`);
  return found !== 'nothing';
}

/** With these, walking through an archive ends in an error. */
const BREAKS_WALK = [
  'ARCHIVE_MISSING',
  'HEADER',
  'DIRECTORY',
  'LEAF_OUTSIDE',
  'LEAF_START',
  'LEAVES_OVERLAP',
  'LEAF_DEPTH',
  'TILE_ID_ORDER',
  'TILE_ID_RANGE',
  'RUN_OVERLAP',
] as const;

function canBeWalked(problems: ProblemList): boolean {
  return !BREAKS_WALK.some((code) => problems.has(code));
}

/**
 * Checks what is kept beside the version that counts: that the others are there as long as they were, to roll back to, and
 * that the archive under the name of the tileset, if there is one, is that of the current version.
 *
 * @param pointer - path of the tileset in its store
 * @throws TilerError those of the store
 */
export async function verifyVersions(
  objects: ReadableObjects,
  { current, versions }: VersionsDocument,
  { pointer, signal }: { readonly pointer: string | null; readonly signal: AbortSignal },
): Promise<readonly Problem[]> {
  const problems = new ProblemList();
  for (const version of versions) {
    if (version.id !== `${version.generation}-${version.records.root.slice(0, 8)}`) {
      problems.add(
        'VERSIONS',
        `the version ${version.id} has the generation ${version.generation}, the root ${version.records.root}`,
      );
    }
    if (version.id === current) continue;
    await checkArchiveLength(objects, version, problems, { signal });
    const found = await lengthBeyond(objects, version.records.path, version.records.bytes, { signal });
    if (found !== null)
      problems.add('RECORDS', `${version.records.path} of the version ${version.id}: found ${found} bytes`);
  }
  const counts = versions.find(({ id }) => id === current);
  if (pointer !== null && counts !== undefined && counts.archive !== null) {
    const found = await pointerProblem(objects, pointer, counts, signal);
    if (found !== null) problems.add('POINTER', `${pointer}: ${found}`);
  }
  return problems.list();
}

/** Header, root directory, metadata and leaves differ between archives of different tiles: the first and last bytes tell. */
async function pointerProblem(
  objects: ReadableObjects,
  pointer: string,
  { id, archive, bytes }: TilesetVersion,
  signal: AbortSignal,
): Promise<string | null> {
  const head = await objects.read(pointer, 0, FIRST_READ_BYTES, { signal });
  // There is none in S3.
  if (head === null || archive === null) return null;
  const length = await lengthBeyond(objects, pointer, bytes, { signal });
  if (length !== null) return `found ${length} bytes than the version ${id}, which is the current one`;
  for (const offset of [0, Math.max(0, bytes - FIRST_READ_BYTES)]) {
    const [one, other] = await Promise.all(
      [pointer, archive].map((path) => objects.read(path, offset, FIRST_READ_BYTES, { signal })),
    );
    if (one === null || other === null || one === undefined || other === undefined) return null;
    if (Buffer.compare(one, other) !== 0) return `found other bytes than those of the version ${id}, the current one`;
  }
  return null;
}
