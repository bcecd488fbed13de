import { beforeEach, describe, expect, test } from 'vitest';
import { createIoMeter } from '../../../jobs/metatile-result.ts';
import { TilerError } from '../../../src/errors.ts';
import { createIoCounters } from '../../../src/observe.ts';
import type { TileRenderer } from '../../../src/render/tile-renderer.ts';
import { NOTHING_LEFT_OUT } from '../../../src/render/left-out.ts';
import { createMemoryStore } from '../../../src/store/memory-store.ts';
import { digestOf } from '../../../src/digest.ts';
import type { MetatileRecord } from '../../../src/store/records/metatile-record.ts';
import type { MetatileSink, PlainTileStore, TileStore } from '../../../src/store/tile-store.ts';
import { tileIdFromTile } from '../../../src/tms/tile-id.ts';
import type { Tile } from '../../../src/tms/tile.ts';
import { processMetatile } from '../../../workers/render-metatile.ts';
import { OF_NOTHING, workOf } from '../../support/metatile-work.ts';

const TILES: readonly Tile[] = Array.from({ length: 16 }, (_, i) => ({ z: 2, x: i % 4, y: i >> 2 }));
const WORK = workOf({ z: 2, x: 0, y: 0, size: 4 }, TILES, 3);

let store: PlainTileStore;
const signal = new AbortController().signal;

beforeEach(() => {
  store = createMemoryStore();
});

