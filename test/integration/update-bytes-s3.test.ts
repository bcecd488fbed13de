import { GetObjectCommand, ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createIoCounters } from '../../src/observe.ts';
import { openTileStore } from '../../src/store/open-store.ts';
import type { TileStore } from '../../src/store/tile-store.ts';
import { currentVersion } from '../../src/store/version-document.ts';
import type { TilesetVersion } from '../../src/store/versions.ts';
import { firstTileId, tileFromTileId } from '../../src/tms/tile-id.ts';

import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { noise } from '../support/noise.ts';
import { startProxiedS3 } from '../support/proxied-s3.ts';
import type { ProxiedS3 } from '../support/proxied-s3.ts';
import { recordOf } from '../support/staged-metatiles.ts';

const NEVER = { signal: new AbortController().signal };
const BUCKET = `update-bytes-${process.pid}`;
const MIB = 1024 * 1024;

/** All tiles of zoom 3 along the curve, each a metatile of its own: 40 MiB. */
const TILES = 64;
const TILE_BYTES = 640 * 1024;
/** Far from each other, and from both ends. */
const CHANGED = [20, 44];

let s3: ProxiedS3;

beforeAll(async () => {
  s3 = await startProxiedS3(BUCKET);
}, INSTALL_TIMEOUT_MS);

afterAll(async () => {
  await s3[Symbol.asyncDispose]();
});

async function openOutput(name: string): Promise<TileStore> {
  const options = { extension: 'png', contentType: 'image/png', counters: createIoCounters(), forcePathStyle: true };
  return await openTileStore(`s3://${BUCKET}/${name}.pmtiles`, options, NEVER);
}

/** Stages tiles by their places on the curve; a seed makes them others. */
async function stage(store: TileStore, places: readonly number[], seed: number): Promise<void> {
  for (const index of places) {
    const tileId = firstTileId(3) + index;
    const bytes = noise(TILE_BYTES, 1_000 * seed + index);
    const sink = store.openMetatile(index);
    await sink.put(tileFromTileId(tileId), bytes, NEVER);
    await sink.commit(recordOf({ index, tiles: [{ tileId, bytes }], empty: [] }), NEVER);
  }
}

async function assemble(store: TileStore, generation: number): Promise<TilesetVersion> {
  const document = await store.versions(NEVER);
  return await store.assemble(
    {
      generation,
      requestHash: '0'.repeat(64),
      indices: () => Array(TILES).keys(),
      baseline: document === null ? null : currentVersion(document),
      isSamePlan: true,
      keepVersions: 2,
      bbox: [-180, -85, 180, 85],
      metadata: { name: 'made', type: 'baselayer', tileSize: 256, format: 'png', provenance: {} },
    },
    NEVER,
  );
}

async function archiveAt({ archive }: TilesetVersion): Promise<Buffer> {
  const { Body } = await s3.client.send(new GetObjectCommand({ Bucket: BUCKET, Key: archive ?? '' }));
  return Buffer.from((await Body?.transformToByteArray()) ?? '');
}

test('of an archive of which two tiles have changed, only the beginning passes through', async () => {
  await using store = await openOutput('updated');
  const all = [...Array(TILES).keys()];
  await stage(store, all, 1);
  await assemble(store, 1);
  await store.deleteStaged({ ...NEVER, keepParts: true });
  await stage(store, CHANGED, 2);
  const from = s3.proxy.passed.length;
  const updated = await assemble(store, 2);
  const requests = s3.proxy.passed.slice(from);
  // The first part begins with the head, and must have 5 MiB. What has changed is copied by the server, as the rest is.
  const sum = (key: 'sentBytes' | 'gotBytes'): number => requests.reduce((total, request) => total + request[key], 0);
  expect(sum('sentBytes')).toBeLessThan(5 * MIB + 64 * 1024);
  expect(sum('gotBytes')).toBeLessThan(5 * MIB + 128 * 1024);
  // The same bytes as if it were made at once.
  await using other = await openOutput('at-once');
  await stage(
    other,
    all.filter((index) => !CHANGED.includes(index)),
    1,
  );
  await stage(other, CHANGED, 2);
  const atOnce = await assemble(other, 2);
  expect((await archiveAt(updated)).equals(await archiveAt(atOnce))).toBe(true);
  // No upload and no object that was made on the way is left.
  const { Uploads = [] } = await s3.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
  expect(Uploads).toStrictEqual([]);
  const { Contents = [] } = await s3.client.send(new ListObjectsV2Command({ Bucket: BUCKET, MaxKeys: 1_000 }));
  expect(Contents.filter(({ Key = '' }) => Key.includes('piece') || Key.endsWith('/upload'))).toStrictEqual([]);
});
