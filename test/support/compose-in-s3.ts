import { argv } from 'node:process';
import { createIoCounters } from '../../src/observe.ts';
import { FIRST_READ_BYTES } from '../../src/store/pmtiles/header.ts';
import { S3Objects } from '../../src/store/s3-objects.ts';
import { noise } from './noise.ts';

const NEVER = { signal: new AbortController().signal };
const MIB = 1024 * 1024;

/** Few parts, so that an object of 150 MiB is made in two levels. */
const LIMITS = { minPartBytes: 5 * MIB, maxPartBytes: 20 * MIB, maxParts: 20 };
const COPIES = 10;
const [LONG, SHORT] = [9 * MIB, 6 * MIB];

/** Of which objects are composed: 13 MiB. */
export const SOURCE_PATH = 'source';

const HEAD = noise(FIRST_READ_BYTES, 5);
const SMALL = noise(9_000, 6);

export function openS3Place(bucket: string, prefix: string): S3Objects {
  const retry = { attempts: 5, baseMs: 20, maxMs: 200 };
  const options = { forcePathStyle: true, partBytes: LIMITS.minPartBytes, limits: LIMITS, retry };
  return new S3Objects({ bucket, prefix }, { ...options, counters: createIoCounters() });
}

/** What `composeObject` makes of a source. */
export function expectedObject(source: Buffer): Buffer {
  const copies = Array.from({ length: COPIES }, (_, n) => [
    SMALL.subarray(n),
    source.subarray(n * 1_000, n * 1_000 + 300_000),
    source.subarray(n, n + LONG),
    source.subarray(n + 50, n + 50 + SHORT),
  ]);
  return Buffer.concat([HEAD, ...copies.flat(), SMALL]);
}

/** Composes an object of parts that are sent and parts that are copied, some of them by way of pieces. */
export async function composeObject(store: S3Objects, path: string, signal = NEVER.signal): Promise<void> {
  const resume = { memo: `.work/${path}`, identity: path };
  await using composition = await store.compose(path, { signal, contentType: 'application/octet-stream', resume });
  for (let n = 0; n < COPIES; n++) {
    await composition.write(SMALL.subarray(n));
    await composition.copy({ path: SOURCE_PATH, offset: n * 1_000 }, 300_000);
    await composition.copy({ path: SOURCE_PATH, offset: n }, LONG);
    await composition.copy({ path: SOURCE_PATH, offset: n + 50 }, SHORT);
  }
  await composition.finish(HEAD, [SMALL]);
}

// As a process of its own: BUCKET PREFIX PATH.
const [, script = '', bucket = '', prefix = '', path = ''] = argv;
if (/compose-in-s3\.[jt]s$/.test(script)) {
  await using store = openS3Place(bucket, prefix);
  await composeObject(store, path);
}
