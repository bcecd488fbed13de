import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { assertExit, runCli } from '../support/processes.ts';
import { startS3 } from '../support/s3.ts';
import type { S3Server } from '../support/s3.ts';
import { startAll } from '../support/server-process.ts';
import { startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';

interface Report {
  readonly problems: readonly { readonly code: string; readonly messages: readonly string[] }[];
  readonly records?: { readonly tiles: number; readonly compared: number; readonly isPlanned: boolean };
  readonly coverage?: { readonly tiles: number; readonly edges: number };
}

const BUCKET = `verified-${process.pid}`;

let world: SmallWorld;
let s3: S3Server;
let client: S3Client;
/** Of a run with tiles of their own; its output is `folder`. */
let request: string;

beforeAll(async () => {
  [world, s3] = await startAll(startSmallWorld(), startS3());
  Object.assign(process.env, s3.env);
  client = new S3Client({ forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  request = await world.request({ output: 'folder' });
  assertExit(await runCli(['render', request]), 0);
  for (const output of [out('one.pmtiles'), `s3://${BUCKET}/tiles`, `s3://${BUCKET}/one.pmtiles`]) {
    assertExit(await runCli(['render', request, '--output', output]), 0);
  }
}, INSTALL_TIMEOUT_MS);

afterAll(async () => {
  client.destroy();
  for (const name of Object.keys(s3.env)) delete process.env[name];
  await world[Symbol.asyncDispose]();
  await s3[Symbol.asyncDispose]();
});

function out(name: string): string {
  return join(world.folder, name);
}

async function verify(target: string, ...more: readonly string[]): Promise<Report & { readonly code: number | null }> {
  const { code, stdout, stderr } = await runCli(['verify', target, '--json', ...more]);
  if (stdout === '') throw new Error(stderr);
  return { ...(JSON.parse(stdout) as Report), code };
}

/** A copy of the folder that may be damaged. */
async function damaged(name: string): Promise<string> {
  await cp(out('folder'), out(name), { recursive: true });
  return out(name);
}

describe('what this program makes has no fault', () => {
  test.each([
    ['a folder', () => out('folder')],
    ['the request of it', () => request],
    ['an archive', () => out('one.pmtiles')],
    ['tiles in S3', () => `s3://${BUCKET}/tiles`],
    ['an archive in S3', () => `s3://${BUCKET}/one.pmtiles`],
  ])('%s', async (_, target) => {
    const report = await verify(target(), '--holes', '--sample', 'all');
    expect(report).toMatchObject({ problems: [], code: 0, records: { isPlanned: true } });
    expect(report.records?.compared).toBe(report.records?.tiles);
    expect(report.coverage?.tiles).toBe(report.records?.tiles);
    expect(report.coverage?.edges).toBeGreaterThan(100);
  });

  test('in words', async () => {
    const { code, stdout } = await runCli(['verify', out('one.pmtiles'), '--holes']);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^version 1-[0-9a-f]{8}: \d+ tiles and \d+ empty ones in the records of \d+ metatiles, as planned/m,
    );
    expect(stdout).toMatch(/no faults found\n$/);
  });

  test('another request is not the one that it was made of', async () => {
    const other = await world.request({ output: 'folder', maxzoom: 5 });
    const { problems, code } = await verify(other);
    expect(problems.map((problem) => problem.code)).toStrictEqual(['DOCUMENTS']);
    expect(code).toBe(1);
  });
});

describe('planted faults', () => {
  test('tiles that are gone, added and changed in a folder', async () => {
    const folder = await damaged('damaged');
    const [gone, other, longer] = ['6/35/28', '6/35/29', '6/36/29'] as const;
    const pathOf = (name: string): string => join(folder, `${name}.png`);
    await rm(pathOf(gone));
    const bytes = await readFile(pathOf(other));
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(pathOf(other), bytes);
    await writeFile(pathOf(longer), Buffer.concat([await readFile(pathOf(longer)), Buffer.alloc(1)]));
    await mkdir(join(folder, '6', '0'));
    await writeFile(pathOf('6/0/0'), 'added');
    const { problems, code } = await verify(folder, '--sample', 'all');
    const found = problems.map((problem) => [problem.code, problem.messages.join().split(/[ :]/)[0]]);
    expect(found).toStrictEqual([
      ['TILE_MISSING', gone],
      ['TILE_EXTRA', '6/0/0'],
      ['TILE_LENGTH', longer],
      ['TILE_DIGEST', other],
    ]);
    expect(code).toBe(1);
  });

  test('a manifest and a TileJSON that are of another version', async () => {
    const folder = await damaged('documents');
    const replace = async (file: string, from: RegExp, to: string): Promise<void> => {
      await writeFile(join(folder, file), (await readFile(join(folder, file), 'utf8')).replace(from, to));
    };
    await replace('tilewright.json', /"rendered": \d+/, '"rendered": 1');
    await replace('tilejson.json', /1\.1\.0\+1-[0-9a-f]{8}/, '1.9.0+9-00000000');
    const { problems, code } = await verify(folder);
    expect(problems.map((problem) => problem.code)).toStrictEqual(['DOCUMENTS']);
    expect(problems[0]?.messages).toHaveLength(2);
    expect(code).toBe(1);
    await writeFile(join(folder, 'versions.json'), '{}');
    const { code: broken, stderr } = await runCli(['verify', folder]);
    expect(stderr).toMatch(/^STORE_CONFLICT: /);
    expect(broken).toBe(1);
  });

  test('in S3: an archive that is not there, a tile that is gone, one that was added', async () => {
    const { stdout } = await runCli(['verify', `s3://${BUCKET}/one.pmtiles`, '--json']);
    const { version } = (JSON.parse(stdout) as { readonly records: { readonly version: string } }).records;
    await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'tiles/6/0/0.png', Body: 'added' }));
    const { problems } = await verify(`s3://${BUCKET}/tiles`);
    expect(problems).toMatchObject([{ code: 'TILE_EXTRA', messages: ['6/0/0 is there, and in no record'] }]);
    await client.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'tiles/6/0/0.png' }));
    await client.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: `one.versions/${version}.pmtiles` }));
    const gone = await verify(`s3://${BUCKET}/one.pmtiles`);
    expect(gone.problems.map((problem) => problem.code)).toStrictEqual(['ARCHIVE_MISSING']);
    expect(gone.code).toBe(1);
  });

  test('a foreign folder: holes and seams alone', async () => {
    const folder = await damaged('foreign');
    for (const name of ['versions.json', 'tilewright.json', 'tilejson.json']) await rm(join(folder, name));
    const whole = await verify(folder);
    expect(whole).toMatchObject({ problems: [], code: 0 });
    expect(whole.records).toBeUndefined();
    // Its eight neighbours are there, and so are those of its parent.
    await rm(join(folder, '6', '35', '28.png'));
    const { problems, code } = await verify(folder);
    expect(problems).toMatchObject([{ code: 'HOLE', messages: ['6/35/28 is missing; 5/17/14 has pixels there'] }]);
    expect(code).toBe(1);
  });

  test.each([
    ['nothing there', 'nowhere', 2],
    ['no such version', 'folder@9-00000000', 2],
    ['another scheme', 'ftp://example.test/a.pmtiles', 2],
    ['no archive', 'none.pmtiles', 1],
  ])('%s', async (_, target, expected) => {
    const { code, stdout } = await runCli(['verify', target], { cwd: world.folder });
    expect(code).toBe(expected);
    expect(stdout).toBe('');
  });
});

