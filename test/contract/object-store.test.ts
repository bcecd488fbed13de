import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { createIoCounters } from '../../src/observe.ts';
import { FileObjects } from '../../src/store/file-objects.ts';
import { MemoryObjects } from '../../src/store/memory-objects.ts';
import { describeObjectStore } from './object-store.contract.ts';

let folder = '';
let stores = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tilewright-objects-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describeObjectStore('memory', async () => await Promise.resolve(new MemoryObjects()));
describeObjectStore('folder', async () => {
  return await Promise.resolve(new FileObjects(join(folder, String(stores++)), createIoCounters()));
});
