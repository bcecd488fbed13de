import { mkdir, mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createIoCounters } from '../../src/observe.ts';
import { openMbtiles } from '../../src/store/mbtiles/mbtiles-reader.ts';
import { MbtilesStore } from '../../src/store/mbtiles/mbtiles-store.ts';
import { openTileStore } from '../../src/store/open-store.ts';
import type { FinishedTiles, TileStore } from '../../src/store/tile-store.ts';
import { tileFromTileId } from '../../src/tms/tile-id.ts';
import { tilePath } from '../../src/tms/tile.ts';
import { DESCRIPTION } from '../support/memory-archive.ts';
import { describeTilesetStore, madeContents, renderWhole } from './tileset-store.contract.ts';

const NEVER = { signal: new AbortController().signal };

let root = '';
let count = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'mbtiles-store-'));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

function newFolder(): string {
  return join(root, `folder ${count++}`);
}

function openIn(folder: string): MbtilesStore {
  return new MbtilesStore(folder, { name: 'world.mbtiles', counters: createIoCounters() });
}

const FINISHED: Omit<FinishedTiles, 'generation'> = {
  requestHash: 'hash',
  indices: () => [],
  baseline: null,
  isSamePlan: true,
  keepVersions: 3,
  bbox: [-180, -85, 180, 85],
  metadata: DESCRIPTION.metadata,
};

/** Stages the metatile 3 as a whole run of the contents of `renderedIn(folder, 4, 2)` has it. */
async function stageChanged(store: MbtilesStore): Promise<void> {
  await using whole = openIn(newFolder());
  const contents = madeContents(new Map([[3, 4]]));
  const version = await renderWhole(whole, contents, 2);
  const record = (await (await whole.openRecords(version, NEVER)).recordAt(3, NEVER))!;
  const sink = store.openMetatile(3);
  for (const { tileId } of record.tiles.toReversed()) {
    const tile = tileFromTileId(tileId);
    await sink.put(tile, contents.get(tilePath(tile))!, NEVER);
  }
  await sink.commit(record, NEVER);
}

async function renderedIn(folder: string, seed: number, generation: number): Promise<Buffer> {
  await using store = openIn(folder);
  await renderWhole(store, madeContents(new Map([[3, seed]])), generation);
  return await readFile(join(folder, 'world.mbtiles'));
}

describeTilesetStore('MBTiles', async () => {
  const folder = newFolder();
  return await Promise.resolve({ open: async (): Promise<TileStore> => await Promise.resolve(openIn(folder)) });
});

