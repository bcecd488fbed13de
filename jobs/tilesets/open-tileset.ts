import { basename, dirname } from 'node:path';
import { isTilerError, TilerError } from '../../src/errors.ts';
import { createIoCounters } from '../../src/observe.ts';
import { FileObjects } from '../../src/store/file-objects.ts';
import type { StoreCallOptions } from '../../src/store/tile-store.ts';
import { currentVersion, readVersions } from '../../src/store/version-document.ts';
import type { ReadableObjects } from '../../src/store/verify/tileset-tiles.ts';
import type { TilesetVersion, VersionsDocument } from '../../src/store/versions.ts';
import { CleanupStack } from '../cleanup-stack.ts';
import { createOpenRanges } from '../open-ranges.ts';
import { placeOfArchive } from '../place-of-archive.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';
import { mbtilesPathOf, openFolder, requestNamed } from './tileset-place.ts';
import type { OpenPlaceOptions } from './tileset-place.ts';
import { createRangeObjects } from './range-objects.ts';

export interface OpenTilesetOptions extends OpenPlaceOptions {
  /** A document of versions that is none is said in `damage`, and is no error. */
  readonly allowsDamage?: boolean;
}

/** A finished tileset of any form and make. */
export interface OpenTileset extends AsyncDisposable {
  readonly kind: 'folder' | 'pmtiles' | 'mbtiles';
  /** For messages: no credentials. */
  readonly label: string;
  /** What lies in its folder, documents among them. */
  readonly objects: ReadableObjects;
  /** Path of the archive in it; null for tiles as objects of their own. */
  readonly archive: string | null;
  /** What it was asked for by, if that was a request. */
  readonly request: TilesetRequest | null;
  /** Null for what has no versions. */
  readonly versions: VersionsDocument | null;
  /** The one that was asked for, else the current one; null for what has none. */
  readonly version: TilesetVersion | null;
  /** Why the document of versions, which is there, cannot be read; null = it can, or there is none. */
  readonly damage: string | null;
}

/** `@3-ab12cd34` behind the name of a tileset. */
const VERSION_ENDING = /@([1-9][0-9]*-[0-9a-f]{8})$/;

/** What a target can be, for messages. */
const TILESET_DESCRIPTION =
  'a folder or s3://bucket/prefix of tiles, a .pmtiles archive (file, http(s) or s3), an .mbtiles file, ' +
  'or a request (.json), whose output is meant; @ID behind it: that version';

/**
 * Opens what a user names a tileset by.
 *
 * @throws TilerError `REQUEST_INVALID` if there is nothing of that kind, or no version of that ID; `STORE_CONFLICT` if the
 * document of versions is none; and those of the place
 */
export async function openTileset(target: string, options: OpenTilesetOptions): Promise<OpenTileset> {
  const versionId = VERSION_ENDING.exec(target)?.[1] ?? null;
  const name = target.replace(VERSION_ENDING, '');
  const request = await requestNamed(name, options);
  const place = request?.output ?? name;
  const opened = await openPlace(place, options);
  try {
    const path = opened.archive === null ? 'versions.json' : `${stemOf(opened.archive)}.versions.json`;
    const found = await readWithDamage(opened.objects, path, options);
    const version = found.damage === null ? versionOf(found.versions, versionId, opened.label) : null;
    return { ...opened, request, ...found, version };
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
}

async function readWithDamage(
  objects: ReadableObjects,
  path: string,
  options: OpenTilesetOptions,
): Promise<Pick<OpenTileset, 'versions' | 'damage'>> {
  try {
    return { versions: await readVersions(objects, path, options), damage: null };
  } catch (error) {
    if (options.allowsDamage !== true || !isTilerError(error) || error.code !== 'STORE_CONFLICT') throw error;
    return { versions: null, damage: error.message };
  }
}

/** The name of an archive without its ending, which documents beside it begin with. */
function stemOf(archive: string): string {
  return archive.replace(/\.(pm|mb)tiles$/i, '');
}

/** A document beside the tiles, as `TileStore.getDocument` has it. */
export async function readDocument(
  { objects, archive }: Pick<OpenTileset, 'objects' | 'archive'>,
  name: string,
  options: StoreCallOptions,
): Promise<string | null> {
  const bytes = await objects.get(archive === null ? name : `${stemOf(archive)}.${name}`, options);
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

function versionOf(versions: VersionsDocument | null, id: string | null, label: string): TilesetVersion | null {
  if (id === null) return versions === null ? null : currentVersion(versions);
  const found = versions?.versions.find((version) => version.id === id);
  if (found !== undefined) return found;
  const there = versions === null ? 'no versions' : versions.versions.map((version) => version.id).join(', ');
  throw new TilerError('REQUEST_INVALID', `Opening the version ${id} of ${label}: found ${there}`);
}

type OpenedPlace = Omit<OpenTileset, 'request' | 'versions' | 'version' | 'damage'>;

async function openPlace(place: string, options: OpenTilesetOptions): Promise<OpenedPlace> {
  if (/\.mbtiles$/i.test(place)) return openMbtilesFolder(place, options);
  if (/^https?:\/\//i.test(place) || /\.pmtiles$/i.test(place)) return openByRanges(place, options);
  const objects = await openFolder(place, options, TILESET_DESCRIPTION);
  const close = async (): Promise<void> => await objects[Symbol.asyncDispose]();
  return { kind: 'folder', label: objects.label, objects, archive: null, [Symbol.asyncDispose]: close };
}

/** An archive in a file, on an HTTP server or in S3. What is behind `?` counts for the archive alone. */
function openByRanges(place: string, { config, cwd }: OpenTilesetOptions): OpenedPlace {
  const { href, fileRoot } = placeOfArchive(place, cwd);
  const cleanup = new CleanupStack();
  const ranges = cleanup.use(createOpenRanges(config, { counters: createIoCounters(), fileRoot }));
  const [, folder = '', archive = ''] = /^([^?]*\/)(.*)$/s.exec(href) ?? [];
  const objects = cleanup.use(createRangeObjects(folder, ranges.open));
  return {
    kind: 'pmtiles',
    label: `${objects.label}/${archive.replace(/\?.*/s, '')}`,
    objects,
    archive,
    [Symbol.asyncDispose]: () => cleanup[Symbol.asyncDispose](),
  };
}

function openMbtilesFolder(place: string, { cwd }: OpenTilesetOptions): OpenedPlace {
  const path = mbtilesPathOf(place, cwd);
  const objects = new FileObjects(dirname(path), createIoCounters());
  return {
    kind: 'mbtiles',
    label: path,
    objects,
    archive: basename(path),
    [Symbol.asyncDispose]: () => objects[Symbol.asyncDispose](),
  };
}
