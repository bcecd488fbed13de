import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { constants, createGzip, gzip, gzipSync } from 'node:zlib';
import type { ZlibOptions } from 'node:zlib';

/** Offset of the byte of a gzip header that names the operating system. */
const GZIP_OS = 9;
const GZIP_OS_UNKNOWN = 255;

/**
 * Looks for runs and for nothing else that repeats. That takes a tenth of the time, is as good for columns of varints, and
 * the bytes do not depend on how a build of zlib hashes, which differs between processors.
 */
export const RUNS_ALONE = { level: 9, strategy: constants.Z_RLE } as const;

const gzipAsync = promisify(gzip);

/** Compresses as gzip: the same bytes on every operating system. */
export function compress(bytes: Uint8Array, options: ZlibOptions = { level: 9 }): Uint8Array {
  return withUnknownSystem(gzipSync(bytes, options));
}

/** The same on another thread, for what may be large. The bytes must not change before it is done. */
export async function compressAside(bytes: Uint8Array | string, options: ZlibOptions): Promise<Uint8Array> {
  return withUnknownSystem(await gzipAsync(bytes, options));
}

/** The same of chunks that follow each other, which are never in memory together. */
export async function compressChunks(chunks: Iterable<Uint8Array>, options: ZlibOptions): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  await pipeline(chunks, createGzip(options), async (compressed: AsyncIterable<Buffer>) => {
    for await (const part of compressed) parts.push(part);
  });
  return withUnknownSystem(Buffer.concat(parts));
}

function withUnknownSystem(compressed: Uint8Array): Uint8Array {
  compressed[GZIP_OS] = GZIP_OS_UNKNOWN;
  return compressed;
}
