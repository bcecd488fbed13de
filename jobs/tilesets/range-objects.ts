import type { OpenRangeSource, RangeSource } from '../../src/cog/range-source.ts';
import { isTilerError, TilerError } from '../../src/errors.ts';
import type { ReadableObjects } from '../../src/store/verify/tileset-tiles.ts';
import { CleanupStack } from '../cleanup-stack.ts';

/** No document is as long. */
const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;
const FIRST_DOCUMENT_BYTES = 128 * 1024;

/**
 * What lies beneath a folder of files, of an HTTP server or of S3, by ranges alone: for archives and their documents, wherever
 * they can be read. It cannot be listed.
 *
 * @param folder - href with a slash at its end
 */
export function createRangeObjects(folder: string, open: OpenRangeSource): ReadableObjects & AsyncDisposable {
  const cleanup = new CleanupStack();
  const sources = new Map<string, RangeSource>();
  const sourceOf = (path: string): RangeSource => {
    const known = sources.get(path);
    if (known !== undefined) return known;
    const source = open(folder + path);
    sources.set(path, source);
    cleanup.defer(() => source[Symbol.asyncDispose]());
    return source;
  };
  const read: ReadableObjects['read'] = async (path, offset, length, options) => {
    try {
      return await sourceOf(path).read(offset, length, options);
    } catch (error) {
      if (isTilerError(error) && error.code === 'ASSET_NOT_FOUND') return null;
      throw error;
    }
  };
  const label = folder.replace(/\/$/, '').replace(/^file:\/\//, '');
  return {
    label,
    read,
    async get(path, options) {
      // Nobody says how long it is.
      for (let length = FIRST_DOCUMENT_BYTES; ; length *= 8) {
        const bytes = await read(path, 0, length, options);
        if (bytes === null || bytes.length < length) return bytes;
        if (length < MAX_DOCUMENT_BYTES) continue;
        throw new TilerError('BYTES_LIMIT', `Reading ${label}/${path}: found more than ${MAX_DOCUMENT_BYTES} bytes`);
      }
    },
    list() {
      throw new TilerError('INTERNAL', `Listing ${label}: it can only be read by ranges`);
    },
    [Symbol.asyncDispose]: () => cleanup[Symbol.asyncDispose](),
  };
}
