import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { createIoCounters } from '../../src/observe.ts';
import { FileObjects } from '../../src/store/file-objects.ts';
import { MemoryObjects } from '../../src/store/memory-objects.ts';
import { TileObjects } from '../../src/store/tile-objects.ts';
import { describeTilesetStore } from './tileset-store.contract.ts';

const PNG = { extension: 'png', contentType: 'image/png' };

let root = '';
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tileset-store-'));
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

describeTilesetStore('tiles in memory', async () => {
  const objects = new MemoryObjects();
  return await Promise.resolve({ open: async () => await Promise.resolve(new TileObjects(objects, PNG)) });
});

describeTilesetStore('tiles in a folder', async () => {
  const folder = join(root, String(count++));
  const open = (): TileObjects => new TileObjects(new FileObjects(folder, createIoCounters()), PNG);
  return await Promise.resolve({ open: async () => await Promise.resolve(open()) });
});
