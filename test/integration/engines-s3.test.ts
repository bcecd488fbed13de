import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { assertExit, runCli, startCli, until } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import type { RedisServer } from '../support/redis.ts';
import { startS3 } from '../support/s3.ts';
import type { S3Server } from '../support/s3.ts';
import { startAll } from '../support/server-process.ts';
import { filesOf, startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';

const BUCKET = `tilewright-engines-${process.pid}`;

let world: SmallWorld;
let redis: RedisServer;
let s3: S3Server;
let client: S3Client;
let env: Readonly<Record<string, string>>;
/** What a folder gets. */
let expected: readonly string[];

beforeAll(async () => {
  [world, redis, s3] = await startAll(startSmallWorld(), startRedis(), startS3());
  await s3.createBucket(BUCKET);
  env = { ...redis.env, ...s3.env, TILEWRIGHT_S3_FORCE_PATH_STYLE: '1' };
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = s3.env;
  client = new S3Client({
    endpoint: s3.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
  assertExit(await runCli(['render', await world.request({ output: 'folder' })]), 0);
  expected = await filesOf(join(world.folder, 'folder'));
}, INSTALL_TIMEOUT_MS);

afterAll(async () => {
  client.destroy();
  for (const resource of [world, redis, s3]) await resource[Symbol.asyncDispose]();
});

/** Path and SHA-256 of every object below a prefix, as `filesOf` has them. */
async function objectsOf(prefix: string): Promise<readonly string[]> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: `${prefix}/` }));
  const keys = Contents.map(({ Key = '' }) => Key).sort();
  return await Promise.all(
    keys.map(async (key) => {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
      const digest = createHash('sha256').update((await Body?.transformToByteArray()) ?? '');
      return `${key.slice(prefix.length + 1)} ${digest.digest('hex').slice(0, 16)}`;
    }),
  );
}

test('render writes to S3 what it writes to a folder; killed, it goes on from a journal on this machine', async () => {
  const request = await world.request({ output: `s3://${BUCKET}/render` });
  const options = { env, cwd: world.folder };
  world.slowDown(30);
  await using killed = startCli(['render', request, '--processes', '2'], options);
  await until('ten tiles', async () => (await objectsOf('render')).length > 10);
  killed.kill('SIGKILL');
  await killed.finished;
  world.slowDown(0);
  expect(await readdir(join(world.folder, '.tilewright'))).toContainEqual(expect.stringMatching(/\.journal$/));
  const continued = await runCli(['render', request], options);
  assertExit(continued, 0);
  expect(continued.stderr).toMatch(/continuing: \d+ of \d+ metatiles/);
  expect(await objectsOf('render')).toStrictEqual(expected);
  expect((await readdir(join(world.folder, '.tilewright'))).toSorted()).toStrictEqual([
    expect.stringMatching(/\.request\.json$/),
    expect.stringMatching(/\.status\.json$/),
  ]);
});

test('seed and worker do so too', async () => {
  await using workers = startCli(['worker', '--processes', '2'], { env });
  assertExit(await runCli(['seed', await world.request(), '--output', `s3://${BUCKET}/seed`, '--wait'], { env }), 0);
  expect(await objectsOf('seed')).toStrictEqual(expected);
  workers.kill('SIGTERM');
  assertExit(await workers.finished, 0);
});

test('a bucket that is not there is refused before anything is asked or enqueued', async () => {
  const before = world.stac.requests.length;
  const request = await world.request({ output: `s3://${BUCKET}-missing/x` });
  for (const command of ['render', 'seed']) {
    const { code, stderr } = await runCli([command, request], { env });
    expect(stderr).toMatch(/^REQUEST_INVALID: /m);
    expect(code).toBe(2);
  }
  expect(world.stac.requests.length).toBe(before);
});
