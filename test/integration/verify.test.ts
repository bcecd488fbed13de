import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, relative, sep } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { assertExit, runCli, startCli, until } from '../support/processes.ts';
import { startRangeServer } from '../support/range-server.ts';
import type { RangeServer } from '../support/range-server.ts';
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

describe('on an HTTP server', () => {
  /** What a folder of static files answers, with ranges. */
  async function serveFolder(folder: string): Promise<RangeServer> {
    const server = await startRangeServer();
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      server.put(`/${relative(folder, path).split(sep).join('/')}`, await readFile(path));
    }
    return server;
  }

  test('an archive with its versions is proved as it is in a folder, and compared', async () => {
    await mkdir(out('served'));
    for (const name of [
      'one.pmtiles',
      'one.versions',
      'one.versions.json',
      'one.tilejson.json',
      'one.tilewright.json',
    ]) {
      await cp(out(name), join(out('served'), name), { recursive: true });
    }
    await using server = await serveFolder(out('served'));
    const target = `${server.url}/one.pmtiles`;
    const report = await verify(target, '--holes', '--sample', 'all');
    expect(report).toMatchObject({ problems: [], code: 0, records: { isPlanned: true } });
    expect(report).toStrictEqual(await verify(out('one.pmtiles'), '--holes', '--sample', 'all'));
    expect(await runCli(['diff', target, out('folder')])).toMatchObject({ code: 0, stdout: '' });
    // Nothing of the archive is read but ranges.
    expect(server.seen.filter(({ range }) => range === null)).toStrictEqual([]);
    const id = JSON.parse(await readFile(out('one.versions.json'), 'utf8')) as { readonly current: string };
    server.put(`/one.versions/${id.current}.pmtiles`, null);
    const { problems, code } = await verify(target);
    expect(problems.map((problem) => problem.code)).toStrictEqual(['ARCHIVE_MISSING']);
    expect(code).toBe(1);
  });

  test('the archive that a preview serves', async () => {
    await using preview = startCli(['preview', out('one.pmtiles')]);
    const [url = ''] = await until('the preview', () => /http:\/\/\S+/.exec(preview.stdout() + preview.stderr()));
    const report = await verify(new URL('/archive.pmtiles', url).href, '--sample', 'all');
    expect(report).toMatchObject({ problems: [], code: 0 });
    preview.kill('SIGTERM');
    await preview.finished;
  });

  test.each([
    ['a small archive is taken whole', 0, 0, /no faults found\n$/],
    ['a large one is refused', 1, 2 ** 20, /^ASSET_UNSUPPORTED: .*ignores Range/],
  ])('that ignores ranges: %s', async (_, expected, padding, words) => {
    const archive = Buffer.concat([await readFile(out('one.pmtiles')), Buffer.alloc(padding)]);
    const server = createServer((request, response) => {
      const body = request.url === '/one.pmtiles' ? archive : Buffer.alloc(0);
      response.writeHead(body === archive ? 200 : 404, { 'content-length': body.length }).end(body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { code, stdout, stderr } = await runCli(['verify', `http://127.0.0.1:${port}/one.pmtiles`]);
    server.closeAllConnections();
    server.close();
    expect(expected === 0 ? stdout : stderr).toMatch(words);
    expect(code).toBe(expected);
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
  });

  test.each([
    ['no JSON', '{"v": 1, "current"'],
    ['nothing', ''],
    ['another shape', '{}'],
    ['a current version that is not among them', '{ "v": 1, "current": "9-00000000", "versions": [] }'],
  ])('a document of versions that holds %s', async (_, text) => {
    const folder = await damaged('unversioned');
    await writeFile(join(folder, 'versions.json'), text);
    const { problems, code, coverage } = await verify(folder);
    expect(problems.map((problem) => problem.code)).toStrictEqual(['VERSIONS']);
    expect(problems[0]?.messages[0]).toContain(join(folder, 'versions.json'));
    expect(code).toBe(1);
    // What can be checked without it still is.
    expect(coverage?.tiles).toBeGreaterThan(50);
    // Which tiles differ cannot be told.
    const trouble = await runCli(['diff', folder, out('folder')]);
    expect(trouble).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/^STORE_CONFLICT: /) });
  });

  test('a damaged document of versions beside an archive, in a folder and in S3', async () => {
    await mkdir(out('damaged-archive'));
    for (const [name, bytes] of [
      ['one.pmtiles', await readFile(out('one.pmtiles'))],
      ['one.versions.json', '['],
    ] as const) {
      await writeFile(join(out('damaged-archive'), name), bytes);
    }
    const file = await runCli(['verify', join(out('damaged-archive'), 'one.pmtiles')]);
    expect(file.stdout).toMatch(/^error VERSIONS\n/);
    expect(file.stdout).toMatch(/1 kinds of errors, 0 of warnings\n$/);
    expect(file.code).toBe(1);
    // There is no object of that name.
    await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'gone.versions.json', Body: '{' }));
    const report = await verify(`s3://${BUCKET}/gone.pmtiles@1-00000000`);
    expect(report.problems.map((problem) => problem.code)).toStrictEqual(['VERSIONS']);
    expect(report.code).toBe(1);
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
