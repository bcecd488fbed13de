import { beforeEach, describe, expect, test } from 'vitest';
import { readManifest, writeManifest } from '../../../jobs/manifest.ts';
import type { Manifest } from '../../../jobs/manifest.ts';
import { createPlan } from '../../../jobs/plan-jobs.ts';
import { prepareUpdate } from '../../../jobs/prepare-update.ts';
import { decideStart } from '../../../jobs/run-start.ts';
import type { DecideOptions, RunStart } from '../../../jobs/run-start.ts';
import { planFieldsOf } from '../../../jobs/run-update.ts';
import type { PlanFields, RunUpdate } from '../../../jobs/run-update.ts';
import { RENDERER_VERSION } from '../../../src/render/renderer-version.ts';
import { createMemoryStore } from '../../../src/store/memory-store.ts';
import type { PlainTileStore } from '../../../src/store/tile-store.ts';
import type { TilesetVersion } from '../../../src/store/versions.ts';
import { rangesFromText } from '../../../src/tms/ranges-text.ts';
import { OF_NOTHING } from '../../support/metatile-work.ts';

const signal = new AbortController().signal;

/** 64 metatiles at zoom 5, which make zooms 4 and 3 too, and one that is made of what they hand on. */
const PLAN: PlanFields = planFieldsOf({
  area: { bbox: [-180, -85, 180, 85] },
  minzoom: 0,
  maxzoom: 5,
  metatileSize: 4,
  sourceMinzoom: 5,
});

let store: PlainTileStore;

beforeEach(() => {
  store = createMemoryStore();
});

const record = (index: number) => ({ index, inputs: OF_NOTHING.inputs, tiles: [], empty: [index], failed: [] });

/** A finished tileset, by default of generation 1, which its manifest says in any case. */
async function finished(fields: Partial<Manifest> = {}, generation = 1): Promise<TilesetVersion> {
  const indices = [...createPlan(PLAN).works()].map(({ index }) => index);
  for (const index of indices) await store.openMetatile(index).commit(record(index), { signal });
  const tiles = { generation, requestHash: 'hash-a', indices: () => indices, baseline: null, isSamePlan: false };
  const metadata = {
    name: 'n',
    type: 'overlay',
    tileSize: 256,
    format: 'png',
    provenance: { software: 'tilewright', requestHash: 'hash-a' },
  } as const;
  const version = await store.assemble({ ...tiles, keepVersions: 1, bbox: [-180, -85, 180, 85], metadata }, { signal });
  await store.deleteStaged({ keepParts: true, signal });
  const made = [{ versions: [version.id], plan: PLAN, renderer: RENDERER_VERSION }];
  const head = { v: 1, requestHash: 'hash-a', generation: 1, state: 'complete', version: version.id } as const;
  await writeManifest(store, { ...head, parts: version.id, made, ...fields }, { signal });
  return version;
}

async function decide(requestHash: string, options: Partial<DecideOptions> = {}): Promise<RunStart> {
  return await decideStart(store, requestHash, { force: false, isUpdate: true, plan: PLAN, signal, ...options });
}

const begun = { kind: 'render', generation: 2, continues: false, overwrite: true } as const;

describe('an update', () => {
  test('of what is complete begins with the current version, and may leave metatiles out', async () => {
    const baseline = await finished();
    const update = { only: '', baseline, basePlan: null, changedTilesFile: null };
    expect(await decide('hash-a')).toStrictEqual({ ...begun, update });
    expect((await decide('hash-a', { isUpdate: false })).kind).toBe('complete');
  });

  test('by another request, another plan or another renderer leaves none out', async () => {
    const baseline = await finished();
    const update = { only: null, baseline, basePlan: null, changedTilesFile: null };
    expect(await decide('hash-b')).toStrictEqual({ ...begun, update });
    const plan = { ...PLAN, maxzoom: 6 };
    expect(await decide('hash-b', { plan })).toStrictEqual({
      ...begun,
      update: { ...update, basePlan: PLAN },
      sweeps: true,
    });
    await finished({ made: [{ versions: [baseline.id], plan: PLAN, renderer: RENDERER_VERSION + 1 }] });
    expect(await decide('hash-a')).toMatchObject({ update: { only: null } });
  });

  test('of nothing, or of what has no version, is a run like others', async () => {
    expect(await decide('hash-a')).toMatchObject({ kind: 'render', generation: 1, continues: false, overwrite: false });
    await writeManifest(store, { v: 1, requestHash: 'hash-a', generation: 4, state: 'complete' }, { signal });
    expect(await decide('hash-a')).toStrictEqual({ ...begun, generation: 5, sweeps: true });
    await writeManifest(store, { v: 1, requestHash: 'hash-a', generation: 4, state: 'failed' }, { signal });
    expect(await decide('hash-a')).toStrictEqual({ ...begun, generation: 4, continues: true });
  });

  test('that was abandoned is continued by its request, and taken in by the next update', async () => {
    const baseline = await finished();
    const update = { only: '3.2', baseline: baseline.id, changedTilesFile: null };
    const manifest = (await readManifest(store, { signal }))!;
    await writeManifest(store, { ...manifest, generation: 2, state: 'rendering', plan: PLAN, update }, { signal });
    const kept = { only: '3.2', baseline, basePlan: null, changedTilesFile: null };
    expect(await decide('hash-a', { isUpdate: false })).toStrictEqual({ ...begun, continues: true, update: kept });
    expect(await decide('hash-a')).toStrictEqual({ ...begun, generation: 3, update: kept });
    await expect(decide('hash-b', { isUpdate: false })).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
    // What it staged has other indices.
    const plan = { ...PLAN, metatileSize: 8 } as const;
    expect(await decide('hash-a', { plan })).toStrictEqual({ ...begun, generation: 3, sweeps: true });
  });

  test('with parts of another version than the one it begins with does without them', async () => {
    await finished({ parts: '1-00000000' });
    expect(await decide('hash-a')).toMatchObject({ dropsParts: true });
  });
});