describe('diff', () => {
  test('two versions of an archive, and an archive and a folder', async () => {
    const output = out('two.pmtiles');
    assertExit(await runCli(['render', request, '--output', output]), 0);
    const same = await runCli(['diff', output, out('folder')]);
    expect(same).toMatchObject({ code: 0, stdout: '' });
    assertExit(await runCli(['render', await world.request({ maxzoom: 5 }), '--output', output, '--force']), 0);
    const versions = JSON.parse(await readFile(out('two.versions.json'), 'utf8')) as {
      readonly versions: readonly { readonly id: string }[];
    };
    const [young, old] = versions.versions.map(({ id }) => `${output}@${id}`) as [string, string];
    const { code, stdout } = await runCli(['diff', old, young]);
    expect(code).toBe(1);
    const lines = stdout.trim().split('\n');
    expect(lines.filter((line) => /^6\/\d+\/\d+ removed$/.test(line))).toHaveLength(lines.length);
    const summary = await runCli(['diff', young, old, '--summary']);
    expect(summary).toMatchObject({ code: 1, stdout: `${lines.length} added, 0 changed, 0 removed, 0 emptied\n` });
    const json = await runCli(['diff', young, old, '--summary', '--json']);
    expect(JSON.parse(json.stdout)).toStrictEqual({
      event: 'summary',
      added: lines.length,
      changed: 0,
      removed: 0,
      emptied: 0,
    });
  });

  test('trouble is 2, and no finding', async () => {
    const { code, stdout, stderr } = await runCli(['diff', out('folder'), out('nowhere')]);
    expect(stderr).toMatch(/^REQUEST_INVALID: /);
    expect([code, stdout]).toStrictEqual([2, '']);
  });
});
