import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../src/config.ts';
import { isTilerError, TilerError } from '../../src/errors.ts';
import { createIoCounters } from '../../src/observe.ts';
import { FileObjects } from '../../src/store/file-objects.ts';
import type { ObjectStore } from '../../src/store/object-store.ts';
import { parseStoreLocation } from '../../src/store/open-store.ts';
import type { StoreCallOptions } from '../../src/store/tile-store.ts';
import { CleanupStack } from '../cleanup-stack.ts';
import { createOpenRanges } from '../open-ranges.ts';
import { placeOfArchive } from '../place-of-archive.ts';
import { ArchivePreview } from './archive-preview.ts';
import { StorePreview } from './store-preview.ts';
import type { PreviewSource } from './tileset-view.ts';

export interface OpenPreviewOptions extends StoreCallOptions {
  readonly config: Config;
  /** What relative paths are relative to. */
  readonly cwd: string;
}

/**
 * Opens what a user wants to look at: a folder or `s3://bucket/prefix` of tiles, a PMTiles archive in a file, on an HTTP
 * server or in S3, an MBTiles file, or the output of a request that is in a file.
 *
 * @throws TilerError `REQUEST_INVALID` if there is no tileset of pictures, and those of the place
 */
export async function openPreviewSource(target: string, options: OpenPreviewOptions): Promise<PreviewSource> {
  const place = /\.json$/i.test(target) ? await outputOfRequest(target, options) : target;
  const source = await openPlace(place, options);
  try {
    await source.view(null, options);
    return source;
  } catch (error) {
    await source[Symbol.asyncDispose]();
    if (!isTilerError(error) || error.code !== 'ASSET_NOT_FOUND') throw error;
    throw new TilerError('REQUEST_INVALID', `Previewing ${source.label}: found no tileset there`, { cause: error });
  }
}

async function openPlace(place: string, { config, cwd, signal }: OpenPreviewOptions): Promise<PreviewSource> {
  if (/\.mbtiles$/i.test(place)) {
    const { MbtilesPreview } = await import('./mbtiles-preview.ts');
    return new MbtilesPreview(pathOf(place, cwd, 'MBTiles, which are read from files of this machine'), { signal });
  }
  if (/^https?:\/\//i.test(place) || /\.pmtiles$/i.test(place)) {
    const { href, fileRoot } = placeOfArchive(place, cwd);
    const cleanup = new CleanupStack();
    const ranges = cleanup.use(createOpenRanges(config, { counters: createIoCounters(), fileRoot }));
    const archive = new ArchivePreview(href, ranges.open, { signal });
    cleanup.use(archive);
    return withCleanup(archive, cleanup);
  }
  return new StorePreview(await openObjects(place, config, cwd, signal), { signal });
}

function withCleanup(source: PreviewSource, cleanup: CleanupStack): PreviewSource {
  return {
    label: source.label,
    view: (versionId, options) => source.view(versionId, options),
    versions: (options) => source.versions(options),
    document: (name, options) => source.document(name, options),
    [Symbol.asyncDispose]: () => cleanup[Symbol.asyncDispose](),
  };
}

async function openObjects(place: string, config: Config, cwd: string, signal: AbortSignal): Promise<ObjectStore> {
  const counters = createIoCounters();
  const location = parseStoreLocation(place);
  if (location.kind === 's3') {
    const { openS3Objects } = await import('../../src/store/s3-store.ts');
    return await openS3Objects(location, { ...config.s3, counters }, { signal });
  }
  const path = resolve(cwd, location.path);
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory() === true) return new FileObjects(path, counters);
  const what = found === null ? 'nothing there' : 'a file';
  throw new TilerError(
    'REQUEST_INVALID',
    `Previewing ${path}: found ${what}, expected a folder of tiles, .pmtiles, .mbtiles, or a request (.json)`,
  );
}

async function outputOfRequest(target: string, { cwd, signal }: OpenPreviewOptions): Promise<string> {
  const { loadTilesetRequest } = await import('../request/load-request.ts');
  return (await loadTilesetRequest(target, {}, { cwd, signal })).output;
}

function pathOf(place: string, cwd: string, expected: string): string {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(place)?.[1]?.toLowerCase();
  if (scheme === undefined) return resolve(cwd, place);
  if (scheme === 'file') return fileURLToPath(place);
  throw new TilerError('REQUEST_INVALID', `Previewing "${place}": expected ${expected}`);
}
