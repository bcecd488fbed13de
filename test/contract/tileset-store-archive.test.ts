import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { createIoCounters } from '../../src/observe.ts';
import { ArchiveStore } from '../../src/store/archive-store.ts';
import { FileObjects } from '../../src/store/file-objects.ts';
import { MemoryObjects } from '../../src/store/memory-objects.ts';
import { describeTilesetStore } from './tileset-store.contract.ts';

const WORLD = { path: 'world.pmtiles', extension: 'png' };

let root = '';
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'archive-store-'));
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

describeTilesetStore('archive in memory', async () => {
  const objects = new MemoryObjects();
  return await Promise.resolve({ open: async () => await Promise.resolve(new ArchiveStore(objects, WORLD)) });
});

describeTilesetStore('archive in a folder', async () => {
  const folder = join(root, String(count++));
  const open = (): ArchiveStore => new ArchiveStore(new FileObjects(folder, createIoCounters()), WORLD);
  return await Promise.resolve({ open: async () => await Promise.resolve(open()) });
});

describeTilesetStore('archive in a folder, assembled with hardly any memory', async () => {
  const folder = join(root, String(count++));
  const options = { ...WORLD, assembleMemoryBytes: 0 };
  const open = (): ArchiveStore => new ArchiveStore(new FileObjects(folder, createIoCounters()), options);
  return await Promise.resolve({ open: async () => await Promise.resolve(open()) });
});