describe('MBTiles store', () => {
  test('leaves the file, its versions and nothing else that shows', async () => {
    const folder = newFolder();
    const bytes = await renderedIn(folder, 0, 1);
    expect((await readdir(folder)).filter((name) => !name.startsWith('.')).sort()).toEqual([
      'world.mbtiles',
      'world.versions',
      'world.versions.json',
    ]);
    const [file, records] = (await readdir(join(folder, 'world.versions'))).sort();
    expect([file, records]).toEqual([
      expect.stringMatching(/^1-[0-9a-f]{8}\.mbtiles$/),
      expect.stringMatching(/\.gz$/),
    ]);
    // A second name of the file, not a copy of it.
    const [link, target] = await Promise.all(
      ['world.mbtiles', `world.versions/${file}`].map((path) => stat(join(folder, path))),
    );
    expect(link?.ino).toBe(target?.ino);
    expect(bytes.toString('latin1', 68, 72)).toBe('MPBX');
  });

  test('the same tiles give the same bytes, and so does an update', async () => {
    const whole = await renderedIn(newFolder(), 4, 2);
    expect((await renderedIn(newFolder(), 4, 2)).equals(whole)).toBe(true);
    const folder = newFolder();
    await using store = openIn(folder);
    const before = await renderWhole(store, madeContents(), 1);
    await stageChanged(store);
    const version = await store.assemble({ ...FINISHED, generation: 2, baseline: before }, NEVER);
    const updated = await readFile(join(folder, 'world.mbtiles'));
    expect(updated.equals(whole)).toBe(true);
    expect(version.bytes).toBe(whole.length);
    // The version before is as it was.
    expect((await stat(join(folder, before.archive!))).size).toBe(before.bytes);
  });

  test('a damaged file of the version before is found', async () => {
    const folder = newFolder();
    await using store = openIn(folder);
    const before = await renderWhole(store, madeContents(), 1);
    const path = join(folder, before.archive!);
    const bytes = await readFile(path);
    // In the large tile of the metatile 1.
    bytes[bytes.indexOf(Buffer.alloc(3_000, 4)) + 1_500] = 1;
    await writeFile(path, bytes);
    await stageChanged(store);
    await expect(store.assemble({ ...FINISHED, generation: 2, baseline: before }, NEVER)).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: expect.stringMatching(/its digest is/),
    });
    expect((await store.versions(NEVER))?.current).toBe(before.id);
    expect((await readdir(join(folder, 'world.versions'))).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('the newest versions are kept, and any of them can count again', async () => {
    const folder = newFolder();
    const files = [];
    for (const generation of [1, 2, 3, 4]) files.push(await renderedIn(folder, generation, generation));
    await using store = openIn(folder);
    const { versions } = (await store.versions(NEVER))!;
    expect(versions.map(({ generation }) => generation)).toEqual([4, 3, 2]);
    expect((await readdir(join(folder, 'world.versions'))).filter((name) => name.endsWith('.mbtiles'))).toHaveLength(3);
    await using reading = (await openMbtiles(join(folder, 'world.mbtiles')))!;
    const tile = { z: 3, x: 0, y: 0 };
    const newest = reading.tile(tile);
    await store.rollBack(versions[2]!.id, NEVER);
    expect((await readFile(join(folder, 'world.mbtiles'))).equals(files[1]!)).toBe(true);
    // Who has the other one open goes on reading it.
    expect(reading.tile(tile)).toEqual(newest);
    await expect(store.rollBack('1-00000000', NEVER)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  test('what a killed process was writing is removed once it is old', async () => {
    const folder = newFolder();
    await renderedIn(folder, 1, 1);
    const [old, young] = ['.old.tmp', '.young.tmp'].map((name) => join(folder, 'world.versions', name));
    for (const path of [old!, young!]) await writeFile(path, 'half a file');
    const longAgo = new Date(Date.now() - 7_200_000);
    await utimes(old!, longAgo, longAgo);
    await renderedIn(folder, 2, 2);
    expect((await readdir(join(folder, 'world.versions'))).filter((name) => name.endsWith('.tmp'))).toEqual([
      '.young.tmp',
    ]);
  });

  test('a tileset without a tile has no file, and takes away that of before', async () => {
    const folder = newFolder();
    await renderedIn(folder, 1, 1);
    await using store = openIn(folder);
    const version = await renderWhole(store, new Map(), 2);
    expect(version).toMatchObject({ archive: null, tiles: 0, empty: 64, bytes: 0 });
    expect(await readdir(folder)).not.toContain('world.mbtiles');
    expect(await store.get({ z: 3, x: 0, y: 0 }, NEVER)).toBeNull();
    for await (const tile of store.list(NEVER)) expect.fail(`${tilePath(tile)} is listed`);
  });

  test('another tileset of the same name in the folder is not touched', async () => {
    const folder = newFolder();
    await renderedIn(folder, 1, 1);
    const path = join(folder, 'world.versions.json');
    await writeFile(path, (await readFile(path, 'utf8')).replaceAll('.mbtiles', '.pmtiles'));
    await using store = openIn(folder);
    await expect(store.versions(NEVER)).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
    await expect(renderWhole(store, madeContents(), 2)).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
  });

  test('opens for an output that ends in .mbtiles, in a folder only, and writes nothing by that', async () => {
    const options = { extension: 'png', contentType: 'image/png', counters: createIoCounters() };
    const folder = newFolder();
    await mkdir(folder);
    await using store = await openTileStore(join(folder, 'new/World.MBTiles'), options, NEVER);
    expect(store).toBeInstanceOf(MbtilesStore);
    expect(store.label).toBe(join(folder, 'new/World.MBTiles'));
    expect(await store.get({ z: 0, x: 0, y: 0 }, NEVER)).toBeNull();
    expect(await readdir(folder)).toEqual([]);
    await expect(openTileStore('s3://bucket/world.mbtiles', options, NEVER)).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: expect.stringMatching(/folder.*\.pmtiles/),
    });
  });

  test('does nothing for a signal that has aborted', async () => {
    const folder = newFolder();
    await renderedIn(folder, 1, 1);
    await using store = openIn(folder);
    const aborted = { signal: AbortSignal.abort() };
    await expect(store.get({ z: 3, x: 0, y: 0 }, aborted)).rejects.toMatchObject({ name: 'AbortError' });
    await expect(store.list(aborted)[Symbol.asyncIterator]().next()).rejects.toMatchObject({ name: 'AbortError' });
  });
});
