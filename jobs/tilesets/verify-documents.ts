import { isTilerError } from '../../src/errors.ts';
import { ProblemList } from '../../src/store/pmtiles/archive-problems.ts';
import type { Problem } from '../../src/store/pmtiles/archive-problems.ts';
import type { StoreCallOptions } from '../../src/store/tile-store.ts';
import type { TilesetVersion } from '../../src/store/versions.ts';
import { allTilesOf } from '../../src/tms/metatile.ts';
import { tileIdFromTile } from '../../src/tms/tile-id.ts';
import type { PlannedMetatile } from '../../src/store/verify/verify-records.ts';
import { readManifest } from '../manifest.ts';
import type { Manifest } from '../manifest.ts';
import { createPlan } from '../plan-jobs.ts';
import { requestHash } from '../request/request-hash.ts';
import { readDocument } from './open-tileset.ts';
import type { OpenTileset } from './open-tileset.ts';
import { readTileJson } from './open-tiles.ts';

/** What the documents of a tileset say of a version. */
export interface VerifiedDocuments {
  readonly problems: readonly Problem[];
  /** Metatiles that were planned, ascending by index; null = nothing says what was planned. */
  readonly plan: Iterable<PlannedMetatile> | null;
}

/**
 * Checks that request, manifest, TileJSON and versions of a tileset agree with each other, and finds out what was planned.
 *
 * @throws TilerError those of the place
 */
export async function verifyDocuments(
  tileset: OpenTileset,
  version: TilesetVersion,
  options: StoreCallOptions,
): Promise<VerifiedDocuments> {
  const problems = new ProblemList();
  const add = (found: string): void => problems.add('DOCUMENTS', found);
  const { request, versions } = tileset;
  const manifest = await readManifestOf(tileset, add, options);
  if (manifest !== null && versions !== null) {
    const made = versions.versions.find(({ id }) => id === manifest.version);
    if (made !== undefined) checkManifest(manifest, made, add);
    else if (manifest.state === 'complete')
      add(`the manifest is of the version ${manifest.version}, which is not kept`);
  }
  if (versions?.current === version.id) await checkTileJson(tileset, version, add, options);
  if (request !== null && requestHash(request) !== version.requestHash) {
    add(`the version ${version.id} was made of another request`);
    return { problems: problems.list(), plan: null };
  }
  const plan = manifest?.made?.find((one) => one.versions.includes(version.id))?.plan ?? null;
  return { problems: problems.list(), plan: plan === null ? null : plannedBy(plan) };
}

async function readManifestOf(
  tileset: OpenTileset,
  add: (found: string) => void,
  options: StoreCallOptions,
): Promise<Manifest | null> {
  const getDocument = (name: string): Promise<string | null> => readDocument(tileset, name, options);
  try {
    const manifest = await readManifest({ label: tileset.label, getDocument }, options);
    if (manifest === null) add('there is no manifest (tilewright.json)');
    return manifest;
  } catch (error) {
    if (!isTilerError(error) || error.code !== 'STORE_CONFLICT') throw error;
    add(error.message);
    return null;
  }
}

/** The manifest of a complete run against the version that the run has made. */
function checkManifest(manifest: Manifest, version: TilesetVersion, add: (found: string) => void): void {
  const { counts } = manifest;
  const stated = [
    ['request hash', manifest.requestHash, version.requestHash],
    ['generation', manifest.generation, version.generation],
    ...(counts === undefined
      ? []
      : ([
          ['metatiles', counts.metatiles, version.records.metatiles],
          ['rendered tiles', counts.rendered, version.tiles],
          ['empty tiles', counts.empty, version.empty],
        ] as const)),
  ] as const;
  if (manifest.state !== 'complete') return;
  for (const [what, said, found] of stated) {
    if (said !== found) add(`${what}: the manifest says ${said}, the version ${version.id} ${found}`);
  }
}

/** The TileJSON against the current version, which it leads to. */
async function checkTileJson(
  tileset: OpenTileset,
  { id, generation, archive }: TilesetVersion,
  add: (found: string) => void,
  options: StoreCallOptions,
): Promise<void> {
  const document = await readTileJson(tileset, options);
  if (document === null) {
    add('there is no TileJSON (tilejson.json), or it is none of this program');
    return;
  }
  const expected = `1.${generation}.0+${id}`;
  if (document.version !== undefined && document.version !== expected) {
    add(`the TileJSON is of the version ${document.version}, expected ${expected}`);
  }
  const [template = ''] = document.tiles;
  if (archive !== null && !template.includes(`${archive}/`)) {
    add(`the TileJSON leads to ${template}, expected ${archive} of the current version`);
  }
}

function* plannedBy(request: Parameters<typeof createPlan>[0]): Generator<PlannedMetatile> {
  for (const work of createPlan(request).works()) {
    yield { index: work.index, tileIds: allTilesOf(work).map(tileIdFromTile) };
  }
}
