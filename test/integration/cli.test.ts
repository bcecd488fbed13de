import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLI_PATH, PROJECT_FOLDER } from '../support/build.ts';
import { assertExit, runCli } from '../support/processes.ts';
import { startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';

let world: SmallWorld;
let request: string;

beforeAll(async () => {
  world = await startSmallWorld();
  request = await world.request();
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

test('what is built can be started by its name alone, as npx does', async () => {
  const { stdout } = await promisify(execFile)(CLI_PATH, ['--version']);
  const { version } = JSON.parse(await readFile(join(PROJECT_FOLDER, 'package.json'), 'utf8')) as { version: string };
  expect(stdout).toBe(`${version}\n`);
});

describe('tile, point, assets, plan', () => {
  test('tile writes one PNG and says which scenes are in it', async () => {
    const file = join(world.folder, 'tile.png');
    const { code, stdout, stderr } = await runCli(['tile', '4/8/6', request, '--output', file, '--json']);
    assertExit({ code, stderr }, 0);
    const bytes = await readFile(file);
    expect(bytes.subarray(1, 4).toString('latin1')).toBe('PNG');
    const said = JSON.parse(stdout) as { readonly bytes: number; readonly scenes: readonly string[] };
    expect(said.bytes).toBe(bytes.length);
    expect(said.scenes.length).toBeGreaterThan(0);
  });

  test('an empty tile is no error and writes nothing', async () => {
    const { code, stdout } = await runCli(['tile', '4/0/15', request], { cwd: world.folder });
    expect(code).toBe(0);
    expect(stdout).toBe('4/0/15: empty, nothing written\n');
    expect((await readdir(world.folder)).filter((name) => name.startsWith('4-'))).toStrictEqual([]);
  });

  test('point shows values, also at negative coordinates', async () => {
    const inside = await runCli(['point', '10.5,10.5', request, '--json']);
    assertExit(inside, 0);
    expect(JSON.parse(inside.stdout)).toMatchObject({ lng: 10.5, lat: 10.5, scenes: [{ itemId: 'south-west' }] });
    const outside = await runCli(['point', '-10.5,-20', request]);
    assertExit(outside, 0);
    expect(outside.stdout).toBe('-10.5,-20: no data\n');
  });

  test.each([
    ['4/8/6', ['north-east', 'north-west']],
    ['25,10', ['south-east']],
    ['-10,-10,25,10', ['south-east', 'south-west']],
  ])('assets of %s', async (place, expected) => {
    const { code, stdout, stderr } = await runCli(['assets', place, request, '--json']);
    assertExit({ code, stderr }, 0);
    const items = stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { readonly itemId: string }).itemId);
    expect(items.sort()).toStrictEqual(expected);
  });

  test('plan counts and asks no one', async () => {
    const before = world.stac.requests.length;
    const { code, stdout } = await runCli(['plan', request, '--json', '--maxzoom', '1', '--bbox', '-180,-85,180,85']);
    expect(code).toBe(0);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toStrictEqual([
      { event: 'zoom', z: 0, tiles: 1, metatiles: 1, searches: 1 },
      { event: 'zoom', z: 1, tiles: 4, metatiles: 1, searches: 1 },
      { event: 'plan', tiles: 5, metatiles: 2, searches: 2 },
    ]);
    expect(world.stac.requests.length).toBe(before);
  });

  test('render with --json: progress on stderr, one summary on stdout, each line an object', async () => {
    const { code, stdout, stderr } = await runCli([
      'render',
      request,
      '--json',
      '--output',
      join(world.folder, 'json'),
    ]);
    assertExit({ code, stderr }, 0);
    const events = (text: string): string[] =>
      text
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { readonly event: string }).event);
    expect(events(stdout)).toStrictEqual(['summary']);
    expect(new Set(events(stderr))).toStrictEqual(new Set(['progress']));
  });
});

describe('wrong usage and requests end with 2 and write nothing', () => {
  const output = (): string => join(world.folder, 'never');

  test.each([
    ['an unknown field', { minZoom: 3 }, 'minZoom'],
    ['minzoom > maxzoom', { minzoom: 7 }, 'minzoom'],
    ['a wrong type', { tileSize: '256' }, 'tileSize'],
    ['an empty area', { area: { bbox: [10, 10, 10, 20] } }, 'area'],
    ['an unknown asset', { assets: ['infrared'] }, 'infrared'],
    ['an archive without a name', { output: '.pmtiles' }, 'pmtiles'],
  ])('%s', async (_, fields, named) => {
    const path = await world.request({ output: output(), ...fields });
    const { code, stdout, stderr } = await runCli(['render', path]);
    expect(stderr).toMatch(/^(REQUEST_INVALID|ASSET_KEY_UNKNOWN): /m);
    expect(stderr).toContain(named);
    expect(stderr, 'no stack').not.toMatch(/^\s+at /m);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(existsSync(output())).toBe(false);
  });

  test.each([
    [['render'], 'REQUEST is missing'],
    [['render', 'a.json', 'b.json'], 'one value too many'],
    [['render', '--sideways', 'a.json'], '--sideways'],
    [['rendr', 'a.json'], 'rendr'],
    [['tile', '4/99/0', 'a.json'], '4/99/0'],
    [['point', '200,0', 'a.json'], '200,0'],
    [['render', 'a.json', '--processes', '0'], '--processes'],
    [['render', 'a.json', '--bbox', '1,2,3'], '--bbox'],
    [['status', '--redis', 'http://x'], 'REDIS_URL'],
  ])('%j', async (args, named) => {
    const { code, stderr } = await runCli(args, { cwd: world.folder });
    expect(stderr).toContain(named);
    expect(code).toBe(2);
  });

  test('a request that is not JSON', async () => {
    const path = join(world.folder, 'broken.json');
    await writeFile(path, '{ "name": ');
    const { code, stderr } = await runCli(['plan', path]);
    expect(stderr).toMatch(/^REQUEST_INVALID: /);
    expect(code).toBe(2);
  });

  test('an unknown variable of ours, with the one that was meant', async () => {
    const { code, stderr } = await runCli(['render', request], { env: { TILEWRIGHT_BLOCK_CACHE_MB: '1' } });
    expect(stderr).toMatch(/^CONFIG_INVALID: .*did you mean TILEWRIGHT_BLOCK_CACHE_MIB\?/);
    expect(code).toBe(2);
  });
});

describe('what is not there', () => {
  test('a Redis that is away ends a seed with 1, soon, and nothing is written', async () => {
    const path = await world.request({ output: 'no-redis' });
    const { code, stderr } = await runCli(['seed', path, '--redis', 'redis://user:secret@127.0.0.1:1']);
    expect(stderr).toMatch(/^QUEUE_UNAVAILABLE: Connecting to Redis at redis:\/\/\*\*\*@127\.0\.0\.1:1: /m);
    expect(stderr).not.toContain('secret');
    expect(code).toBe(1);
    expect(existsSync(join(world.folder, 'no-redis'))).toBe(false);
  });

  test('a STAC API that is away ends a render with 1, and nothing is written', async () => {
    const path = await world.request({
      output: 'no-stac',
      mosaic: { type: 'stac', url: 'http://127.0.0.1:1/search' },
    });
    const { code, stderr } = await runCli(['render', path], { env: { TILEWRIGHT_STAC_RETRIES: '0' } });
    expect(stderr).toMatch(/^STAC_UNAVAILABLE: /m);
    expect(code).toBe(1);
    expect(existsSync(join(world.folder, 'no-stac'))).toBe(false);
  });
});
