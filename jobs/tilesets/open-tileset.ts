import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../src/config.ts';
import { TilerError } from '../../src/errors.ts';
import { createIoCounters } from '../../src/observe.ts';
import { FileObjects } from '../../src/store/file-objects.ts';
import { parseStoreLocation } from '../../src/store/open-store.ts';
import type { StoreCallOptions } from '../../src/store/tile-store.ts';
import { currentVersion, readVersions } from '../../src/store/version-document.ts';
import type { ReadableObjects } from '../../src/store/verify/tileset-tiles.ts';
import type { TilesetVersion, VersionsDocument } from '../../src/store/versions.ts';
import { CleanupStack } from '../cleanup-stack.ts';
import { createOpenRanges } from '../open-ranges.ts';
import { placeOfArchive } from '../place-of-archive.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';
import { createRangeObjects } from './range-objects.ts';

export interface OpenTilesetOptions extends StoreCallOptions {
  readonly config: Config;
  /** What relative paths are relative to. */
  readonly cwd: string;
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
  const request = /\.json$/i.test(name) ? await loadRequest(name, options) : null;
  const place = request?.output ?? name;
  const opened = await openPlace(place, options);
  try {
    const path = opened.archive === null ? 'versions.json' : `${stemOf(opened.archive)}.versions.json`;
    const versions = await readVersions(opened.objects, path, options);
    return { ...opened, request, versions, version: versionOf(versions, versionId, opened.label) };
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
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

type OpenedPlace = Omit<OpenTileset, 'request' | 'versions' | 'version'>;

async function openPlace(place: string, options: OpenTilesetOptions): Promise<OpenedPlace> {
  if (/\.mbtiles$/i.test(place)) return await openMbtilesFolder(place, options);
  if (/^https?:\/\//i.test(place) || /\.pmtiles$/i.test(place)) return openByRanges(place, options);
  const { objects, close } = await openObjects(place, options);
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

async function openMbtilesFolder(place: string, options: OpenTilesetOptions): Promise<OpenedPlace> {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(place)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'file') {
    throw invalid(`Opening "${place}": expected MBTiles, which are read from files, in a file of this machine`);
  }
  const path = scheme === 'file' ? fileURLToPath(place) : resolve(options.cwd, place);
  const { path: folder, archive } = parseStoreLocation(path) as { readonly path: string; readonly archive: string };
  const objects = new FileObjects(folder, createIoCounters());
  return {
    kind: 'mbtiles',
    label: path,
    objects,
    archive,
    [Symbol.asyncDispose]: () => objects[Symbol.asyncDispose](),
  };
}

async function openObjects(
  place: string,
  { config, cwd, signal }: OpenTilesetOptions,
): Promise<{ readonly objects: ReadableObjects; readonly close: () => Promise<void> }> {
  const counters = createIoCounters();
  const location = parseStoreLocation(place);
  if (location.kind === 's3') {
    const { openS3Objects } = await import('../../src/store/s3-store.ts');
    const objects = await openS3Objects(location, { ...config.s3, counters }, { signal });
    return { objects, close: () => objects[Symbol.asyncDispose]() };
  }
  const path = resolve(cwd, location.path);
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory() !== true) {
    throw invalid(`Opening ${path}: found ${found === null ? 'nothing' : 'a file'}, expected ${TILESET_DESCRIPTION}`);
  }
  const objects = new FileObjects(path, counters);
  return { objects, close: () => objects[Symbol.asyncDispose]() };
}

async function loadRequest(name: string, { cwd, signal }: OpenTilesetOptions): Promise<TilesetRequest> {
  const { loadTilesetRequest } = await import('../request/load-request.ts');
  return await loadTilesetRequest(name, {}, { cwd, signal });
}

function invalid(message: string): TilerError {
  return new TilerError('REQUEST_INVALID', message);
}
