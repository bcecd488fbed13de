import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseTilesetRequest } from '../../jobs/request/tileset-request.ts';
import { clearPicture, whatIsSeen, worldPicture } from '../demo/picture.ts';
import { PROJECT_FOLDER } from '../support/build.ts';

/** Tiles of the whole world from zoom 0 to 5. */
const WORLD_TILES = 1 + 4 + 16 + 64 + 256 + 1024;

/** A compiler service of tsx ends when it sees that its parent has, which takes it a moment. */
const LEFT_OVER_TIMEOUT_MS = 5_000;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** True if a process of the demonstration outlived it. */
  readonly leftOver: boolean;
}

/** Runs the demonstration as `npm run demo` does, in a process group of its own, so that what it leaves can be seen. */
async function runDemo(output: string, options: readonly string[] = []): Promise<Ended> {
  const args = ['node_modules/tsx/dist/cli.mjs', 'test/demo/main.ts', '--output', output, ...options];
  const child = spawn(process.execPath, args, {
    cwd: PROJECT_FOLDER,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const text = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text.stdout += part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text.stderr += part));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, ...text, leftOver: !(await groupIsGone(child.pid!)) };
}

/** True once a process group has no process any more; false if it still has one after some seconds. */
async function groupIsGone(pid: number): Promise<boolean> {
  const deadline = performance.now() + LEFT_OVER_TIMEOUT_MS;
  while (performance.now() < deadline) {
    try {
      process.kill(-pid, 0);
    } catch {
      return true;
    }
    await delay(20);
  }
  return false;
}

/** Paths and contents of the files beneath a folder in one value. */
async function hashOf(folder: string, isPart: (name: string) => boolean): Promise<string> {
  const names = (await readdir(folder, { recursive: true })).filter(isPart).sort();
  const hash = createHash('sha256');
  for (const name of names) hash.update(name).update(await readFile(join(folder, name)));
  return `${names.length} files, ${hash.digest('hex')}`;
}

async function hashOfTiles(output: string, zooms: readonly number[]): Promise<string> {
  const isPart = (name: string): boolean => name.endsWith('.png') && zooms.includes(Number(name.split('/')[0]));
  return hashOf(join(output, 'tiles'), isPart);
}

async function hashOfScenes(output: string): Promise<string> {
  return hashOf(join(output, 'scenes'), (name) => name.endsWith('.tif'));
}

/** The value of a line of the report, which begins with its name. */
function figure(stdout: string, name: string): string {
  const line = stdout.split('\n').find((candidate) => candidate.startsWith(`  ${name}  `));
  if (line === undefined) throw new Error(`The demonstration says nothing of ${name}:\n${stdout}`);
  return line.slice(name.length + 2).trim();
}

describe('npm run demo', () => {
  let output = '';
  let ended: Ended;

  beforeAll(async () => {
    output = await mkdtemp(join(tmpdir(), 'tilewright-demo-'));
    ended = await runDemo(output);
  });

  afterAll(async () => {
    await rm(output, { recursive: true, force: true });
  });

  test('ends well and leaves no process', () => {
    expect(ended).toMatchObject({ code: 0, leftOver: false });
  });

  test('shows its progress and says what it did, in figures', () => {
    expect(ended.stderr).toMatch(/100\.0 %\s+1,365\/1,365 tiles/);
    expect(figure(ended.stdout, 'tiles')).toBe('1,365 of 1,365, 0 empty, zooms 0 to 5');
    expect(figure(ended.stdout, 'written')).toMatch(/^1,365 PNG files, \d+\.\d MB$/);
    expect(figure(ended.stdout, 'time')).toMatch(/^\d+\.\d s, \d+ tiles\/s/);
    expect(figure(ended.stdout, 'STAC searches')).toMatch(/^[1-9]\d* pages$/);
    expect(figure(ended.stdout, 'range requests')).toMatch(/^[1-9][\d,]*, \d+\.\d MB read$/);
    expect(figure(ended.stdout, 'the map')).toMatch(/^npx tilewright preview \S+$/);
  });

  test('keeps the request that it rendered, and it is a good one', async () => {
    const request = parseTilesetRequest(JSON.parse(await readFile(join(output, 'request.json'), 'utf8')));
    expect(request).toMatchObject({ minzoom: 0, maxzoom: 5, output: 'tiles', pixelSelection: 'first' });
    expect(request.mosaic.sortby).toStrictEqual(['properties.eo:cloud_cover']);
  });

  test('every tile is a picture of something', async () => {
    const names = (await readdir(join(output, 'tiles'), { recursive: true })).filter((name) => name.endsWith('.png'));
    expect(names).toHaveLength(WORLD_TILES);
    const plain: string[] = [];
    for (const name of names) {
      const { info, data } = await sharp(join(output, 'tiles', name))
        .raw()
        .toBuffer({ resolveWithObject: true });
      const isTile = info.width === 256 && info.height === 256;
      if (!isTile || new Set(data).size < 8) plain.push(name);
    }
    expect(plain).toStrictEqual([]);
  });

  test('the mosaic has no gap, and far fewer clouds than a date', async () => {
    const clear = await clearPicture();
    const mosaic = whatIsSeen(await worldPicture(join(output, 'tiles')), clear);
    const oneDate = whatIsSeen(await worldPicture(join(output, 'one-date')), clear);
    expect(mosaic.covered).toBe(100);
    expect(oneDate.covered).toBeLessThan(97);
    expect(oneDate.cloudy).toBeGreaterThan(8);
    expect(mosaic.cloudy).toBeLessThan(oneDate.cloudy / 3);
  });

  test('can be run again over what is there: other zooms go, and the same zooms have the same bytes', async () => {
    const [first, scenes] = [await hashOfTiles(output, [0, 1, 2]), await hashOfScenes(output)];
    const again = await runDemo(output, ['--maxzoom', '2']);
    expect(again).toMatchObject({ code: 0, leftOver: false });
    expect(figure(again.stdout, 'tiles')).toBe('21 of 21, 0 empty, zooms 0 to 2');
    expect(await hashOfTiles(output, [0, 1, 2, 3, 4, 5])).toBe(first);
    expect(await hashOfScenes(output)).toBe(scenes);
  });
});
