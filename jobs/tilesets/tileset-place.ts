import { resolve } from 'node:path';
import type { Config } from '../../src/config.ts';
import { TilerError } from '../../src/errors.ts';
import { createIoCounters } from '../../src/observe.ts';
import { FileObjects } from '../../src/store/file-objects.ts';
import type { ObjectStore } from '../../src/store/object-store.ts';
import { parseStoreLocation } from '../../src/store/open-store.ts';
import { statOf } from '../../src/store/stat-of.ts';
import type { StoreCallOptions } from '../../src/store/tile-store.ts';
import { filePathOf } from '../place-of-archive.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';

export interface OpenPlaceOptions extends StoreCallOptions {
  readonly config: Config;
  /** What relative paths are relative to. */
  readonly cwd: string;
}

/**
 * The request that a user names, whose output is meant; null = the name is that of a tileset itself.
 *
 * @throws TilerError `REQUEST_INVALID`
 */
export async function requestNamed(
  target: string,
  { cwd, signal }: Pick<OpenPlaceOptions, 'cwd' | 'signal'>,
): Promise<TilesetRequest | null> {
  if (!/\.json$/i.test(target)) return null;
  const { loadTilesetRequest } = await import('../request/load-request.ts');
  return await loadTilesetRequest(target, {}, { cwd, signal });
}

/**
 * Opens what a user names as a folder, or a prefix of a bucket.
 *
 * @param expected - what it could have been, for the message
 * @throws TilerError `REQUEST_INVALID` if it is no folder, and those of the place
 */
export async function openFolder(
  place: string,
  { config, cwd, signal }: OpenPlaceOptions,
  expected: string,
): Promise<ObjectStore> {
  const counters = createIoCounters();
  const location = parseStoreLocation(place);
  if (location.kind === 's3') {
    const { openS3Objects } = await import('../../src/store/s3-store.ts');
    return await openS3Objects(location, { ...config.s3, counters }, { signal });
  }
  const path = resolve(cwd, location.path);
  const found = await statOf(path);
  if (found?.isDirectory() === true) return new FileObjects(path, counters);
  const what = found === null ? 'nothing there' : 'a file';
  throw new TilerError('REQUEST_INVALID', `Opening ${path}: found ${what}, expected ${expected}`);
}

/** The path of an MBTiles file. @throws TilerError `REQUEST_INVALID` for a URL of another scheme than file */
export function mbtilesPathOf(place: string, cwd: string): string {
  const path = filePathOf(place, cwd);
  if (path !== null) return path;
  throw new TilerError('REQUEST_INVALID', `Opening "${place}": expected MBTiles in a file of this machine`);
}
