import { beforeEach, describe, expect, test } from 'vitest';
import { manifestFailures, manifestLeftOut, readManifest, runId, writeManifest } from '../../../jobs/manifest.ts';
import type { Manifest } from '../../../jobs/manifest.ts';
import { decideStart } from '../../../jobs/run-start.ts';
import { createMemoryStore } from '../../../src/store/memory-store.ts';
import type { PlainTileStore } from '../../../src/store/tile-store.ts';

const signal = new AbortController().signal;
const TILE = { z: 0, x: 0, y: 0 };

let store: PlainTileStore;

beforeEach(() => {
  store = createMemoryStore();
});

function decide(force = false): ReturnType<typeof decideStart> {
  return decideStart(store, 'hash-a', { force, signal });
}

async function write(state: Manifest['state'], requestHash = 'hash-a', generation = 1): Promise<void> {
  await writeManifest(store, { v: 1, requestHash, generation, state }, { signal });
}

describe('decideStart', () => {
  test('an empty output is begun, and nothing in it needs deleting', async () => {
    expect(await decide()).toStrictEqual({ kind: 'render', generation: 1, continues: false, overwrite: false });
  });

  test.each(['rendering', 'failed'] as const)('the same request goes on when it is %s', async (state) => {
    await write(state, 'hash-a', 3);
    expect(await decide()).toStrictEqual({ kind: 'render', generation: 3, continues: true, overwrite: true });
  });

  test('a complete one is left alone, and begun anew by force in a new generation', async () => {
    await write('complete');
    expect((await decide()).kind).toBe('complete');
    expect(await decide(true)).toStrictEqual({ kind: 'render', generation: 2, continues: false, overwrite: true });
  });

  test('another request is a conflict, whatever its state, unless forced', async () => {
    for (const state of ['rendering', 'complete', 'failed'] as const) {
      await write(state, 'hash-b');
      await expect(decide()).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
    }
    expect(await decide(true)).toMatchObject({ generation: 2, continues: false, overwrite: true });
  });

  test('tiles of unknown origin are a conflict, unless forced', async () => {
    await store.put(TILE, new Uint8Array(1), { signal });
    await expect(decide()).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
    expect(await decide(true)).toStrictEqual({ kind: 'render', generation: 1, continues: false, overwrite: true });
  });
});

describe('the document', () => {
  test('is read as it was written, with its keys in one order', async () => {
    const counts = { metatiles: 1, tiles: 1, rendered: 0, empty: 0, failed: 1 };
    const failures = manifestFailures([{ tile: TILE, code: 'ASSET_CORRUPT', message: 'm', retryAfterMs: null }]);
    await writeManifest(
      store,
      { failures, counts, state: 'failed', generation: 1, requestHash: 'h', v: 1 },
      { signal },
    );
    expect(Object.keys((await readManifest(store, { signal })) ?? {})).toStrictEqual([
      'v',
      'requestHash',
      'generation',
      'state',
      'counts',
      'failures',
    ]);
  });

  test.each(['{', '[]', '{"v":2,"requestHash":"h","generation":1,"state":"complete"}'])(
    '%s is a conflict',
    async (text) => {
      await store.putDocument('tilewright.json', text, 'application/json', { signal });
      await expect(readManifest(store, { signal })).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
    },
  );

  test('says what tiles had to do without, and nothing where there is nothing', async () => {
    const scenes = [{ scene: 'c/a', code: 'ASSET_NOT_FOUND', message: 'm', tiles: 3 } as const];
    expect(manifestLeftOut({ tiles: 0, scenes: [] })).toStrictEqual({});
    const manifest = { v: 1, requestHash: 'h', generation: 1, state: 'complete' } as const;
    await writeManifest(store, { ...manifest, ...manifestLeftOut({ tiles: 3, scenes }) }, { signal });
    expect(await readManifest(store, { signal })).toStrictEqual({ ...manifest, leftOut: { tiles: 3, scenes } });
    const many = Array.from({ length: 1001 }, (_, n) => ({ ...scenes[0]!, scene: `s${n}` }));
    expect(manifestLeftOut({ tiles: 1, scenes: many }).leftOut?.scenes).toHaveLength(1000);
  });

  test('lists failures by address, whatever order they came in', () => {
    const at = (z: number, x: number, y: number) =>
      ({ tile: { z, x, y }, code: 'ASSET_CORRUPT', message: 'm', retryAfterMs: null }) as const;
    const listed = manifestFailures([at(2, 10, 0), at(2, 9, 1), at(1, 0, 0), at(2, 9, 0)]);
    expect(listed.map(({ tile }) => tile)).toStrictEqual(['1/0/0', '2/9/0', '2/9/1', '2/10/0']);
  });

  test('names the asset of a failure that is about one; a document without it is read too', async () => {
    const failed = { tile: TILE, code: 'ASSET_CORRUPT', message: 'm', retryAfterMs: null } as const;
    const failures = manifestFailures([{ ...failed, asset: 'c/i/red' }, { ...failed, asset: null }, failed]);
    const { z, x, y } = TILE;
    const listed = { tile: `${z}/${x}/${y}`, code: 'ASSET_CORRUPT', message: 'm' };
    expect(failures).toStrictEqual([{ ...listed, asset: 'c/i/red' }, listed, listed]);
    const manifest = { v: 1, requestHash: 'h', generation: 1, state: 'failed', failures } as const;
    await writeManifest(store, manifest, { signal });
    expect(await readManifest(store, { signal })).toStrictEqual(manifest);
  });
});

test('runId is short and carries the generation', () => {
  expect(runId('0123456789abcdef0123456789abcdef', 2)).toBe('0123456789abcdef-2');
});
