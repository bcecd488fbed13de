import { promisify } from 'node:util';
import { constants, inflate as inflateAsync, inflateSync } from 'node:zlib';
import type { ZlibOptions } from 'node:zlib';

/** Some writers fill the last strip up to the rows of the others; more than this is not a block. */
const MAX_EXCESS = 2;

/**
 * Inflates a zlib stream. One chunk of the expected size spares zlib's own growing and joining (15 to 28 % of the time).
 * A stream that ends early gives what it held; one that would grow far beyond `decodedBytes` throws.
 */
export function inflate(bytes: Uint8Array, decodedBytes: number): Uint8Array {
  return inflateSync(bytes, optionsFor(decodedBytes));
}

const inflateElsewhere = promisify<Uint8Array, ZlibOptions, Uint8Array>(inflateAsync);

/** The same on another thread: for blocks so large that they would hold this one too long. */
export async function inflateInThread(bytes: Uint8Array, decodedBytes: number): Promise<Uint8Array> {
  return await inflateElsewhere(bytes, optionsFor(decodedBytes));
}

function optionsFor(decodedBytes: number): ZlibOptions {
  return {
    chunkSize: decodedBytes + 64,
    maxOutputLength: decodedBytes * MAX_EXCESS + 64,
    finishFlush: constants.Z_SYNC_FLUSH,
  };
}
