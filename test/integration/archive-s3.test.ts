import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { assertExit, runCli, startCli } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import type { RedisServer } from '../support/redis.ts';
import { startS3 } from '../support/s3.ts';
import type { S3Server } from '../support/s3.ts';
import { startAll } from '../support/server-process.ts';
import { startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';

const BUCKET = `archives-${process.pid}`;

let world: SmallWorld;
let redis: RedisServer;
let s3: S3Server;
let client: S3Client;
/** The archive that `render` writes into a folder. */
let expected: Buffer;

beforeAll(async () => {
  [world, redis, s3] = await startAll(startSmallWorld(), startRedis(), startS3());
  Object.assign(process.env, s3.env);
  client = new S3Client({ forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const output = join(world.folder, 'tiles.pmtiles');
  assertExit(await runCli(['render', await world.request(), '--output', output]), 0);
  expected = await readFile(output);
}, INSTALL_TIMEOUT_MS);

afterAll(async () => {
  client.destroy();
  for (const name of Object.keys(s3.env)) delete process.env[name];
  await world[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
  await s3[Symbol.asyncDispose]();
});

async function objectAt(key: string): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

async function keysBelow(prefix: string): Promise<readonly string[]> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: prefix }));
  return Contents.map(({ Key = '' }) => Key).sort();
}

/** IDs of the versions that are kept, the newest first. */
async function versionsOf(output: string): Promise<readonly string[]> {
  const result = await runCli(['versions', output, '--json']);
  assertExit(result, 0);
  const lines = result.stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => (JSON.parse(line) as { readonly id: string }).id);
}

/** The archive but for its metadata, which name the request. */
function tilesOf(archive: Buffer): Buffer {
  const dataEnd = Number(archive.readBigUInt64LE(56) + archive.readBigUInt64LE(64));
  return archive.subarray(16_384, dataEnd);
}

test('render writes to S3 the archive that it writes into a folder', async () => {
  const output = `s3://${BUCKET}/render/tiles.pmtiles`;
  assertExit(await runCli(['render', await world.request(), '--output', output]), 0);
  const [version = ''] = await versionsOf(output);
  const archive = await objectAt(`render/tiles.versions/${version}.pmtiles`);
  expect(tilesOf(archive).equals(tilesOf(expected))).toBe(true);
  // Nothing has the name of the archive itself: it is found by the versions.
  const documents = /^render\/tiles\.[a-z]+\.json$/;
  expect((await keysBelow('render/')).filter((key) => !documents.test(key))).toStrictEqual([
    `render/tiles.versions/${version}.pmtiles`,
    `render/tiles.versions/${version}.records.gz`,
  ]);
  assertExit(await runCli(['verify', output, '--sample', 'all']), 0);
});

test('a cluster writes it too: workers leave segments, and one of them joins them', async () => {
  const output = `s3://${BUCKET}/cluster/tiles.pmtiles`;
  const queue = ['--redis', redis.url] as const;
  await using _ = startCli(['worker', '--processes', '2', ...queue]);
  assertExit(await runCli(['seed', await world.request(), '--output', output, '--wait', ...queue]), 0);
  const [version] = await versionsOf(output);
  const archive = await objectAt(`cluster/tiles.versions/${version}.pmtiles`);
  expect(tilesOf(archive).equals(tilesOf(expected))).toBe(true);
  expect((await keysBelow('cluster/')).filter((key) => key.includes('/.'))).toStrictEqual([]);
});

test('rolling back has all documents name the version before', async () => {
  const output = `s3://${BUCKET}/rolled/tiles.pmtiles`;
  const request = await world.request({ output });
  assertExit(await runCli(['render', request]), 0);
  const before = await Promise.all(['tilejson', 'style', 'item'].map((name) => objectAt(`rolled/tiles.${name}.json`)));
  assertExit(await runCli(['render', request, '--force']), 0);
  const [second, first = ''] = await versionsOf(output);
  const newer = (await objectAt('rolled/tiles.tilejson.json')).toString();
  expect(newer).toContain(`${second}.pmtiles`);
  assertExit(await runCli(['rollback', request]), 0);
  const after = await Promise.all(['tilejson', 'style', 'item'].map((name) => objectAt(`rolled/tiles.${name}.json`)));
  expect(after.map(String)).toStrictEqual(before.map(String));
  expect(String(after[0])).toContain(`${first}.pmtiles`);
  const { stdout } = await runCli(['versions', output]);
  expect(stdout).toMatch(new RegExp(`^  ${second}.*\n\\* ${first}`));
});
