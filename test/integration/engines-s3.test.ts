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
import { SCENES, filesOf, startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';
import { digestOf, summaryOf } from '../support/updates.ts';
import type { UpdateSummary } from '../support/updates.ts';

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
  const all = Contents.map(({ Key = '' }) => Key).sort();
  const keys = all.filter((key) => !/\/\.tilewright\//.test(key));
  return await Promise.all(
    keys.map(async (key) => {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
      const digest = createHash('sha256').update((await Body?.transformToByteArray()) ?? '');
      return `${key.slice(prefix.length + 1)} ${digest.digest('hex').slice(0, 16)}`;
    }),
  );
}

/** What lies in the work folder of an output. */
async function hiddenOf(prefix: string): Promise<readonly string[]> {
  const folder = `${prefix}/.tilewright/`;
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: folder }));
  return Contents.map(({ Key = '' }) => Key.slice(folder.length)).sort();
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
  expect(await hiddenOf('render')).toStrictEqual([expect.stringMatching(/^versions\/1-[0-9a-f]{8}\.records\.gz$/)]);
  expect((await readdir(join(world.folder, '.tilewright'))).toSorted()).toStrictEqual([
    expect.stringMatching(/\.request\.json$/),
    expect.stringMatching(/\.status\.json$/),
  ]);
});

test('seed and worker do so too', async () => {
  await using workers = startCli(['worker', '--processes', '2'], { env });
  assertExit(await runCli(['seed', await world.request(), '--output', `s3://${BUCKET}/seed`, '--wait'], { env }), 0);
  expect(await objectsOf('seed')).toStrictEqual(expected);
  expect(await hiddenOf('seed')).toStrictEqual(await hiddenOf('render'));
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

test.each(['update', 'update.pmtiles'])('%s is brought up to date, as a folder is', async (name) => {
  const ids = SCENES.map(({ id }) => id);
  const fields = { sourceMinzoom: 5, metatileSize: 2 };
  const places = [`s3://${BUCKET}/${name}`, `local-${name}`].map((output) => ({ ...fields, output }));
  const isArchive = name.endsWith('.pmtiles');
  const digestsIn = (files: readonly string[]): readonly string[] =>
    files
      .filter((file) => /\.(png|pmtiles) /.test(file))
      .map((file) => (isArchive ? (file.split(' ')[1] ?? '') : file));
  const both = async (flags: readonly string[]): Promise<readonly UpdateSummary[]> => {
    const summaries: UpdateSummary[] = [];
    for (const place of places) {
      const args = ['render', await world.request(place), '--json', '--keep-parts', ...flags];
      const finished = await runCli(args, { env, cwd: world.folder });
      assertExit(finished, 0);
      summaries.push(summaryOf(finished.stdout));
    }
    return summaries;
  };
  const local = async (): Promise<readonly string[]> =>
    isArchive ? [await shortDigestOf(`local-${name}`)] : digestsIn(await filesOf(join(world.folder, `local-${name}`)));
  const remote = async (): Promise<readonly string[]> =>
    digestsIn(await objectsOf(isArchive ? 'update.versions' : name));
  try {
    await both([]);
    const before = await remote();
    expect(before).toStrictEqual(await local());
    world.serveScenes(ids.slice(1));
    for (const { unchanged = 0, metatiles } of await both(['--update'])) {
      expect(unchanged).toBeGreaterThan(0);
      expect(unchanged).toBeLessThan(metatiles);
    }
    // Of an archive, the version before is there too.
    expect(await remote()).toStrictEqual(expect.arrayContaining([...(await local())]));
    expect(await remote()).not.toStrictEqual(before);
  } finally {
    world.serveScenes(ids);
  }
});

/** As `objectsOf` has it. */
async function shortDigestOf(name: string): Promise<string> {
  return (await digestOf(join(world.folder, name))).slice(0, 16);
}
