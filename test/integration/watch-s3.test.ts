import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startChangingWorld } from '../support/changing-world.ts';
import type { ChangingWorld, MadeScene } from '../support/changing-world.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { assertExit, runCli, startCli, until } from '../support/processes.ts';
import { startS3 } from '../support/s3.ts';
import type { S3Server } from '../support/s3.ts';
import { createS3Client, objectsOf } from '../support/s3-objects.ts';
import { startAll } from '../support/server-process.ts';
import { filesOf } from '../support/small-world.ts';

const BUCKET = `tilewright-watch-${process.pid}`;

let world: ChangingWorld;
let s3: S3Server;
let client: S3Client;
let env: Readonly<Record<string, string>>;
let number = 0;

beforeAll(async () => {
  [world, s3] = await startAll(startChangingWorld(), startS3());
  await s3.createBucket(BUCKET);
  client = createS3Client(s3);
  env = { ...s3.env, TILEWRIGHT_S3_FORCE_PATH_STYLE: '1' };
}, INSTALL_TIMEOUT_MS);
afterAll(async () => {
  client.destroy();
  for (const resource of [world, s3]) await resource[Symbol.asyncDispose]();
});
beforeEach(() => {
  world.scenes.clear();
  for (const west of [0, 16]) world.scenes.set(`scene-${west}`, scene({ west, seed: west }));
  world.serve();
});

function scene(fields: Partial<MadeScene>): MadeScene {
  const datetime = '2026-06-01T00:00:00Z';
  return { west: 0, south: 0, degrees: 16, seed: 0, datetime, updated: datetime, ...fields };
}

async function watchOnce(path: string) {
  const ended = await runCli(['watch', path, '--once', '--json', '--processes', '1'], { env });
  assertExit(ended, 0);
  const lines = ended.stdout.split('\n').filter((line) => line.startsWith('{"event":"look"'));
  return lines.map((line) => JSON.parse(line) as { readonly state: string; readonly published: boolean });
}

/** What readers of an output in the bucket see: its tiles, or its archive. */
async function contentOf(name: string): Promise<readonly string[]> {
  const isArchive = name.endsWith('.pmtiles');
  const prefix = name.split('/')[0] ?? '';
  const objects = await objectsOf(client, BUCKET, prefix);
  if (!isArchive) return objects.filter((line) => /\.png /.test(line));
  const newest = objects.filter((line) => /\.pmtiles /.test(line)).map((line) => line.split(' '));
  const generation = (path = ''): number => Number(/\/(\d+)-/.exec(path)?.[1] ?? 0);
  return newest
    .toSorted(([a], [b]) => generation(b) - generation(a))
    .map(([, digest = '']) => digest)
    .slice(0, 1);
}

/** The same of a full render into a folder. */
async function rendered(path: string, name: string): Promise<readonly string[]> {
  const full = join(world.folder, `full-s3-${number++}`, name.endsWith('.pmtiles') ? 'out.pmtiles' : 'out');
  assertExit(await runCli(['render', path, '--output', full, '--processes', '1']), 0);
  if (!name.endsWith('.pmtiles')) return (await filesOf(full)).filter((line) => /\.png /.test(line));
  return [
    createHash('sha256')
      .update(await readFile(full))
      .digest('hex')
      .slice(0, 16),
  ];
}

test.each(['tiles', 'archive/out.pmtiles'])(
  'an output in a bucket (%s) follows its catalog, also over a kill',
  async (name) => {
    const path = join(world.folder, `s3-${number++}.json`);
    await writeFile(path, JSON.stringify(world.request({ output: `s3://${BUCKET}/${name}` })));
    const expectAsRendered = async (): Promise<void> => {
      expect(await contentOf(name)).toEqual(await rendered(path, name));
    };
    expect(await watchOnce(path)).toMatchObject([{ state: 'complete', published: true }]);
    await expectAsRendered();
    expect(await watchOnce(path)).toMatchObject([{ state: 'unchanged' }]);

    world.scenes.set('over', scene({ west: 4, south: 4, degrees: 8, seed: 50, datetime: '2026-06-05T00:00:00Z' }));
    for (const [id, one] of world.scenes)
      world.scenes.set(id, { ...one, seed: one.seed + 7, updated: '2026-07-01T00:00:00Z' });
    world.serve();
    const reads = world.reads();
    {
      await using killed = startCli(['watch', path, '--once', '--processes', '1'], { env });
      await until('it renders', () => world.reads() > reads + 3);
      killed.kill('SIGKILL');
      await killed.finished;
    }
    world.scenes.delete('over');
    world.serve();
    expect((await watchOnce(path)).at(-1)).toMatchObject({ state: 'complete' });
    await expectAsRendered();
  },
);
