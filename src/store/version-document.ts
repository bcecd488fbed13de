import { TilerError } from '../errors.ts';
import type { ObjectStore } from './object-store.ts';
import type { StoreCallOptions } from './tile-store.ts';
import type { TilesetVersion, VersionsDocument } from './versions.ts';

/** How often a document is read again that others write at the same time. */
const MAX_TRIES = 50;

/** Reads a versions document; null = none. @throws TilerError `STORE_CONFLICT` for one that is none, and those of the store */
export async function readVersions(
  objects: Pick<ObjectStore, 'label' | 'get'>,
  path: string,
  options: StoreCallOptions,
): Promise<VersionsDocument | null> {
  const bytes = await objects.get(path, options);
  return bytes === null ? null : await parseVersions(bytes, `${objects.label}/${path}`);
}

/**
 * Makes a version the current one and forgets those beyond `keepVersions`. Doing it again changes nothing, and of several
 * that publish at once none is lost.
 *
 * @throws TilerError `STORE_CONFLICT` if a version of the same generation or a later one was published meanwhile, and those of
 * the store
 */
export async function publishVersion(
  objects: ObjectStore,
  path: string,
  version: TilesetVersion,
  { keepVersions, ...options }: StoreCallOptions & { readonly keepVersions: number },
): Promise<VersionsDocument> {
  return await changeVersions(objects, path, options, (document) => {
    const before = document?.versions ?? [];
    const [newest] = before;
    if (document !== null && before.some(({ id }) => id === version.id)) return document;
    if (newest !== undefined && newest.generation >= version.generation) {
      throw new TilerError(
        'STORE_CONFLICT',
        `Publishing the version ${version.id} at ${objects.label}/${path}: found ${newest.id}, which is as new`,
      );
    }
    // What is read until now is the last to go, also where it was rolled back to.
    const isCurrent = ({ id }: TilesetVersion): boolean => id === document?.current;
    const byNeed = [...before.filter(isCurrent), ...before.filter((one) => !isCurrent(one))];
    const kept = new Set(byNeed.slice(0, keepVersions - 1));
    return { v: 1, current: version.id, versions: [version, ...before.filter((one) => kept.has(one))] };
  });
}

/** Makes a version that is kept the current one. @throws TilerError `REQUEST_INVALID` if there is none of that ID */
export async function selectVersion(
  objects: ObjectStore,
  path: string,
  versionId: string,
  options: StoreCallOptions,
): Promise<TilesetVersion> {
  const document = await changeVersions(objects, path, options, (found) => {
    const ids = (found?.versions ?? []).map(({ id }) => id);
    if (found !== null && ids.includes(versionId)) return { ...found, current: versionId };
    const there = ids.length === 0 ? 'none' : ids.join(', ');
    throw new TilerError(
      'REQUEST_INVALID',
      `Choosing the version ${versionId} of ${objects.label}/${path}: found ${there}`,
    );
  });
  return currentVersion(document);
}

/** The version that counts. */
export function currentVersion({ current, versions }: VersionsDocument): TilesetVersion {
  const found = versions.find(({ id }) => id === current);
  if (found === undefined) throw new RangeError(`The version ${current} is not among those that are kept`);
  return found;
}

/**
 * Deletes what lies in the folder of versions and belongs to none that is kept, as after a kill or once versions are
 * forgotten. What is newer than all of them is in the making, and stays.
 */
export async function deleteForgotten(
  objects: ObjectStore,
  folder: string,
  { versions }: VersionsDocument,
  options: StoreCallOptions,
): Promise<void> {
  const newest = Math.max(...versions.map(({ generation }) => generation));
  const kept = new Set(versions.flatMap(({ archive, records }) => [archive, records.path]));
  for await (const path of objects.list(folder, options)) {
    const generation = /^([1-9][0-9]*)-[0-9a-f]{8}\./.exec(path.slice(folder.length + 1))?.[1];
    if (generation === undefined || Number(generation) > newest || kept.has(path)) continue;
    await objects.delete(path, options);
  }
}

/** Reads, changes and writes the document as one step, however many do so at once. */
async function changeVersions(
  objects: ObjectStore,
  path: string,
  options: StoreCallOptions,
  change: (document: VersionsDocument | null) => VersionsDocument,
): Promise<VersionsDocument> {
  const label = `${objects.label}/${path}`;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const found = await objects.getTagged(path, options);
    const before = found === null ? null : await parseVersions(found.bytes, label);
    const document = change(before);
    if (document === before) return document;
    const bytes = new TextEncoder().encode(`${JSON.stringify(document, null, 2)}\n`);
    const tag = await objects.putIf(path, bytes, found?.tag ?? null, { ...options, contentType: 'application/json' });
    if (tag !== null) return document;
  }
  throw new TilerError('STORE_CONFLICT', `Changing ${label}: others changed it ${MAX_TRIES} times meanwhile`);
}

/** Reads the text of a versions document. @throws TilerError `STORE_CONFLICT` for one that is none */
export async function parseVersions(bytes: Uint8Array, label: string): Promise<VersionsDocument> {
  const { VersionsSchema } = await import('./version-schema.ts');
  try {
    const parsed = VersionsSchema.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
    if (parsed.success && parsed.data.versions.some(({ id }) => id === parsed.data.current)) return parsed.data;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new TilerError('STORE_CONFLICT', `Reading ${label}: found a document of another kind or version`);
}
