import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { createIoCounters } from '../../src/observe.ts';
import { createFileStore } from '../../src/store/file-store.ts';
import { createMemoryStore } from '../../src/store/memory-store.ts';
import type { PlainTileStore } from '../../src/store/tile-store.ts';
import { describeTileStore } from './tile-store.contract.ts';

let root = '';
let count = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tilewright-store-'));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

describeTileStore('memory', async () => {
  return await Promise.resolve({ isShared: false, open: async () => await Promise.resolve(createMemoryStore()) });
});

describeTileStore('folder', async () => {
  const path = join(root, `folder ${count++}`, 'not yet there');
  const open = async (): Promise<PlainTileStore> =>
    await Promise.resolve(createFileStore(path, { extension: 'png', counters: createIoCounters() }));
  return await Promise.resolve({ isShared: true, open });
});
