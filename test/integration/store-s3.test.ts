import { GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createIoCounters } from '../../src/observe.ts';
import { parseStoreLocation } from '../../src/store/open-store.ts';
import type { OpenStoreOptions } from '../../src/store/open-store.ts';
import { openS3Store } from '../../src/store/s3-store.ts';
import type { S3Location } from '../../src/store/s3-objects.ts';
import type { PlainTileStore } from '../../src/store/tile-store.ts';
import { describeTileStore } from '../contract/tile-store.contract.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { startS3 } from '../support/s3.ts';
import type { S3Server } from '../support/s3.ts';

const NEVER = { signal: new AbortController().signal };
const TILE = { z: 3, x: 5, y: 2 };
const BUCKET = `tilewright-${process.pid}`;

let server: S3Server;
let before: NodeJS.ProcessEnv;
let count = 0;

beforeAll(async () => {
  server = await startS3();
  before = { ...process.env };
  Object.assign(process.env, server.env);
  await server.createBucket(BUCKET);
}, INSTALL_TIMEOUT_MS);

afterAll(async () => {
  for (const name of Object.keys(server.env)) delete process.env[name];
  Object.assign(process.env, before);
  await server[Symbol.asyncDispose]();
});

function locationOf(output: string): S3Location {
  const location = parseStoreLocation(output);
  if (location.kind !== 's3') throw new Error(`${output} is not in S3`);
  return location;
}

const DEFAULTS = { cacheControl: 'public, max-age=3600', forcePathStyle: true };

function open(output: string, options: Partial<OpenStoreOptions> = {}): Promise<PlainTileStore> {
  const defaults = { ...DEFAULTS, extension: 'png', contentType: 'image/png', counters: createIoCounters() };
  return openS3Store(locationOf(output), { ...defaults, ...options }, NEVER);
}

describeTileStore('S3', async () => {
  const output = `s3://${BUCKET}/contract/place ${count++}`;
  return await Promise.resolve({ isShared: true, open: () => open(output) });
});

describe('S3 store', () => {
  test('objects carry content type and cache header', async () => {
    const counters = createIoCounters();
    await using store = await open(`s3://${BUCKET}/headers`, { counters });
    await store.put(TILE, new Uint8Array([1, 2, 3]), NEVER);
    await store.putDocument('tilejson.json', '{}', 'application/json', NEVER);
    const client = new S3Client({ forcePathStyle: true });
    const tile = await client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'headers/3/5/2.png' }));
    expect(tile).toMatchObject({ ContentType: 'image/png', CacheControl: 'public, max-age=3600', ContentLength: 3 });
    const document = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'headers/tilejson.json' }));
    expect(document).toMatchObject({ ContentType: 'application/json', CacheControl: 'no-cache' });
    await document.Body?.transformToString();
    client.destroy();
    expect(counters).toMatchObject({ writeRequests: 2, bytesWritten: 5 });
  });

  test('the cache header is the one that was asked for', async () => {
    await using store = await open(`s3://${BUCKET}/immutable`, { cacheControl: 'public, max-age=31536000, immutable' });
    await store.put(TILE, new Uint8Array([1]), NEVER);
    const client = new S3Client({ forcePathStyle: true });
    const tile = await client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'immutable/3/5/2.png' }));
    client.destroy();
    expect(tile.CacheControl).toBe('public, max-age=31536000, immutable');
  });

  test('works at the root of a bucket, and does not list beyond its prefix', async () => {
    await server.createBucket(`${BUCKET}-root`);
    await using store = await open(`s3://${BUCKET}-root`);
    await store.put(TILE, new Uint8Array([1]), NEVER);
    await using neighbour = await open(`s3://${BUCKET}-root/a`);
    await using longer = await open(`s3://${BUCKET}-root/ab/`);
    await longer.put(TILE, new Uint8Array([1]), NEVER);
    expect(await neighbour.get(TILE, NEVER)).toBeNull();
    const found = [];
    for await (const tile of neighbour.list(NEVER)) found.push(tile);
    expect(found).toEqual([]);
    const atRoot = [];
    for await (const tile of store.list(NEVER)) atRoot.push(tile);
    expect(atRoot).toEqual([TILE]);
  });

  test('lists more tiles than fit a page', async () => {
    await using store = await open(`s3://${BUCKET}/many`);
    const tiles = Array.from({ length: 1100 }, (_, i) => ({ z: 11, x: i % 40, y: Math.floor(i / 40) }));
    for (let i = 0; i < tiles.length; i += 50) {
      await Promise.all(tiles.slice(i, i + 50).map((tile) => store.put(tile, new Uint8Array([1]), NEVER)));
    }
    const found = new Set<string>();
    for await (const { z, x, y } of store.list(NEVER)) found.add(`${z}/${x}/${y}`);
    expect(found.size).toBe(1100);
  });

  test('a missing bucket is found before any work', async () => {
    await expect(open(`s3://${BUCKET}-missing/tiles`)).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: expect.stringContaining(`${BUCKET}-missing`),
    });
  });

  test('a wrong secret is refused for good', async () => {
    const secret = process.env['AWS_SECRET_ACCESS_KEY'];
    process.env['AWS_SECRET_ACCESS_KEY'] = 'not the secret';
    try {
      await using store = await open(`s3://${BUCKET}/wrong-secret`);
      const outcome: unknown = await store.put(TILE, new Uint8Array([1]), NEVER).catch((error: unknown) => error);
      const message: unknown = expect.not.stringContaining('not the secret');
      const refused: unknown = expect.objectContaining({ code: 'STORE_FORBIDDEN', retry: 'never', message });
      expect(outcome).toEqual(server.checksSecrets ? refused : undefined);
    } finally {
      process.env['AWS_SECRET_ACCESS_KEY'] = secret;
    }
  });
});
