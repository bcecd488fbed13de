import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import { createIoCounters } from '../../src/observe.ts';
import { createMemoryStore } from '../../src/store/memory-store.ts';
import { openTileStore } from '../../src/store/open-store.ts';
import { describeTileStore } from './tile-store.contract.ts';

const OPTIONS = { extension: 'png', contentType: 'image/png' };
const NEVER = { signal: new AbortController().signal };

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
  const open = () => openTileStore(path, { ...OPTIONS, counters: createIoCounters() }, NEVER);
  return await Promise.resolve({ isShared: true, open });
});

describeTileStore('file: URL', async () => {
  const url = pathToFileURL(join(root, `url ${count++}`)).href;
  const open = () => openTileStore(url, { ...OPTIONS, counters: createIoCounters() }, NEVER);
  return await Promise.resolve({ isShared: true, open });
});
