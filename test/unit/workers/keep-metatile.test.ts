import { beforeEach, describe, expect, test } from 'vitest';
import { createIoMeter } from '../../../jobs/metatile-result.ts';
import type { MetatileResult } from '../../../jobs/metatile-result.ts';
import { TilerError } from '../../../src/errors.ts';
import { createTileRenderer } from '../../../src/render/render-metatile.ts';
import type { RenderOptions } from '../../../src/render/tile-renderer.ts';
import { createMemoryStore } from '../../../src/store/memory-store.ts';
import type { MetatileRecord } from '../../../src/store/records/metatile-record.ts';
import type { PlainTileStore } from '../../../src/store/tile-store.ts';
import type { MetatileWork } from '../../../src/tms/metatile.ts';
import { processMetatile } from '../../../workers/render-metatile.ts';
import { createMemoryMosaic, gridScene } from '../../support/memory-mosaic.ts';
import type { MemoryMosaic, MemoryScene } from '../../support/memory-mosaic.ts';
import { workOf } from '../../support/metatile-work.ts';
import { PLAIN_OPTIONS } from '../../support/render-options.ts';

const { signal } = new AbortController();
const OPTIONS: RenderOptions = PLAIN_OPTIONS;
const WORK = workOf({ z: 5, x: 4, y: 5, size: 2 }, undefined, 3);

let store: PlainTileStore;

beforeEach(() => {
  store = createMemoryStore();
});

function scene(id: string, value: number, columns = 2): MemoryScene {
  return gridScene({ id, z: 5, x: 8, y: 10, columns, rows: 2, bands: () => [value] });
}

interface Given {
  readonly work?: MetatileWork;
  /** Absent = not an update. */
  readonly known?: MetatileRecord | null;
  readonly onRead?: MemoryMosaic['onRead'];
  readonly options?: Partial<RenderOptions>;
}

async function run(scenes: readonly MemoryScene[], { work = WORK, known, onRead, options }: Given = {}) {
  await using mosaic = createMemoryMosaic(scenes);
  if (onRead !== undefined) mosaic.onRead = onRead;
  const renderer = createTileRenderer({ ...mosaic, options: { ...OPTIONS, ...options }, handedOn: store });
  const result: MetatileResult = await processMetatile({
    renderer,
    store,
    work,
    overwrite: true,
    ...(known !== undefined && { baseline: () => Promise.resolve(known) }),
    storeConcurrency: 2,
    timeoutMs: 60_000,
    takeIo: createIoMeter(mosaic.counters),
    signal,
  });
  const staged = await store.staged(work.index, { signal });
  if (staged === null || staged.kind === 'begun') throw new Error('a metatile that is done has staged a record');
  return { result, kind: staged.kind, record: staged.record, opens: mosaic.opens };
}

