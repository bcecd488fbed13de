import { describe, expect, test } from 'vitest';
import { BlockCache } from '../../../src/cog/block-cache.ts';
import { createCogPool } from '../../../src/cog/cog-pool.ts';
import { openCog } from '../../../src/cog/open-cog.ts';
import { TilerError } from '../../../src/errors.ts';
import { createIoCounters } from '../../../src/observe.ts';
import { createMemorySource, recordReads, type MemoryFile } from '../../support/recording-source.ts';
import { writeCog, type SyntheticCog } from '../../support/synthetic-cog.ts';

const NEVER = { signal: new AbortController().signal };
const SIZE = 1_024;

/** Noise, so that blocks are not tiny beside the gaps between them. */
function noise(seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: SIZE * SIZE }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

const BANDS = [noise(1), noise(2), noise(3)];
const COG: SyntheticCog = {
  width: SIZE,
  height: SIZE,
  bands: BANDS,
  epsg: 3857,
  transform: [1, 0, 0, 0, -1, 0],
  blockSize: 128,
  mask: noise(4),
};
const BYTES = writeCog(COG);
/** 128 × 128 pixels of three bands of noise, which do not compress, and a bit of mask for every pixel. */
const BLOCK_BYTES = 128 * 128 * 3;
const MASK_BYTES = (128 * 128) / 8;

async function start(bytes: Uint8Array, cacheBytes = 100_000_000) {
  const source = recordReads(createMemorySource({ bytes }));
  const counters = createIoCounters();
  const cache = new BlockCache(cacheBytes);
  const cog = await openCog(source, { cache, counters, ...NEVER });
  const bytesFrom = (first: number): number => source.reads.slice(first).reduce((sum, { length }) => sum + length, 0);
  return { source, counters, cache, cog, bytesFrom };
}

const NINE = { col: 130, row: 130, width: 300, height: 300 };
const request = { level: 0, window: NINE, bands: [1, 2, 3], nodata: null };

describe('requests and bytes', () => {
  test('opening is one request of 64 KiB', async () => {
    const { source } = await start(BYTES);
    expect(source.reads).toEqual([{ offset: 0, length: 65_536 }]);
  });

  test('nine blocks of 64 and their masks: one request per row of blocks and kind, hardly a byte too many, each decoded once', async () => {
    const { source, cog, counters, bytesFrom } = await start(BYTES);
    await cog.prefetch(0, [NINE, NINE], NEVER);
    expect(source.reads.length - 1).toBeLessThanOrEqual(6);
    expect(bytesFrom(1)).toBeLessThanOrEqual(1.1 * 9 * (BLOCK_BYTES + MASK_BYTES));
    expect(counters.blocksDecoded).toBe(18);
    await cog.prefetch(0, [NINE], NEVER);
    await cog.readWindow(request, NEVER);
    await cog.readWindow({ ...request, window: { ...NINE, width: 10, height: 10 } }, NEVER);
    expect(source.reads.length - 1).toBeLessThanOrEqual(6);
    expect(counters.blocksDecoded).toBe(18);
  });

  test('a whole level is a few large requests', async () => {
    const { source, cog, counters } = await start(BYTES);
    await cog.prefetch(0, [{ col: 0, row: 0, width: SIZE, height: SIZE }], NEVER);
    expect(source.reads.length - 1).toBeLessThanOrEqual(3);
    expect(counters.blocksDecoded).toBe(128);
  });

  test('windows read at the same time share their blocks', async () => {
    const { source, cog, counters } = await start(BYTES);
    const rasters = await Promise.all(Array.from({ length: 8 }, () => cog.readWindow(request, NEVER)));
    expect(counters.blocksDecoded).toBe(18);
    expect(source.reads.length - 1).toBeLessThanOrEqual(6);
    expect(new Set(rasters.map(({ bands }) => Buffer.from(bands[0]!.buffer).toString('base64'))).size).toBe(1);
  });

  test('a small cache is not driven round: what does not fit is read when it is needed', async () => {
    const { cog, counters, cache } = await start(BYTES, 10 * BLOCK_BYTES);
    await cog.prefetch(0, [{ col: 0, row: 0, width: SIZE, height: SIZE }], NEVER);
    expect(counters.blocksDecoded).toBeLessThanOrEqual(5);
    await cog.readWindow(request, NEVER);
    expect(cache.sizeBytes).toBeLessThanOrEqual(10 * BLOCK_BYTES);
  });

  test('bands that are stored apart are read apart, the mask with them', async () => {
    const { source, cog, counters } = await start(writeCog({ ...COG, planar: 'separate' }));
    const bands = [2];
    await cog.prefetch(0, [NINE], { ...NEVER, bands });
    expect(counters.blocksDecoded).toBe(18);
    const before = source.reads.length;
    expect((await cog.readWindow({ ...request, bands }, NEVER)).bands[0]![0]).toBe(BANDS[1]![130 * SIZE + 130]);
    expect(source.reads.length).toBe(before);
  });

  test('a header longer than the first read takes one more request', async () => {
    const { mask: _, ...rest } = COG;
    const grey = new Uint8Array(2_048 * 1_024);
    const cog: SyntheticCog = { ...rest, width: 2_048, height: 1_024, bands: [grey], blockSize: 16, sparse: true };
    const { source } = await start(writeCog(cog));
    expect(source.reads.length).toBe(2);
  });
});

