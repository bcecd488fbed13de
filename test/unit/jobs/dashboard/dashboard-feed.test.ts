import { describe, expect, test } from 'vitest';
import { createRunFeed } from '../../../../jobs/dashboard/feed.ts';
import { createRunReader } from '../../../../jobs/dashboard/run-reader.ts';
import { createRunMetrics, foremostRuns, remainingMetatiles } from '../../../../jobs/run-metrics.ts';
import { createMemoryRuns } from '../../../support/memory-runs.ts';
import { until } from '../../../support/processes.ts';

const { signal } = new AbortController();

describe('createRunReader', () => {
  test('askers at the same time share one reading', async () => {
    const runs = createMemoryRuns();
    runs.add('one');
    const reader = createRunReader(runs, { signal });
    const lists = await Promise.all(Array.from({ length: 50 }, () => reader.list()));
    expect(new Set(lists).size).toBe(1);
    await reader.list();
    expect(runs.calls.get('list')).toBe(1);
  });

  test('a store that does not answer is said to be away, and is not asked again meanwhile', async () => {
    const runs = createMemoryRuns();
    let back = (): void => {};
    runs.away = new Promise((resolve) => (back = resolve));
    const reader = createRunReader(runs, { signal, timeoutMs: 10 });
    for (let i = 0; i < 3; i++) await expect(reader.list()).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
    expect(runs.calls.get('list')).toBe(1);
    runs.away = null;
    back();
    await until('an answer', () => reader.list().catch(() => null));
  });
});

describe('createRunFeed', () => {
  /** Without the second that a list is kept. */
  const readerOf = (runs: ReturnType<typeof createMemoryRuns>) => ({
    list: () => runs.list(),
    within: <T>(_: string, work: () => Promise<T>) => work(),
  });

  test('sends all runs first, then those that changed, to every page from one poll', async () => {
    const runs = createMemoryRuns();
    const first = runs.add('first');
    runs.add('second');
    const feed = createRunFeed(readerOf(runs), { intervalMs: 1 });
    const [mine, other]: [string[], string[]] = [[], []];
    const ends = [mine, other].map((messages) => feed.listen((text) => void messages.push(text)));
    await until('all runs', () => mine.length > 0 && other.length > 0);
    expect(mine[0]).toMatch(/^event: runs\ndata: \{"runs":\[\{"run":"second".*\{"run":"first".*\}\n\n$/);
    first.settle(3, 'done');
    const isChange = (text: string): boolean => text.startsWith('event: changed');
    await until('a change', () => mine.some(isChange) && other.some(isChange));
    const changes = mine.filter(isChange);
    expect(changes[0]).toContain('"run":"first"');
    expect(changes[0]).not.toContain('"run":"second"');
    runs.add('third');
    await until('a new run', () => mine.filter((text) => text.startsWith('event: runs')).length === 2);
    for (const end of ends) end();
    feed.close();
  });

  test('nobody listens: nothing is asked; who comes later gets all', async () => {
    const runs = createMemoryRuns();
    runs.add('one');
    const feed = createRunFeed(readerOf(runs), { intervalMs: 1 });
    expect(runs.calls.get('list')).toBeUndefined();
    const messages: string[] = [];
    const end = feed.listen((text) => void messages.push(text));
    await until('some polls', () => (runs.calls.get('list') ?? 0) > 3);
    // As listened to as this one was before: what it has polled tells how much time went by.
    const clock = createMemoryRuns();
    const ticking = createRunFeed(readerOf(clock), { intervalMs: 1 });
    const polls = () => clock.calls.get('list') ?? 0;
    end();
    ticking.listen(() => {});
    await until('a poll that may be under way', () => polls() > 3);
    const asked = runs.calls.get('list');
    await until('some polls of the other', () => polls() > 20);
    expect(runs.calls.get('list')).toBe(asked);
    ticking.close();
    const later: string[] = [];
    feed.listen((text) => void later.push(text));
    await until('all runs again', () => later.some((text) => text.startsWith('event: runs')));
    feed.close();
  });

  test('says that the runs cannot be read, and sends all when they can again', async () => {
    const runs = createMemoryRuns();
    runs.add('one');
    let isAway = true;
    const reader = {
      list: () => (isAway ? Promise.reject(new Error('no Redis')) : runs.list()),
      within: <T>(_: string, work: () => Promise<T>) => work(),
    };
    const feed = createRunFeed(reader, { intervalMs: 1 });
    const messages: string[] = [];
    feed.listen((text) => void messages.push(text));
    await until('trouble', () => messages.includes('event: trouble\ndata: {"message":"no Redis"}\n\n'));
    isAway = false;
    const all = await until('the runs', () => messages.find((text) => text.startsWith('event: runs')) ?? null);
    expect(all).toContain('"run":"one"');
    feed.close();
  });
});

test('of many runs, those that are not over come before the newest', async () => {
  const runs = createMemoryRuns();
  for (let i = 0; i < 10; i++) runs.add(`run-${i}`).state = i === 2 ? 'paused' : i === 4 ? 'running' : 'complete';
  const names = foremostRuns(await runs.list(), 4).map(({ run }) => run);
  expect(names).toEqual(['run-9', 'run-8', 'run-4', 'run-2']);
  expect(foremostRuns(await runs.list(), 1).map(({ run }) => run)).toEqual(['run-4']);
});

describe('createRunMetrics', () => {
  test('gives figures of every run, and what remains of the running ones', async () => {
    const runs = createMemoryRuns();
    const world = runs.add('world-1', { maxzoom: 2 });
    for (let i = 0; i < 5; i++) world.settle(i, 'done');
    world.settle(5, 'failed');
    world.failures = [{ tile: { z: 2, x: 0, y: 1 }, code: 'ASSET_CORRUPT', message: 'm', retryAfterMs: null }];
    const paused = runs.add('other-1');
    paused.state = 'paused';
    const metrics = createRunMetrics(runs);
    const text = await metrics.text();
    expect(metrics.contentType).toMatch(/^text\/plain/);
    for (const line of [
      'tilewright_metatiles_remaining 15',
      'tilewright_runs{state="running"} 1',
      'tilewright_runs{state="paused"} 1',
      'tilewright_run_metatiles{run="world-1",state="todo"} 15',
      'tilewright_run_metatiles{run="world-1",state="done"} 5',
      'tilewright_run_metatiles{run="world-1",state="failed"} 1',
      'tilewright_run_tiles{run="world-1",outcome="rendered"} 5',
      'tilewright_run_failures{run="world-1",code="ASSET_CORRUPT"} 1',
      'tilewright_run_tiles_per_second{run="world-1"} 12.5',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    expect(remainingMetatiles(await runs.list())).toBe(15);
    world.state = 'cancelled';
    expect(await metrics.text()).toContain('tilewright_metatiles_remaining 0\n');
  });
});