describe('an update', () => {
  test('keeps what would be the same again: nothing is opened, and only the record is written', async () => {
    const before = await run([scene('west', 100, 1)]);
    expect(before).toMatchObject({ kind: 'rendered', result: { rendered: 2, empty: 2 } });
    const { result, kind, record, opens } = await run([scene('west', 100, 1)], {
      known: { ...before.record, index: 77 },
    });
    expect(result).toMatchObject({ index: 3, rendered: 2, empty: 2, failures: [], unchanged: true });
    expect(result.io).toMatchObject({ searches: 1, readRequests: 1, blocksDecoded: 0, writeRequests: 0 });
    expect(kind).toBe('kept');
    expect(record).toStrictEqual(before.record);
    expect(opens).toEqual(['west/data']);
  });

  test('renders what changed, and what nothing is known of', async () => {
    const before = await run([scene('west', 100, 1)]);
    for (const known of [before.record, null]) {
      const { result, kind } = await run([scene('west', 101, 1)], { known });
      expect(result).not.toHaveProperty('unchanged');
      expect(kind).toBe('rendered');
    }
    const after = await run([scene('west', 101, 1)], { known: before.record });
    expect(after.record.inputs.signature).toBe(before.record.inputs.signature);
    expect(after.record.tiles[0]?.digest).not.toBe(before.record.tiles[0]?.digest);
  });

  test('notes the versions of today of what was not looked at', async () => {
    const before = await run([scene('top', 100), { ...scene('below', 50), version: '1' }]);
    const { kind, record } = await run([scene('top', 100)], { known: before.record });
    expect(kind).toBe('kept');
    expect(record.inputs.scenes).toEqual(before.record.inputs.scenes.slice(0, 1));
    expect(record.tiles).toEqual(before.record.tiles);
    const again = await run([scene('top', 100)], { known: record });
    expect(again.record).toStrictEqual(record);
  });

  test('renders again what failed, and what had to do without a scene', async () => {
    const scenes = [scene('a', 100)];
    const fails: MemoryMosaic['onRead'] = () => {
      throw new TilerError('ASSET_NOT_FOUND', 'Reading: 404');
    };
    for (const onAssetError of ['fail', 'skip'] as const) {
      const options = { onAssetError };
      const before = await run(scenes, { onRead: fails, options });
      const after = await run(scenes, { known: before.record, options });
      expect(after).toMatchObject({ kind: 'rendered', result: { rendered: 4, failures: [] } });
    }
  });

  test('a search that fails is a failure of the metatile', async () => {
    const before = await run([scene('a', 100)]);
    await using mosaic = createMemoryMosaic([]);
    const assetsForMetatile = () => Promise.reject(new TilerError('STAC_UNAVAILABLE', 'Searching: 502'));
    const backend = { ...mosaic.backend, assetsForMetatile };
    const renderer = createTileRenderer({ ...mosaic, backend, options: OPTIONS });
    const baseline = () => Promise.resolve(before.record);
    const takeIo = createIoMeter(mosaic.counters);
    const limits = { storeConcurrency: 2, timeoutMs: 60_000, overwrite: true };
    await expect(
      processMetatile({ renderer, store, work: WORK, baseline, takeIo, signal, ...limits }),
    ).rejects.toMatchObject({ code: 'STAC_UNAVAILABLE' });
  });
});

describe('a metatile that hands a tile on', () => {
  const tile = { z: 5, x: 8, y: 10 };
  const work: MetatileWork = { ...workOf({ ...tile, size: 1 }, [tile], 3), handedOn: tile };

  test('is kept with what it handed on, and rendered if that is gone or another', async () => {
    const before = await run([scene('a', 100)], { work });
    expect(before.record.part).toMatch(/^[0-9a-f]{32}$/);
    expect(await run([scene('a', 100)], { work, known: before.record })).toMatchObject({ kind: 'kept' });
    const { part, ...without } = before.record;
    expect(part).toBeDefined();
    expect(await run([scene('a', 100)], { work, known: without })).toMatchObject({ kind: 'rendered' });

    // An update put it that did not come to its end, and the catalog is as it was before that.
    await run([scene('b', 7)], { work });
    expect(await run([scene('a', 100)], { work, known: before.record })).toMatchObject({ kind: 'rendered' });
    expect(await run([scene('a', 100)], { work, known: before.record })).toMatchObject({ kind: 'kept' });

    await store.deleteStaged({ signal, keepParts: false });
    expect(await run([scene('a', 100)], { work, known: before.record })).toMatchObject({ kind: 'rendered' });
    await store.putPart(tile, new Uint8Array(9), { signal });
    expect(await run([scene('a', 100)], { work, known: before.record })).toMatchObject({ kind: 'rendered' });
  });

  test('of which another plan asks that it does is rendered', async () => {
    const before = await run([scene('a', 100)], { work: { ...work, handedOn: null } });
    expect(before.record).not.toHaveProperty('part');
    expect(await run([scene('a', 100)], { work, known: before.record })).toMatchObject({ kind: 'rendered' });
  });
});