describe('failures', () => {
  test('an abort leaves those who wait for the same blocks unharmed', async () => {
    const { cog } = await start(BYTES);
    const controller = new AbortController();
    const first = cog.readWindow(request, { signal: controller.signal });
    const second = cog.readWindow(request, NEVER);
    controller.abort();
    await expect(first).rejects.toMatchObject({ name: 'AbortError' });
    expect((await second).bands[0]![0]).toBe(BANDS[0]![130 * SIZE + 130]);
  });

  test('a failed read is not remembered', async () => {
    const memory = createMemorySource({ bytes: BYTES });
    let isDown = false;
    const source = {
      ...memory,
      read: (...args: Parameters<typeof memory.read>) =>
        isDown ? Promise.reject(new TilerError('SOURCE_UNAVAILABLE', 'it is down')) : memory.read(...args),
    };
    const cog = await openCog(source, { cache: new BlockCache(1e8), counters: createIoCounters(), ...NEVER });
    isDown = true;
    await expect(cog.readWindow(request, NEVER)).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
    isDown = false;
    expect((await cog.readWindow(request, NEVER)).width).toBe(300);
  });

  test('blocks behind the end of a cut-off file are damage, the others are read', async () => {
    const { cog } = await start(BYTES.subarray(0, BYTES.length - 200_000));
    expect((await cog.readWindow({ ...request, window: { col: 0, row: 0, width: 9, height: 9 } }, NEVER)).width).toBe(
      9,
    );
    const last = { col: SIZE - 9, row: SIZE - 9, width: 9, height: 9 };
    await expect(cog.readWindow({ ...request, window: last }, NEVER)).rejects.toMatchObject({ code: 'ASSET_CORRUPT' });
  });
});

describe('the pool', () => {
  function pool(maxOpen: number) {
    const files = new Map<string, MemoryFile>();
    const opened: ReturnType<typeof recordReads>[] = [];
    const made = createCogPool({
      maxOpen,
      cache: new BlockCache(100_000_000),
      counters: createIoCounters(),
      opener: (href) => {
        const file = files.get(href);
        if (file === undefined) throw new TilerError('ASSET_UNSUPPORTED', `no such href ${href}`);
        const source = recordReads(createMemorySource(file, href));
        opened.push(source);
        return source;
      },
    });
    for (const name of ['a', 'b', 'c']) files.set(name, { bytes: BYTES });
    return { pool: made, files, opened };
  }

  test('opens each COG once, also for many who ask at the same time', async () => {
    const { pool: cogs, opened } = pool(2);
    const [first, ...others] = await Promise.all(Array.from({ length: 5 }, () => cogs.open('a', NEVER)));
    expect(others.every((cog) => cog === first)).toBe(true);
    expect(opened.length).toBe(1);
    await cogs[Symbol.asyncDispose]();
    expect(opened[0]!.isDisposed).toBe(true);
  });

  test('pushes out the least recently used, which goes on working for whoever holds it', async () => {
    const { pool: cogs, opened } = pool(2);
    await using _ = cogs;
    const a = await cogs.open('a', NEVER);
    await cogs.open('b', NEVER);
    await cogs.open('a', NEVER);
    await cogs.open('c', NEVER);
    await cogs.open('a', NEVER);
    expect(opened.map(({ label, isDisposed }) => `${label} ${isDisposed}`)).toEqual(['a false', 'b true', 'c false']);
    await cogs.open('b', NEVER);
    await cogs.open('c', NEVER);
    expect((await a.readWindow(request, NEVER)).width).toBe(300);
  });

  test('forgets failures and aborts', async () => {
    const { pool: cogs, files, opened } = pool(2);
    await using _ = cogs;
    files.set('d', { bytes: null });
    await expect(cogs.open('d', NEVER)).rejects.toMatchObject({ code: 'ASSET_NOT_FOUND' });
    files.set('d', { bytes: BYTES });
    expect((await cogs.open('d', NEVER)).bandCount).toBe(3);
    await expect(cogs.open('none', NEVER)).rejects.toMatchObject({ code: 'ASSET_UNSUPPORTED' });
    const controller = new AbortController();
    const first = cogs.open('a', { signal: controller.signal });
    const second = cogs.open('a', NEVER);
    controller.abort();
    await expect(first).rejects.toMatchObject({ name: 'AbortError' });
    expect((await second).bandCount).toBe(3);
    expect(opened.filter(({ label }) => label === 'd')[0]!.isDisposed).toBe(true);
  });

  test('opens a file again that turned out to have changed', async () => {
    const { pool: cogs, files } = pool(2);
    await using _ = cogs;
    const before = await cogs.open('a', NEVER);
    files.get('a')!.bytes = writeCog({ ...COG, bands: [noise(9)] });
    await expect(before.readWindow(request, NEVER)).rejects.toMatchObject({ code: 'ASSET_CHANGED' });
    expect((await cogs.open('a', NEVER)).bandCount).toBe(1);
  });
});
