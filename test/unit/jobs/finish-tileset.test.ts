import { beforeEach, describe, expect, test } from 'vitest';
import { finishTileset } from '../../../jobs/finish-tileset.ts';
import type { FinishedTileset } from '../../../jobs/finish-tileset.ts';
import { manifestHead, readManifest, writeManifest } from '../../../jobs/manifest.ts';
import { createPlan } from '../../../jobs/plan-jobs.ts';
import { PLAIN_MODE } from '../../../jobs/run-update.ts';
import type { RunMode } from '../../../jobs/run-update.ts';
import { digestOf } from '../../../src/digest.ts';
import { NOTHING_LEFT_OUT } from '../../../src/render/left-out.ts';
import { ArchiveStore } from '../../../src/store/archive-store.ts';
import { MemoryObjects } from '../../../src/store/memory-objects.ts';
import type { TileStore } from '../../../src/store/tile-store.ts';
import { TileObjects } from '../../../src/store/tile-objects.ts';
import type { TilesetVersion } from '../../../src/store/versions.ts';
import { tileIdFromTile } from '../../../src/tms/tile-id.ts';
import { worldRequest } from '../../support/world-request.ts';

const signal = new AbortController().signal;
const LIST = 'changed-tiles.txt';

/** 16 metatiles at zoom 2, four of zoom 1, one of zoom 0: a tile each. */
const FIELDS = { maxzoom: 2, sourceMinzoom: 0 };
/** What the update changes, and the list of it. */
const CHANGED = [7, 12, 20];
const LISTED = /^(?:changed \d+\/\d+\/\d+\n){3}$/;

const FORMS = [
  ['tiles as objects', 'out', (o: MemoryObjects) => new TileObjects(o, { extension: 'png', contentType: 'image/png' })],
  [
    'an archive',
    'world.pmtiles',
    (o: MemoryObjects) => new ArchiveStore(o, { path: 'world.pmtiles', extension: 'png' }),
  ],
] as const;

/** The store as one process has it: `method` waits for `other` when it is called for the first time. */
function interrupted(store: TileStore, method: keyof TileStore, other: () => Promise<unknown>): TileStore {
  let isCalled = false;
  return new Proxy(store, {
    get(target, key) {
      const found: unknown = Reflect.get(target, key);
      if (typeof found !== 'function') return found;
      const call = (...given: readonly unknown[]): unknown => Reflect.apply(found, target, given);
      if (key !== method) return call;
      return async (...given: readonly unknown[]): Promise<unknown> => {
        if (!isCalled) {
          isCalled = true;
          await other();
        }
        return await call(...given);
      };
    },
  });
}

describe.each(FORMS)('an update of %s that two processes end at once', (_, output, open) => {
  const request = worldRequest({ ...FIELDS, output });
  const plan = createPlan(request);
  let store: TileStore;
  let baseline: TilesetVersion;

  const render = async (index: number, seed: number): Promise<void> => {
    const work = plan.workAt(index);
    if (work === null) throw new Error(`no metatile ${index}`);
    const sink = store.openMetatile(index);
    const bytes = new TextEncoder().encode(`${index} ${seed}`);
    const tiles = work.tiles.map((tile) => ({
      tileId: tileIdFromTile(tile),
      length: bytes.length,
      digest: digestOf(bytes),
    }));
    const inputs = { signature: digestOf(bytes), scenes: [], children: [] };
    await sink.begin({ signal });
    for (const tile of work.tiles) await sink.put(tile, bytes, { signal });
    await sink.commit({ index, inputs, tiles, empty: [], failed: [] }, { signal });
  };

  const runOf = (generation: number, mode: RunMode): FinishedTileset => ({
    request,
    requestHash: 'hash',
    generation,
    mode,
    metatiles: 21,
    unchanged: 18,
    rendered: 21,
    empty: 0,
    failed: 0,
    failures: [],
    leftOut: NOTHING_LEFT_OUT,
    signal,
  });

  const announce = async (generation: number): Promise<void> =>
    await writeManifest(
      store,
      { ...manifestHead(request, { requestHash: 'hash', generation }), state: 'rendering' },
      { signal },
    );

  const update = (): FinishedTileset => {
    const only = { only: null, baseline, basePlan: null, changedTilesFile: LIST };
    return runOf(2, { ...PLAIN_MODE, update: only });
  };

  /** What there is at last: the list, the manifest, and the version. */
  const found = async (): Promise<readonly unknown[]> => [
    await store.getDocument(LIST, { signal }),
    await readManifest(store, { signal }),
    await store.versions({ signal }),
  ];

  beforeEach(async () => {
    store = open(new MemoryObjects());
    await announce(1);
    for (let index = 0; index < plan.indexCount; index++) await render(index, 1);
    const version = await finishTileset(store, runOf(1, PLAIN_MODE));
    if (version === null) throw new Error('no version');
    baseline = version;
    await announce(2);
    for (const index of CHANGED) await render(index, 2);
  });

  test.each([
    'versions',
    'openRecords',
    'getTaggedDocument',
    'staged',
    'putDocument',
    'putDocumentIf',
    'assemble',
    'getDocument',
    'deleteStaged',
  ] as const)('is listed and published whole, whenever the other one is through: before %s', async (method) => {
    const seen: (readonly unknown[])[] = [];
    const late = interrupted(store, method, async () => {
      await finishTileset(store, update());
      seen.push(await found());
    });
    const version = await finishTileset(late, update());
    expect(version).toMatchObject({ generation: 2 });
    expect(await found()).toEqual(seen[0]);
    expect(await store.getDocument(LIST, { signal })).toMatch(LISTED);
    expect(await readManifest(store, { signal })).toMatchObject({ state: 'complete', version: version?.id });
  });

  test.each(['openRecords', 'staged', 'versions'] as const)(
    'is no version if what was tried again is as before, whichever is through first: before %s',
    async (method) => {
      for (const index of CHANGED) await render(index, 1);
      const tried = { ...update(), leftOut: { ...NOTHING_LEFT_OUT, tiles: 3 } };
      const seen: (readonly unknown[])[] = [];
      const late = interrupted(store, method, async () => {
        expect(await finishTileset(store, tried)).toEqual(baseline);
        seen.push(await found());
      });
      expect(await finishTileset(late, tried)).toEqual(baseline);
      expect(await found()).toEqual(seen[0]);
      expect(seen[0]?.[0]).toBe('');
    },
  );

  test.each(['versions', 'openRecords', 'staged', 'putDocumentIf', 'assemble'] as const)(
    'leaves the run after it alone, which is begun before %s',
    async (method) => {
      const late = interrupted(store, method, async () => {
        const version = await finishTileset(store, update());
        if (version === null) throw new Error('no version');
        baseline = version;
        await announce(3);
        await render(3, 3);
      });
      const list = async (): Promise<string | null> => await store.getDocument(LIST, { signal });
      const first = update();
      await finishTileset(late, first);
      expect(await readManifest(store, { signal })).toMatchObject({ generation: 3, state: 'rendering' });
      expect(await list()).toMatch(LISTED);
      expect(await store.staged(3, { signal })).toMatchObject({ kind: 'rendered', record: { index: 3 } });
      const mode = { ...PLAIN_MODE, update: { only: null, baseline, basePlan: null, changedTilesFile: LIST } };
      await finishTileset(store, { ...runOf(3, mode), unchanged: 20 });
      expect(await list()).toMatch(/^changed \d\/\d\/\d\n$/);
    },
  );
});