/** A renderer by rule: the tiles of column 0 are empty, one tile fails if it is named. */
function renderer(failing: string | null = null): TileRenderer {
  const counters = createIoCounters();
  return {
    counters,
    async renderMetatile({ tiles }, sink) {
      const report = {
        rendered: 0,
        empty: 0,
        leftOut: NOTHING_LEFT_OUT,
        ...OF_NOTHING,
        failures: [] as { tile: Tile; code: 'ASSET_CORRUPT'; message: string; retryAfterMs: null }[],
      };
      counters.searches++;
      for (const tile of tiles) {
        const name = `${tile.x}/${tile.y}`;
        if (name === failing) report.failures.push({ tile, code: 'ASSET_CORRUPT', message: 'bad', retryAfterMs: null });
        else if (tile.x === 0) {
          report.empty++;
          await sink(tile, null);
        } else {
          report.rendered++;
          await sink(tile, { tile, bytes: new TextEncoder().encode(name), scenes: [] });
        }
      }
      return report;
    },
    inputsOf: () => Promise.resolve(OF_NOTHING.inputs),
    unchangedInputs: () => Promise.resolve(null),
    renderTile: () => Promise.resolve(null),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function run(
  given: {
    readonly store?: TileStore;
    readonly overwrite?: boolean;
    readonly failing?: string;
    readonly signal?: AbortSignal;
    readonly timeoutMs?: number;
  } = {},
) {
  const made = renderer(given.failing ?? null);
  return processMetatile({
    renderer: made,
    store: given.store ?? store,
    work: WORK,
    overwrite: given.overwrite ?? false,
    storeConcurrency: 2,
    timeoutMs: given.timeoutMs ?? 60_000,
    takeIo: createIoMeter(made.counters),
    signal: given.signal ?? signal,
  });
}

/** A store of which some calls are answered in another way. */
function storeWith(changes: Partial<MetatileSink>): TileStore {
  const openMetatile: TileStore['openMetatile'] = (index) => ({ ...store.openMetatile(index), ...changes });
  return Object.assign(Object.create(store) as TileStore, { openMetatile });
}

async function tilesIn(place: TileStore): Promise<number> {
  let count = 0;
  for await (const _ of place.list({ signal })) count++;
  return count;
}

describe('processMetatile', () => {
  test('puts what is rendered; every tile is counted once; all is in place when it returns', async () => {
    const result = await run();
    expect(result).toMatchObject({ index: 3, rendered: 12, empty: 4, failures: [], io: { searches: 1 } });
    expect(await tilesIn(store)).toBe(12);
    expect(await store.get({ z: 2, x: 3, y: 1 }, { signal })).toStrictEqual(new TextEncoder().encode('3/1'));
  });

  test('leaves a record of it, in an order that does not depend on which tile was done first', async () => {
    await run({ failing: '2/2' });
    const staged = await store.staged(WORK.index, { signal });
    const idOf = (x: number, y: number): number => tileIdFromTile({ z: 2, x, y });
    const record = staged?.kind === 'rendered' ? staged.record : null;
    expect(record).toStrictEqual({
      index: 3,
      inputs: OF_NOTHING.inputs,
      tiles: [1, 2, 3]
        .flatMap((x) => [0, 1, 2, 3].map((y) => ({ x, y })))
        .filter(({ x, y }) => x !== 2 || y !== 2)
        .map(({ x, y }) => ({ tileId: idOf(x, y), length: 3, digest: digestOf(`${x}/${y}`) }))
        .sort((a, b) => a.tileId - b.tileId),
      empty: [0, 1, 2, 3].map((y) => idOf(0, y)).sort((a, b) => a - b),
      failed: [{ tileId: idOf(2, 2), code: 'ASSET_CORRUPT' }],
    });
  });

  test('says that its tiles may change before the first one does, where there may be some', async () => {
    const calls: string[] = [];
    const noting: Partial<MetatileSink> = {
      begin: async () => void calls.push('begin'),
      put: async () => void calls.push('put'),
      delete: async () => void calls.push('delete'),
      commit: async () => void calls.push('commit'),
    };
    await run({ store: storeWith(noting) });
    expect([calls[0], calls.includes('begin'), calls.at(-1)]).toEqual(['put', false, 'commit']);
    calls.length = 0;
    await run({ store: storeWith(noting), overwrite: true });
    expect([calls[0], calls.at(-1)]).toEqual(['begin', 'commit']);
    expect(calls).toHaveLength(18);
  });

  test('an empty tile deletes what is there only when the run overwrites', async () => {
    const old = { z: 2, x: 0, y: 0 };
    await store.put(old, new Uint8Array(1), { signal });
    await run();
    expect(await store.get(old, { signal })).not.toBeNull();
    await run({ overwrite: true });
    expect(await store.get(old, { signal })).toBeNull();
  });

  test('a failed tile is in the result; the others are in place', async () => {
    const result = await run({ failing: '2/2' });
    expect(result).toMatchObject({
      rendered: 11,
      empty: 4,
      failures: [{ tile: { z: 2, x: 2, y: 2 }, code: 'ASSET_CORRUPT' }],
    });
    expect(await tilesIn(store)).toBe(11);
  });

  test('a tile that cannot be written is a failed tile, with its code and wait', async () => {
    const put: MetatileSink['put'] = async (tile, bytes, options) => {
      if (tile.x === 1) throw new TilerError('STORE_THROTTLED', 'slow down', { retryAfterMs: 5_000 });
      await store.put(tile, bytes, options);
    };
    const records: MetatileRecord[] = [];
    const commit: MetatileSink['commit'] = async (record) => void records.push(record);
    const result = await run({ store: storeWith({ put, commit }) });
    expect(result).toMatchObject({ rendered: 8, empty: 4 });
    expect(records.map(({ tiles, failed }) => [tiles.length, failed.length])).toEqual([[8, 4]]);
    expect(result.failures).toHaveLength(4);
    expect(result.failures[0]).toMatchObject({ code: 'STORE_THROTTLED', retryAfterMs: 5_000 });
  });

  test('writes at most as many tiles at once as it may', async () => {
    let writing = 0;
    let most = 0;
    const put: MetatileSink['put'] = async (...args) => {
      most = Math.max(most, ++writing);
      await new Promise((resolve) => setImmediate(resolve));
      await store.put(...args);
      writing--;
    };
    await run({ store: storeWith({ put }) });
    expect(most).toBe(2);
  });

  test('an abort passes through, after the writes under way', async () => {
    const stopping = new AbortController();
    let writing = 0;
    const put: MetatileSink['put'] = async (tile, bytes, options) => {
      writing++;
      stopping.abort();
      await new Promise((resolve) => setImmediate(resolve));
      await store.put(tile, bytes, options).finally(() => writing--);
    };
    await expect(run({ store: storeWith({ put }), signal: stopping.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(writing).toBe(0);
  });

  test('one that takes too long ends with JOB_TIMEOUT, and may be tried again', async () => {
    const put: MetatileSink['put'] = (_tile, _bytes, options) =>
      new Promise((_, reject) => {
        const stop = (): void => reject(new DOMException('aborted', 'AbortError'));
        if (options.signal.aborted) stop();
        else options.signal.addEventListener('abort', stop);
      });
    await expect(run({ store: storeWith({ put }), timeoutMs: 20 })).rejects.toMatchObject({
      code: 'JOB_TIMEOUT',
      retry: 'backoff',
      message: 'Rendering 4 x 4 tiles from 2/0/0: not done within 20 ms',
    });
  });
});
