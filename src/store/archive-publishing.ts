import { TilerError, isAbortError } from '../errors.ts';
import type { ArchivePlaces } from './archive-version.ts';
import type { FinishedTiles, StoreCallOptions } from './tile-store.ts';
import { currentVersion, deleteForgotten, publishVersion, readVersions } from './version-document.ts';
import type { TilesetVersion, VersionsDocument } from './versions.ts';

/** What of an archive's places publishing needs. */
export type PublishingPlaces = Pick<ArchivePlaces, 'objects' | 'path' | 'versionsPath' | 'versionsFolder'>;

/** Where the versions document of a tileset lies. */
type DocumentPlace = Pick<PublishingPlaces, 'objects' | 'versionsPath'>;

/** How often the name of an archive is set again while others publish or roll back. */
const MAX_POINTINGS = 20;

/**
 * Makes and publishes a version of an archive, in steps that can each be done again: the version's objects, the versions
 * document, the name of the archive, and last of all the removal of versions that are kept no longer.
 *
 * @param make - makes the objects of the version; called unless it is published already
 * @throws TilerError `ARCHIVE_INVALID`, `STORE_CONFLICT` if a version as new was published meanwhile, and those of the store
 */
export async function assembleVersion(
  places: PublishingPlaces,
  tiles: FinishedTiles,
  options: StoreCallOptions,
  make: () => Promise<TilesetVersion>,
): Promise<TilesetVersion> {
  const version = await publishOnce(places, tiles, options, make);
  const document = await pointToCurrent(places, options);
  await deleteForgotten(places.objects, places.versionsFolder, document, options);
  return version;
}

/**
 * Gives the current version the name of the archive, where a store knows second names; elsewhere nothing is to have it.
 *
 * @throws TilerError `STORE_CONFLICT` if the current version changes all the time, and those of the store
 */
export async function pointToCurrent(
  { objects, path, versionsPath }: PublishingPlaces,
  options: StoreCallOptions,
): Promise<VersionsDocument> {
  for (let times = 0, pointed: string | null = null; times < MAX_POINTINGS; times++) {
    const document = await readVersions(objects, versionsPath, options);
    if (document === null) break;
    // Unless another process has changed it in between.
    if (document.current === pointed) return document;
    const { archive } = currentVersion(document);
    if (archive !== null && objects.alias !== undefined) await objects.alias(path, archive, options);
    else await objects.delete(path, options);
    pointed = document.current;
  }
  throw new TilerError(
    'STORE_CONFLICT',
    `Pointing ${objects.label}/${path} to its current version: found another one each time, or none`,
  );
}

/** The version that a run has published already; what it staged may be removed since then. */
async function published(
  { objects, versionsPath }: DocumentPlace,
  { generation, requestHash }: FinishedTiles,
  options: StoreCallOptions,
): Promise<TilesetVersion | null> {
  const { versions = [] } = (await readVersions(objects, versionsPath, options)) ?? {};
  return versions.find((one) => one.generation === generation && one.requestHash === requestHash) ?? null;
}

/**
 * Makes and publishes a version unless the run has published it already. Several processes may end one run at once: what one
 * of them removes while another reads it is no fault.
 *
 * @throws TilerError those of `make`, and of `publishVersion`
 */
export async function publishOnce(
  places: DocumentPlace,
  tiles: FinishedTiles,
  options: StoreCallOptions,
  make: () => Promise<TilesetVersion>,
): Promise<TilesetVersion> {
  return (await published(places, tiles, options)) ?? (await makeAndPublish(places, tiles, options, make));
}

async function makeAndPublish(
  places: DocumentPlace,
  tiles: FinishedTiles,
  options: StoreCallOptions,
  make: () => Promise<TilesetVersion>,
): Promise<TilesetVersion> {
  const { objects, versionsPath } = places;
  const { keepVersions } = tiles;
  try {
    const version = await make();
    await publishVersion(objects, versionsPath, version, { ...options, keepVersions });
    return version;
  } catch (error) {
    if (isAbortError(error)) throw error;
    // Another process that ended the same run has published it, and removed what this one was reading.
    const found = await published(places, tiles, options);
    if (found === null) throw error;
    return found;
  }
}
