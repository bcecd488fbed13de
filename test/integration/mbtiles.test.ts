import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../src/store/mbtiles/open-database.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { runCli } from '../support/processes.ts';
import { startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';
import { renderFile, renderKilled, renderPlainTiles } from '../support/plain-tiles.ts';

let world: SmallWorld;
let tiles: ReadonlyMap<string, Buffer>;

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

test('an MBTiles file holds the tiles of the folder, byte by byte, and no other', async () => {
  await render('one/world.mbtiles');
  const database = await openDatabase(join(world.folder, 'one/world.mbtiles'), { readOnly: true });
  const found = new Map<string, Uint8Array>();
  // By the tables of the specification, without our reader.
  const rows = database.all('SELECT zoom_level, tile_column, tile_row, tile_data FROM tiles');
  const metadata = database.all('SELECT name, value FROM metadata');
  database.close();
  for (const { zoom_level: z, tile_column: x, tile_row: row, tile_data: bytes } of rows) {
    found.set(`${Number(z)}/${Number(x)}/${2 ** Number(z) - 1 - Number(row)}`, bytes as unknown as Uint8Array);
  }
  expect([...found.keys()].sort()).toEqual([...tiles.keys()].sort());
  const differing = [...tiles].filter(([path, bytes]) => Buffer.compare(found.get(path)!, bytes) !== 0);
  expect(differing).toEqual([]);
  expect(Object.fromEntries(metadata.map(({ name, value }) => [name, value]))).toMatchObject({
    format: 'png',
    minzoom: '0',
    maxzoom: '6',
    type: 'overlay',
    tileSize: '256',
  });
});

test('it is the same bytes from any number of processes, and after a render that was killed', async () => {
  const whole = await render('same/one.mbtiles', '--processes', '1');
  expect((await render('same/two.mbtiles', '--processes', '2')).equals(whole)).toBe(true);
  const killed = await renderKilled(world, 'killed/world.mbtiles', [5, 20]);
  expect(killed.equals(whole)).toBe(true);
});

test('a bucket is refused before any work, and what can be had there is said', async () => {
  const reads = world.reads();
  const { code, stderr } = await runCli(['render', await world.request(), '--output', 's3://bucket/world.mbtiles']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/\.pmtiles/);
  expect(world.reads()).toBe(reads);
});

test('SQL of a foreign file that makes up tiles without end is an error, not a hang', async () => {
  const file = join(world.folder, 'hostile.mbtiles');
  await writeFile(file, '');
  const database = await openDatabase(file, { readOnly: false });
  database.exec(`CREATE VIEW tiles AS WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT 0 FROM r)
    SELECT n AS zoom_level, n AS tile_column, n AS tile_row, x'01' AS tile_data FROM r`);
  database.close();
  const { code, stdout, stderr } = await runCli(['verify', file]);
  expect(stderr).toMatch(/^ARCHIVE_INVALID: .*found more than the \d+ bytes of the file/);
  expect([code, stdout]).toStrictEqual([1, '']);
});
