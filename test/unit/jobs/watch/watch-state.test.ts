import { describe, expect, test } from 'vitest';
import { leftOutAfter, NONE_LEFT_OUT } from '../../../../jobs/watch/left-out-again.ts';
import { EVERYTHING, isNothing, joinWork, NOTHING } from '../../../../jobs/watch/pending-work.ts';
import { WatchStateStore } from '../../../../jobs/watch/watch-state.ts';
import type { WatchedItem } from '../../../../jobs/watch/watched-items.ts';
import { createMemoryStore } from '../../../../src/store/memory-store.ts';
import { holdsRange } from '../../../../src/tms/index-ranges.ts';

const { signal } = new AbortController();

function item(name: string): WatchedItem {
  return { name, id: name, version: '1', updated: null, until: null, place: null, isBox: false, isChecked: false };
}

describe('pending work', () => {
  test('joins what it can keep, and is everything where it cannot', () => {
    const a = { ranges: [{ from: 1, to: 3 }], ids: ['x'] };
    const b = { ranges: [{ from: 3, to: 4 }], ids: ['x', 'y'] };
    expect(joinWork(a, b, NOTHING)).toEqual({ ranges: [{ from: 1, to: 4 }], ids: ['x', 'y'] });
    expect(joinWork(a, EVERYTHING)).toEqual(EVERYTHING);
    expect(joinWork(a, { ranges: [], ids: Array.from({ length: 10_001 }, (_, i) => `${i}`) })).toEqual(EVERYTHING);
    expect([NOTHING, EVERYTHING, a, { ranges: [], ids: ['x'] }].map(isNothing)).toEqual([true, false, false, false]);
    const many = Array.from({ length: 30_000 }, (_, i) => ({ from: i * 3, to: i * 3 + 1 }));
    const joined = joinWork({ ranges: many, ids: [] });
    expect(joined.ranges?.length).toBeLessThanOrEqual(10_000);
    expect(joined.ranges?.at(-1)?.to).toBe(many.at(-1)?.to);
  });
});

test('of metatiles that had to do without a scene no more ranges are kept than of pending work', () => {
  const found = Array.from({ length: 30_000 }, (_, i) => ({ from: i * 3, to: i * 3 + 1 }));
  const first = leftOutAfter(NONE_LEFT_OUT, found);
  expect(first.ranges.length).toBeLessThanOrEqual(10_000);
  expect(found.every(({ from, to }) => holdsRange(first.ranges, from, to))).toBe(true);
  expect(leftOutAfter(first, found)).toEqual({ ...first, tries: 1 });
});

describe('the state of a watched tileset', () => {
  const items = new Map([item('a'), item('b')].map((one) => [one.name, one]));
  const settled = {
    cursor: '2026-01-01T00:00:00.000Z',
    listedAt: null,
    version: '1-abc',
    pending: NOTHING,
    running: null,
    leftOut: NONE_LEFT_OUT,
  };

  test('comes back as it was written, by any process', async () => {
    const store = createMemoryStore();
    const one = new WatchStateStore(store, 'run', signal);
    const unknown = { ...settled, cursor: null, version: null, pending: EVERYTHING };
    expect(await one.read()).toEqual({ state: unknown, items: null });
    expect(await one.isThere()).toBe(false);
    await one.update(() => ({ ...settled, items }));
    const other = new WatchStateStore(store, 'run', signal);
    expect(await other.read()).toEqual({ state: settled, items });
    await other.add({ ranges: [{ from: 3, to: 9 }], ids: ['b'] });
    await other.add({ ranges: [{ from: 8, to: 10 }], ids: [] });
    expect((await one.read()).state.pending).toEqual({ ranges: [{ from: 3, to: 10 }], ids: ['b'] });
    expect((await one.read()).items).toEqual(items);
  });

  test('of another request, lost or damaged: everything is to be looked at', async () => {
    const store = createMemoryStore();
    await new WatchStateStore(store, 'run', signal).update(() => ({ ...settled, items }));
    expect(await new WatchStateStore(store, 'other', signal).read()).toMatchObject({
      state: { pending: EVERYTHING },
      items: null,
    });
    const read = (): ReturnType<WatchStateStore['read']> => new WatchStateStore(store, 'run', signal).read();
    await store.putDocument('watch-items-a.ndjson.gz', 'damaged', 'application/gzip', { signal });
    expect(await read()).toMatchObject({ state: { pending: EVERYTHING, version: '1-abc' }, items: null });
    await new WatchStateStore(store, 'run', signal).update((state) => ({ ...state, items }));
    expect(await read()).toEqual({ state: settled, items });
    for (const text of [
      '',
      '{',
      '{"v":2}',
      '[]',
      JSON.stringify({ v: 1, run: 'run', pending: { ranges: '!', ids: [] } }),
    ]) {
      await store.putDocument('watch.json', text, 'application/json', { signal });
      expect(await read()).toMatchObject({ state: { pending: EVERYTHING, version: null }, items: null });
    }
  });

  test('changes at the same time are all kept', async () => {
    const store = createMemoryStore();
    await new WatchStateStore(store, 'run', signal).update(() => ({ ...settled, items }));
    const writers = Array.from({ length: 8 }, (_, i) =>
      new WatchStateStore(store, 'run', signal).add({ ranges: [{ from: i * 10, to: i * 10 + 1 }], ids: [`id-${i}`] }),
    );
    const others = Array.from({ length: 3 }, (_, i) =>
      new WatchStateStore(store, 'run', signal).update((state) => ({
        ...state,
        items: new Map([...items, [`new-${i}`, item(`new-${i}`)]]),
      })),
    );
    await Promise.all([...writers, ...others]);
    const { state, items: kept } = await new WatchStateStore(store, 'run', signal).read();
    expect(state.pending.ids.toSorted()).toEqual(Array.from({ length: 8 }, (_, i) => `id-${i}`));
    expect(state.pending.ranges).toHaveLength(8);
    expect(kept === null || kept.size === 3).toBe(true);
  });
});
