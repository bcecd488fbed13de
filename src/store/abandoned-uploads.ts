import { createIoCounters } from '../observe.ts';
import { parseStoreLocation } from './open-store.ts';
import type { PathUpload } from './s3-objects.ts';
import type { S3Settings } from './s3-settings.ts';
import type { StoreCallOptions } from './tile-store.ts';

export interface AbandonedUploadsOptions {
  /** Since an upload was begun. */
  readonly olderThanMs: number;
  readonly s3: Partial<S3Settings>;
}

/** A work folder of an archive, which is another output than the tiles beside it. */
const OTHER_OUTPUT = /^\.tilewright\/[^/]+\.pmtiles\//i;

/**
 * Gives up the multipart uploads of an output that were begun long enough ago: their parts are paid for and seen by nobody.
 * Only those to paths that Tilewright writes are looked at, the versions and work folders of this output. Whoever calls
 * this knows that no run of the output is under way.
 *
 * @returns the paths, none for an output that is no bucket
 * @throws TilerError those of `openS3Objects`
 */
export async function giveUpUploads(
  output: string,
  { olderThanMs, s3 }: AbandonedUploadsOptions,
  options: StoreCallOptions,
): Promise<readonly string[]> {
  const location = parseStoreLocation(output);
  if (location.kind !== 's3') return [];
  // The client of S3 takes longer to load than all the rest together.
  const { openS3Objects } = await import('./s3-store.ts');
  await using objects = await openS3Objects(location, { ...s3, counters: createIoCounters() }, options);
  const found: PathUpload[] = [];
  const latestMs = Date.now() - olderThanMs;
  for (const start of startsOf(location.archive)) {
    for await (const upload of objects.uploads(start, options)) {
      const isOurs = isOwnPath(upload.path, location.archive);
      if (isOurs && upload.begunAt.getTime() <= latestMs) found.push(upload);
    }
  }
  for (const upload of found) await objects.abortUpload(upload, options);
  return found.map(({ path }) => path);
}

/** What the paths begin with that an output writes large objects to. */
function startsOf(archive: string | undefined): readonly string[] {
  if (archive === undefined) return ['.tilewright/'];
  return [`.tilewright/${archive}/`, `${archive.replace(/\.pmtiles$/i, '')}.versions/`, archive];
}

function isOwnPath(path: string, archive: string | undefined): boolean {
  if (archive === undefined) return !OTHER_OUTPUT.test(path);
  // A longer name is another output's.
  return !path.startsWith(archive) || path === archive;
}
