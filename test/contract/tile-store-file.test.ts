import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createIoCounters } from '../../src/observe.ts';
import { createFileStore } from '../../src/store/file-store.ts';
import { openTileStore } from '../../src/store/open-store.ts';

const NEVER = { signal: new AbortController().signal };
const TILE = { z: 3, x: 5, y: 2 };

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tilewright-file-store-'));
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

describe('file store', () => {
  test('a tile is the file z/x/y, beside nothing else', async () => {
    const counters = createIoCounters();
    await using store = createFileStore(root, { extension: 'webp', counters });
    await store.put(TILE, Uint8Array.of(1, 2, 3), NEVER);
    await store.putDocument('tilejson.json', '{}', 'application/json', NEVER);
    expect([...(await readFile(join(root, '3/5/2.webp')))]).toEqual([1, 2, 3]);
    expect((await readdir(root, { recursive: true })).sort()).toEqual(['3', '3/5', '3/5/2.webp', 'tilejson.json']);
    expect(counters).toMatchObject({ writeRequests: 2, bytesWritten: 5 });
  });

  test('files of a killed process are no tiles, and old ones are removed', async () => {
    await using store = createFileStore(root, { extension: 'png', counters: createIoCounters() });
    await store.put(TILE, Uint8Array.of(1), NEVER);
    await writeFile(join(root, '3/5/.killed-0.tmp'), 'half a til');
    await writeFile(join(root, '3/5/.writing-0.tmp'), 'half a til');
    const longAgo = new Date(Date.now() - 7_200_000);
    await utimes(join(root, '3/5/.killed-0.tmp'), longAgo, longAgo);
    const found = [];
    for await (const tile of store.list(NEVER)) found.push(tile);
    expect(found).toEqual([TILE]);
    expect((await readdir(join(root, '3/5'))).sort()).toEqual(['.writing-0.tmp', '2.png']);
  });

  test('other things in the folder are no tiles', async () => {
    await using store = createFileStore(root, { extension: 'png', counters: createIoCounters() });
    await mkdir(join(root, '3/5/7.png'), { recursive: true });
    await mkdir(join(root, 'notes/5'), { recursive: true });
    await Promise.all(
      ['3/5/2.jpg', '3/5/x.png', '3/5/02.png', 'notes/5/2.png', '4', 'readme.txt'].map((path) =>
        writeFile(join(root, path), ''),
      ),
    );
    for await (const tile of store.list(NEVER)) expect.fail(`${tile.z}/${tile.x}/${tile.y} is listed`);
  });

  test('goes on after its folders were removed', async () => {
    await using store = createFileStore(root, { extension: 'png', counters: createIoCounters() });
    await store.put(TILE, Uint8Array.of(1), NEVER);
    await rm(join(root, '3'), { recursive: true });
    await store.put(TILE, Uint8Array.of(2), NEVER);
    expect([...(await store.get(TILE, NEVER))!]).toEqual([2]);
  });

  test('a file in the way of a folder is refused, and no leftovers stay', async () => {
    await using store = createFileStore(root, { extension: 'png', counters: createIoCounters() });
    await writeFile(join(root, '3'), '');
    await expect(store.put(TILE, Uint8Array.of(1), NEVER)).rejects.toMatchObject({
      code: 'STORE_FORBIDDEN',
      message: expect.stringContaining('3/5/2.png'),
    });
    await expect(store.get(TILE, NEVER)).rejects.toMatchObject({ code: 'STORE_FORBIDDEN' });
    expect(await readdir(root)).toEqual(['3']);
  });

  test('an output that is a file is refused before any work, and opening writes nothing', async () => {
    const file = join(root, 'file');
    await writeFile(file, '');
    const options = { extension: 'png', contentType: 'image/png', counters: createIoCounters() };
    await expect(openTileStore(file, options, NEVER)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    await using store = await openTileStore(join(root, 'new'), options, NEVER);
    expect(store.label).toBe(join(root, 'new'));
    expect(await readdir(root)).toEqual(['file']);
  });
});
