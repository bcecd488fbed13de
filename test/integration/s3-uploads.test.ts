import { CreateMultipartUploadCommand, ListMultipartUploadsCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { findAbandonedUploads } from '../../jobs/commands/clean-uploads.ts';
import { LocalRuns } from '../../jobs/local/local-runs.ts';
import type { Runs, RunStatus } from '../../jobs/runs.ts';
import { parseConfig } from '../../src/config.ts';
import { giveUpUploads } from '../../src/store/abandoned-uploads.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { createS3Client } from '../support/s3-objects.ts';
import { startS3 } from '../support/s3.ts';
import type { S3Server } from '../support/s3.ts';

const NEVER = { signal: new AbortController().signal };
const BUCKET = `uploads-${process.pid}`;
const DAY_MS = 24 * 3_600_000;
const CONFIG = parseConfig({ TILEWRIGHT_S3_FORCE_PATH_STYLE: '1' });
const ARCHIVE = `s3://${BUCKET}/maps/world.pmtiles`;

/** Of the archive, of the tiles beside it, of another archive whose name begins like it, and of others. */
const OURS = [
  'maps/world.pmtiles',
  'maps/world.versions/1-0a.pmtiles',
  'maps/.tilewright/world.pmtiles/upload.piece-0',
];
const TILES = ['maps/.tilewright/versions/1-0a.records.gz'];
const OTHERS = [
  'maps/world.pmtiles.old',
  'maps/world.versions.bak/x',
  'maps/world2.versions/1-0a.pmtiles',
  'maps/.tilewright/world2.pmtiles/upload.piece-0',
  'maps/photos.zip',
  'other/world.versions/1-0a.pmtiles',
  'world.versions/1-0a.pmtiles',
];

let server: S3Server;
let client: S3Client;
let before: NodeJS.ProcessEnv;
let folder = '';

beforeAll(async () => {
  server = await startS3();
  client = createS3Client(server);
  before = { ...process.env };
  Object.assign(process.env, server.env);
  await server.createBucket(BUCKET);
  folder = await mkdtemp(join(tmpdir(), 'tilewright-uploads-'));
}, INSTALL_TIMEOUT_MS);

beforeEach(async () => {
  await giveUpUploads(`s3://${BUCKET}/maps`, { olderThanMs: 0, s3: CONFIG.s3 }, NEVER);
  const there = await pending();
  for (const key of [...OURS, ...TILES, ...OTHERS]) if (!there.includes(key)) await begin(key);
});

afterAll(async () => {
  client.destroy();
  for (const name of Object.keys(server.env)) delete process.env[name];
  Object.assign(process.env, before);
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function begin(key: string): Promise<void> {
  const target = { Bucket: BUCKET, Key: key };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
  await client.send(new UploadPartCommand({ ...target, UploadId, PartNumber: 1, Body: Buffer.from('part') }));
}

async function pending(): Promise<string[]> {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
  return Uploads.map(({ Key = '' }) => Key).sort();
}

function without(keys: readonly string[]): string[] {
  return [...OURS, ...TILES, ...OTHERS].filter((key) => !keys.includes(key)).sort();
}

/** Runs of which just their outputs and states are asked. */
function runsOf(...found: readonly Pick<RunStatus, 'output' | 'state'>[]): Runs {
  const list = async (): Promise<readonly RunStatus[]> => await Promise.resolve(found as readonly RunStatus[]);
  return { list } as Partial<Runs> as Runs;
}

async function clean(runs: Runs, options: { readonly output?: string; readonly all: boolean }): Promise<string[]> {
  const failures: string[] = [];
  const giveUp = await findAbandonedUploads(runs, {
    config: CONFIG,
    output: null,
    ...options,
    onFailure: (message) => void failures.push(message),
  });
  const given: string[] = [];
  for await (const { path } of giveUp()) given.push(path);
  return [...failures, ...given].sort();
}

test('those of an output are given up once they are old, and nobody else’s', async () => {
  const options = { s3: CONFIG.s3, olderThanMs: DAY_MS };
  expect(await giveUpUploads(ARCHIVE, options, NEVER)).toStrictEqual([]);
  expect(await pending()).toStrictEqual(without([]));
  const given = await giveUpUploads(ARCHIVE, { ...options, olderThanMs: 0 }, NEVER);
  expect(given.map((path) => `maps/${path}`).sort()).toStrictEqual([...OURS].sort());
  expect(await pending()).toStrictEqual(without(OURS));
  await giveUpUploads(`s3://${BUCKET}/maps`, { ...options, olderThanMs: 0 }, NEVER);
  expect(await pending()).toStrictEqual(without([...OURS, ...TILES]));
});

test('an output in a folder has none', async () => {
  expect(await giveUpUploads(folder, { s3: CONFIG.s3, olderThanMs: 0 }, NEVER)).toStrictEqual([]);
});

test('those of an output that a run writes to stay', async () => {
  const idle = { output: `s3://${BUCKET}/other`, state: 'failed' } as const;
  for (const state of ['running', 'paused'] as const) {
    expect(await clean(runsOf({ output: ARCHIVE, state }, idle), { output: ARCHIVE, all: true })).toStrictEqual([]);
  }
  expect(await pending()).toStrictEqual(without([]));
  const ended = runsOf({ output: ARCHIVE, state: 'complete' }, idle);
  expect(await clean(ended, { all: false })).toStrictEqual([]);
  expect((await clean(ended, { all: true })).length).toBe(OURS.length);
  expect(await pending()).toStrictEqual(without(OURS));
});

test('those of an output that is named are given up, whether a run of it is known or not', async () => {
  const runs = new LocalRuns({ output: ARCHIVE, config: { ...CONFIG, stateDir: folder } });
  expect((await clean(runs, { output: ARCHIVE, all: true })).length).toBe(OURS.length);
  expect(await pending()).toStrictEqual(without(OURS));
});

test('an output that cannot be looked at is told, and the others are', async () => {
  const gone = { output: `s3://${BUCKET}-gone/maps`, state: 'complete' } as const;
  const found = await clean(runsOf(gone, { output: ARCHIVE, state: 'complete' }), { all: true });
  expect(found).toContainEqual(expect.stringContaining(`${BUCKET}-gone`));
  expect(found.length).toBe(OURS.length + 1);
});
