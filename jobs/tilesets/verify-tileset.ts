import { isTilerError } from '../../src/errors.ts';
import { ProblemList } from '../../src/store/pmtiles/archive-problems.ts';
import type { Problem } from '../../src/store/pmtiles/archive-problems.ts';
import { verifyArchive } from '../../src/store/pmtiles/verify-archive.ts';
import type { VerifyReport } from '../../src/store/pmtiles/verify-archive.ts';
import type { StoreCallOptions } from '../../src/store/tile-store.ts';
import { objectSource } from '../../src/store/verify/object-source.ts';
import { verifyCoverage } from '../../src/store/verify/verify-coverage.ts';
import type { VerifiedCoverage } from '../../src/store/verify/verify-coverage.ts';
import { verifyVersion, verifyVersions } from '../../src/store/verify/verify-version.ts';
import type { VersionReport } from '../../src/store/verify/verify-version.ts';
import type { OpenTileset } from './open-tileset.ts';
import { openTiles } from './open-tiles.ts';
import { verifyDocuments } from './verify-documents.ts';

export interface VerifyTilesetOptions extends StoreCallOptions {
  /** Tiles that are decoded, and compared with their records; Infinity = all. */
  readonly sample: number;
  /** Tiles that are decoded for holes and seams; null = they are not looked for. */
  readonly coverageSample: number | null;
}

/** What a tileset turned out to be; each part null where there is nothing of the kind, or it was not asked for. */
export interface TilesetReport {
  readonly problems: readonly Problem[];
  /** Of a version by its records. */
  readonly records: Omit<VersionReport, 'problems' | 'archive' | 'coverage'> | null;
  /** Of a PMTiles archive by itself. */
  readonly archive: Omit<VerifyReport, 'problems'> | null;
  /** Of the tiles beside each other. */
  readonly coverage: VerifiedCoverage | null;
}

/**
 * Checks a tileset as far as what is beside it allows: a version against its records, its plan and the documents; without
 * records an archive by itself; and the tiles of anything for holes and seams.
 *
 * @throws TilerError `REQUEST_INVALID` if there is nothing to check, and those of the place
 */
export async function verifyTileset(tileset: OpenTileset, options: VerifyTilesetOptions): Promise<TilesetReport> {
  if (tileset.damage !== null) return await verifyDamaged(tileset, tileset.damage, options);
  return tileset.version === null
    ? await verifyForeign(tileset, options)
    : await verifyOurs(tileset, tileset.version, options);
}

/** Which version counts cannot be told: what has the name of the tileset is checked by itself, if it is there. */
async function verifyDamaged(
  tileset: OpenTileset,
  damage: string,
  options: VerifyTilesetOptions,
): Promise<TilesetReport> {
  const { objects, archive } = tileset;
  const problems = new ProblemList();
  problems.add('VERSIONS', damage);
  // In S3 an archive of ours has no object of its name.
  const isThere = archive === null || (await objects.read(archive, 0, 1, options)) !== null;
  if (!isThere) return { problems: problems.list(), records: null, archive: null, coverage: null };
  const report = await verifyForeign(tileset, options);
  problems.addAll(report.problems);
  return { ...report, problems: problems.list() };
}

async function verifyOurs(
  tileset: OpenTileset,
  version: NonNullable<OpenTileset['version']>,
  options: VerifyTilesetOptions,
): Promise<TilesetReport> {
  const { objects, versions, archive: pointer, kind } = tileset;
  const { signal } = options;
  const problems = new ProblemList();
  if (versions !== null) problems.addAll(await verifyVersions(objects, versions, { pointer, signal }));
  const { plan, problems: inDocuments } = await verifyDocuments(tileset, version, { signal });
  problems.addAll(inDocuments);
  const openTilesOrNull = async (): ReturnType<typeof openTiles> => {
    try {
      return await openTiles(tileset, { signal });
    } catch (error) {
      if (!isTilerError(error) || error.code !== 'ARCHIVE_INVALID') throw error;
      if (kind !== 'pmtiles') problems.add('HEADER', error.message);
      return null;
    }
  };
  const report = await verifyVersion(objects, version, { ...options, plan, openTiles: openTilesOrNull });
  const { problems: found, archive, coverage, ...records } = report;
  problems.addAll(found);
  return { problems: problems.list(), records, archive, coverage };
}

async function verifyForeign(tileset: OpenTileset, options: VerifyTilesetOptions): Promise<TilesetReport> {
  const { kind, objects, archive } = tileset;
  const { sample, coverageSample, signal } = options;
  const problems = new ProblemList();
  let report: Omit<VerifyReport, 'problems'> | null = null;
  if (kind === 'pmtiles' && archive !== null) {
    const { problems: found, ...rest } = await verifyArchive(objectSource(objects, archive), { sample, signal });
    problems.addAll(found);
    report = rest;
  }
  let coverage: VerifiedCoverage | null = null;
  // Nothing else is known of a folder or of MBTiles than how its tiles go together.
  const isAsked = coverageSample !== null || kind !== 'pmtiles';
  if (isAsked && !problems.list().some(({ severity }) => severity === 'error')) {
    await using tiles = await openTiles(tileset, { signal });
    if (tiles !== null) {
      coverage = await verifyCoverage(tiles, problems, { sample: coverageSample ?? sample, planned: null, signal });
    }
  }
  return { problems: problems.list(), records: null, archive: report, coverage };
}
