import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createIoCounters } from '../../src/observe.ts';
import { openTileStore } from '../../src/store/open-store.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { referenceReader } from '../support/memory-archive.ts';
import { assertExit, runCli } from '../support/processes.ts';
import { startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';
import { renderFile, renderKilled, renderPlainTiles } from '../support/plain-tiles.ts';

let world: SmallWorld;
let tiles: ReadonlyMap<string, Buffer>;
const never = { signal: new AbortController().signal };

beforeAll(async () => {
  world = await startSmallWorld();
  tiles = await renderPlainTiles(world);
}, INSTALL_TIMEOUT_MS);

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

async function render(file: string, ...more: readonly string[]): Promise<Buffer> {
  return await renderFile(world, file, ...more);
}

test('an archive holds the tiles of the folder, byte by byte, and no other', async () => {
  const archive = await render('one/tiles.pmtiles');
  const reference = referenceReader(archive);
  const { numAddressedTiles } = await reference.getHeader();
  expect(numAddressedTiles).toBe(tiles.size);
  const differing: string[] = [];
  for (const [path, bytes] of tiles) {
    const [z, x, y] = path.split('/').map(Number) as [number, number, number];
    const found = await reference.getZxy(z, x, y);
    if (Buffer.compare(new Uint8Array(found?.data ?? new ArrayBuffer(0)), bytes) !== 0) differing.push(path);
  }
  expect(differing).toStrictEqual([]);
  // Nothing is left of its making that shows.
  const left = await readdir(join(world.folder, 'one'));
  const documents = /^tiles\.[a-z]+\.json$/;
  const others = left.filter((name) => !name.startsWith('.') && !documents.test(name));
  expect(others.sort()).toStrictEqual(['tiles.pmtiles', 'tiles.versions']);
});

test('it is the same bytes from any number of processes and any size of metatile', async () => {
  const one = await render('same/one.pmtiles', '--processes', '1');
  const three = await render('same/three.pmtiles', '--processes', '3');
  expect(three.equals(one)).toBe(true);
  const request = await world.request({ metatileSize: 16, output: 'same/sixteen.pmtiles' });
  assertExit(await runCli(['render', request]), 0);
  const sixteen = await readFile(join(world.folder, 'same/sixteen.pmtiles'));
  // The request is another one, and the archive says which; all that comes before that is the same.
  const { jsonMetadataOffset } = await referenceReader(one).getHeader();
  expect(sixteen.subarray(16_384, jsonMetadataOffset).equals(one.subarray(16_384, jsonMetadataOffset))).toBe(true);
});

test('a render that is killed at any time goes on, and ends with the same archive', async () => {
  const whole = await render('undisturbed/tiles.pmtiles');
  const killed = await renderKilled(world, 'killed/tiles.pmtiles', [3, 12, 30]);
  expect(killed.equals(whole)).toBe(true);
});

test('a run with failed tiles leaves no archive; once they are mended, retry writes it', async () => {
  const whole = await render('unbroken/tiles.pmtiles');
  const output = join(world.folder, 'broken/tiles.pmtiles');
  world.breakScenes(['north-east'], 404);
  const { code } = await runCli(['render', await world.request(), '--output', output]);
  world.breakScenes([], 0);
  expect(code).toBe(3);
  expect((await readdir(join(world.folder, 'broken'))).filter((name) => name.endsWith('.pmtiles'))).toStrictEqual([]);
  assertExit(await runCli(['retry', output]), 0);
  expect((await readFile(output)).equals(whole)).toBe(true);
});

test('verify finds no fault in it, and the store reads it', async () => {
  await render('checked/tiles.pmtiles');
  const path = join(world.folder, 'checked/tiles.pmtiles');
  const { code, stdout, stderr } = await runCli(['verify', path, '--sample', 'all', '--json']);
  assertExit({ code, stderr }, 0);
  expect(JSON.parse(stdout)).toMatchObject({ problems: [], tileSize: 256 });
  const options = { extension: 'png', contentType: 'image/png', counters: createIoCounters() };
  await using store = await openTileStore(path, options, never);
  const listed: string[] = [];
  for await (const { z, x, y } of store.list(never)) listed.push(`${z}/${x}/${y}`);
  expect(listed.sort()).toStrictEqual([...tiles.keys()].sort());
  const [[first, bytes]] = [...tiles] as [[string, Buffer]];
  const [z, x, y] = first.split('/').map(Number) as [number, number, number];
  expect(Buffer.compare((await store.get({ z, x, y }, never))!, bytes)).toBe(0);
});
