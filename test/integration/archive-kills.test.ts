import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MadeMetatile } from '../support/staged-metatiles.ts';
import { endRunOf, openArchiveOutput } from '../support/archive-assembler.ts';
import { madeMetatiles, stageAll } from '../support/archive-runs.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { archiveOf } from '../support/memory-archive.ts';
import { startScript } from '../support/run-script.ts';
import { startS3 } from '../support/s3.ts';
import type { S3Server } from '../support/s3.ts';

const NEVER = { signal: new AbortController().signal };
const BUCKET = `killed-${process.pid}`;
const OUTPUT = `s3://${BUCKET}/maps/world.pmtiles`;
const METATILES = 12;
const CHANGED = 2;
const KILLS = 10;
/** So that parts of an upload are copied by the server: these are 5 MiB at least. */
const LARGE_BYTES = 1_200_000;

let s3: S3Server;
let proxy: FaultProxy;
let client: S3Client;

beforeAll(async () => {
  s3 = await startS3();
  proxy = await startFaultProxy(s3.endpoint);
  Object.assign(process.env, s3.env, { AWS_ENDPOINT_URL_S3: proxy.url });
  client = new S3Client({ forcePathStyle: true });
  await s3.createBucket(BUCKET);
}, INSTALL_TIMEOUT_MS);

afterAll(async () => {
  client.destroy();
  for (const name of [...Object.keys(s3.env), 'AWS_ENDPOINT_URL_S3']) delete process.env[name];
  await proxy[Symbol.asyncDispose]();
  await s3[Symbol.asyncDispose]();
});

async function objectAt(key: string): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

function largeMetatiles(count: number, seed: number): readonly MadeMetatile[] {
  return madeMetatiles(count, seed).map(({ tiles: [first, ...others], ...metatile }) => {
    const large = { tileId: first!.tileId, bytes: new Uint8Array(LARGE_BYTES + seed).fill(seed) };
    return { ...metatile, tiles: [large, ...others] };
  });
}

test('a process that ends an update in S3 and is killed at any request leaves no harm, and another ends it', async () => {
  await using store = await openArchiveOutput(OUTPUT);
  const first = largeMetatiles(METATILES, 1);
  await stageAll(store, first, NEVER);
  await endRunOf(store, 1, METATILES);
  // How many requests an update takes, and then updates that are killed at ten of these.
  let requests = 0;
  for (let round = 0; round <= KILLS; round++) {
    const seed = round + 2;
    const changes = largeMetatiles(CHANGED, seed);
    await stageAll(store, changes, NEVER);
    const before = proxy.passed.length;
    if (round > 0) {
      let left = Math.floor((requests * (round - 0.5)) / KILLS);
      const held = proxy.hold(() => left-- === 0);
      const { child, finished } = startScript('archive-assembler.ts', [OUTPUT, String(seed), String(METATILES)]);
      const release = await held;
      child.kill('SIGKILL');
      await finished;
      release();
    }
    const id = await endRunOf(store, seed, METATILES);
    if (round === 0) requests = proxy.passed.length - before;
    const document = (await store.versions(NEVER))!;
    expect(document.versions.map(({ generation }) => generation)).toStrictEqual(
      [seed, seed - 1, seed - 2].filter((generation) => generation > 0),
    );
    expect(document.current).toBe(id);
    const tiles = [...changes, ...first.slice(CHANGED)].flatMap((metatile) => metatile.tiles);
    const expected = await archiveOf(tiles);
    expect(document.versions[0]?.bytes).toBe(expected.length);
    expect((await objectAt(`maps/${document.versions[0]?.archive}`)).equals(expected)).toBe(true);
  }
  expect(requests).toBeGreaterThan(KILLS);
});

test('what stays of an archive is copied by the server', async () => {
  await using store = await openArchiveOutput(`s3://${BUCKET}/passed/world.pmtiles`);
  await stageAll(store, largeMetatiles(METATILES, 1), NEVER);
  await endRunOf(store, 1, METATILES);
  await stageAll(store, largeMetatiles(CHANGED, 2), NEVER);
  const before = proxy.passed.length;
  await endRunOf(store, 2, METATILES);
  const passed = proxy.passed.slice(before);
  expect(passed.filter(({ isCopy }) => isCopy).length).toBeGreaterThan(0);
  // The first part, which has the new tiles and is filled up with old ones, is read and sent.
  const bytes = passed.reduce((sum, { sentBytes, gotBytes }) => sum + sentBytes + gotBytes, 0);
  expect(bytes).toBeLessThan(11 * 1024 * 1024);
});