test('a manifest that is damaged is refused, and written over if that is asked for', async () => {
  await finished({}, 7);
  for (const text of ['', '{"v":1', '{"v":2}', '[]']) {
    await store.putDocument('tilewright.json', text, 'application/json', { signal });
    await expect(decide('hash-a')).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
    const later = { kind: 'render', generation: 8, continues: false, overwrite: true } as const;
    expect(await decide('hash-a', { force: true })).toStrictEqual(later);
  }
});

test('what is begun anew is later than every version, also than those that the manifest does not know of', async () => {
  await finished({}, 7);
  const later = { kind: 'render', generation: 8, continues: false, overwrite: true } as const;
  expect(await decide('hash-b', { force: true })).toStrictEqual(later);
  const manifest = (await readManifest(store, { signal }))!;
  await writeManifest(store, { ...manifest, state: 'rendering', plan: PLAN }, { signal });
  const plan = { ...PLAN, maxzoom: 6 };
  expect(await decide('hash-a', { isUpdate: false, plan })).toStrictEqual(later);
  const update = { only: null, baseline: '6-00000000', changedTilesFile: null };
  await writeManifest(store, { ...manifest, state: 'rendering', plan: PLAN, update }, { signal });
  expect(await decide('hash-a', { isUpdate: false })).toStrictEqual({ ...later, sweeps: true });
});

describe('the metatiles of an update', () => {
  const [plan, parts] = [createPlan(PLAN), Uint8Array.of(1)];
  const rangesOf = (update: RunUpdate) => rangesFromText(update.only ?? 'x');

  const prepare = async (only: RunUpdate['only'], asked: readonly number[], dropsParts = false): Promise<RunUpdate> => {
    const baseline = await finished();
    const update = { only, baseline, basePlan: null, changedTilesFile: null };
    const ranges = asked.map((index) => ({ from: index, to: index + 1 }));
    return await prepareUpdate(PLAN, update, {
      store,
      asked: { only: () => ranges, changedTilesFile: 'changed.txt' },
      dropsParts,
      signal,
    });
  };

  const putParts = async (without: readonly number[] = []): Promise<void> => {
    for (const { handedOn, index } of plan.works()) {
      if (handedOn !== null && !without.includes(index)) await store.putPart(handedOn, parts, { signal });
    }
  };

  test('are those that are asked for, and those that are made of them', async () => {
    await putParts();
    const update = await prepare('', [0]);
    const zooms = plan.zooms.map(({ z, firstIndex }) => [z, firstIndex] as const);
    expect(zooms).toStrictEqual([
      [5, 0],
      [2, 64],
    ]);
    expect(rangesOf(update)).toStrictEqual([
      { from: 0, to: 1 },
      { from: 64, to: 65 },
    ]);
    expect(update.changedTilesFile).toBe('changed.txt');
    expect((await prepare(null, [0])).only).toBeNull();
  });

  test('are also what an abandoned update has staged or not come to, and children without a part', async () => {
    await putParts([17, 18]);
    const baseline = await finished();
    await store.openMetatile(40).begin({ signal });
    const update = await prepareUpdate(
      PLAN,
      { only: '5.2', baseline, basePlan: null, changedTilesFile: null },
      { store, asked: { only: () => [], changedTilesFile: null }, dropsParts: false, signal },
    );
    const indices = rangesOf(update).flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));
    expect(indices).toStrictEqual([5, 6, 17, 18, 40, 64]);
  });

  test('are all that are handed on where no part counts', async () => {
    await putParts();
    expect(rangesOf(await prepare('', [0], true))).toStrictEqual([{ from: 0, to: 65 }]);
  });
});
