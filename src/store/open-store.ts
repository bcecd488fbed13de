import { basename, dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TilerError } from '../errors.ts';
import type { HostGate } from '../host-gate.ts';
import type { IoCounters, StageMeter } from '../observe.ts';
import { FileObjects } from './file-objects.ts';
import { createFileStore } from './file-store.ts';
import type { S3Location } from './s3-objects.ts';
import type { S3Settings } from './s3-settings.ts';
import type { S3StoreOptions } from './s3-store.ts';
import { statOf } from './stat-of.ts';
import type { StoreCallOptions, TileStore } from './tile-store.ts';

/** What a store needs to know of the tiles and of the process. The first two are an encoder's fields. */
export interface OpenStoreOptions {
  /** File ending without the dot. */
  readonly extension: string;
  readonly contentType: string;
  /** `Cache-Control` of the objects in S3; default `public, max-age=3600`, for tiles that a later run may replace. */
  readonly cacheControl?: string;
  /** For S3 servers other than AWS; default false. */
  readonly forcePathStyle?: boolean;
  /** Further settings of S3, such as those of a configuration; the two above go before them. */
  readonly s3?: Partial<S3Settings>;
  readonly counters: Pick<IoCounters, 'writeRequests' | 'bytesWritten'>;
  readonly stages?: StageMeter | undefined;
  /** Holds requests back once a host asks for less of them. Default: none is held back. */
  readonly gate?: HostGate | undefined;
}

/** Where the tiles of a request go. */
export type StoreLocation = (
  | { readonly kind: 'folder'; readonly path: string }
  | ({ readonly kind: 's3' } & S3Location)
) & {
  /** Name of a PMTiles archive or an MBTiles file in it; not there for tiles as objects of their own. */
  readonly archive?: string;
};

/** True for the name of an archive that is an MBTiles file. */
function isMbtiles(archive: string): boolean {
  return /\.mbtiles$/i.test(archive);
}

/** Documents beside an archive are named after it. */
const ARCHIVE_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/** S3's rules for the names of buckets, as far as they are about characters. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/**
 * Reads an output: a folder, a `file:` URL, or `s3://bucket/prefix`; if it ends in `.pmtiles`, an archive of that name in
 * the folder or prefix above, and `.mbtiles` in the folder above. A relative folder stays relative.
 *
 * @throws TilerError `REQUEST_INVALID` for anything else
 */
export function parseStoreLocation(output: string): StoreLocation {
  const location = parsePlace(output);
  const path = location.kind === 's3' ? location.prefix : location.path;
  if (!/\.(pm|mb)tiles$/i.test(path)) return location;
  // SQLite writes here and there in a file, and reads it so.
  if (location.kind === 's3' && isMbtiles(path)) {
    throw invalid(output, 'a folder for MBTiles, or .pmtiles for one archive in a bucket');
  }
  const archive = basename(path);
  if (!ARCHIVE_NAME.test(archive)) {
    throw invalid(output, 'the name of an archive of letters, digits, "-", "_" and ".", with no dot in front');
  }
  const above = dirname(path);
  return location.kind === 's3'
    ? { ...location, prefix: above === '.' ? '' : above, archive }
    : { ...location, path: above, archive };
}

function parsePlace(output: string): StoreLocation {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(output)?.[1]?.toLowerCase();
  if (scheme === 's3') return parseS3(output);
  if (scheme === 'file') return { kind: 'folder', path: parseFileUrl(output) };
  if (scheme !== undefined && output.includes('://'))
    throw invalid(output, 'a folder, a file: URL or s3://bucket/prefix');
  if (output === '' || output.includes('\0')) throw invalid(output, 'a folder, a file: URL or s3://bucket/prefix');
  return { kind: 'folder', path: output };
}

/**
 * Opens the store that an output names. Writes nothing, but finds out whether the place can hold tiles at all.
 *
 * @throws TilerError `REQUEST_INVALID` if the output is none, or names a file or a bucket that is not there, `STORE_FORBIDDEN`
 * and `STORE_UNAVAILABLE` if its folder cannot be looked at, and those of `openS3Store`
 */
export async function openTileStore(
  output: string,
  options: OpenStoreOptions,
  callOptions: StoreCallOptions,
): Promise<TileStore> {
  const location = parseStoreLocation(output);
  if (location.kind === 'folder') {
    await checkFolder(location.path);
    const { path, archive } = location;
    if (archive === undefined) return createFileStore(path, options);
    if (isMbtiles(archive)) {
      const { MbtilesStore } = await import('./mbtiles/mbtiles-store.ts');
      return new MbtilesStore(path, { ...options, name: archive });
    }
    const { ArchiveStore } = await import('./archive-store.ts');
    return new ArchiveStore(new FileObjects(path, options.counters), { ...options, path: archive });
  }
  // The client of S3 takes longer to load than all the rest together.
  const { openS3Objects, openS3Store } = await import('./s3-store.ts');
  const { s3, cacheControl = s3?.cacheControl, forcePathStyle = s3?.forcePathStyle } = options;
  const s3Options: S3StoreOptions = {
    ...s3,
    ...options,
    ...(cacheControl === undefined ? {} : { cacheControl }),
    ...(forcePathStyle === undefined ? {} : { forcePathStyle }),
  };
  if (location.archive === undefined) return await openS3Store(location, s3Options, callOptions);
  const objects = await openS3Objects(location, s3Options, callOptions);
  const { ArchiveStore } = await import('./archive-store.ts');
  return new ArchiveStore(objects, { ...options, path: location.archive });
}

function invalid(output: string, expected: string, cause?: unknown): TilerError {
  return new TilerError('REQUEST_INVALID', `Opening the output "${output}": expected ${expected}`, { cause });
}

function parseFileUrl(output: string): string {
  try {
    return fileURLToPath(output);
  } catch (cause) {
    throw invalid(output, 'a file: URL of this machine, such as file:///data/tiles', cause);
  }
}

function parseS3(output: string): StoreLocation {
  const [bucket = '', ...parts] = output.slice('s3://'.length).split('/');
  const prefix = parts.join('/').replace(/^\/+|\/+$/g, '');
  const isPlain =
    prefix === '' || prefix.split('/').every((part) => /^[^?#\\\p{Cc}]+$/u.test(part) && !/^\.\.?$/.test(part));
  if (!/^s3:\/\//i.test(output) || !BUCKET.test(bucket) || !isPlain) {
    throw invalid(
      output,
      's3://bucket/prefix with the bucket in lower case, no "?", "#", "//", "." or ".." in the prefix',
    );
  }
  return { kind: 's3', bucket, prefix };
}

async function checkFolder(path: string): Promise<void> {
  // What is not there is made once something is put. Where a file is above it, that is said then.
  const found = await statOf(path, `Opening the output ${resolve(path)}`);
  if (found !== null && !found.isDirectory()) throw invalid(resolve(path), 'a folder, found a file');
}
