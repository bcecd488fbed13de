import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { METATILE_QUEUE, RUN_QUEUE } from '../../jobs/queue/catalog.ts';
import { followRun } from '../../jobs/queue/follow-run.ts';
import { createProgress } from '../../jobs/progress.ts';
import { enqueueMetatiles } from '../../jobs/queue/run-jobs.ts';
import { SILENT } from '../../src/observe.ts';
import { allTilesOf } from '../../src/tms/metatile.ts';
import type { MetatileWork } from '../../src/tms/metatile.ts';
import { restoreSupervisors, watchSupervisors } from '../../workers/supervisor-watch.ts';
import { until } from '../support/processes.ts';
import { useQueueWorld } from '../support/queue-world.ts';
import type { QueueWorld } from '../support/queue-world.ts';

let world: QueueWorld;
const worldOf = useQueueWorld();

beforeEach(() => {
  world = worldOf();
});

/** Waits until it is aborted, as a metatile under way does. */
async function hang(signal: AbortSignal): Promise<never> {
  return await new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new DOMException('stopped', 'AbortError')), { once: true });
  });
}

const failing = (work: MetatileWork) => ({
  rendered: 0,
  failures: allTilesOf(work).map((tile) => ({
    tile,
    code: tile.x % 2 === 0 ? ('ASSET_CORRUPT' as const) : ('ASSET_NOT_FOUND' as const),
    message: 'broken',
    retryAfterMs: null,
  })),
});

describe('pausing and resuming', () => {
  test('finishes what is under way, begins nothing more, and goes on with what is missing', async () => {
    const { runs, queues } = world;
    const { run } = await world.seed();
    let mayEnd = false;
    const begun: number[] = [];
    await world.startSupervisor();
    await world.startWorker(async (work) => {
      begun.push(work.index);
      await until('the end of the pause', () => mayEnd);
      return {};
    });
    await until('four metatiles under way', () => begun.length === 4);
    await runs.pause(run);
    expect((await world.seed()).kind).toBe('paused');
    mayEnd = true;
    await until('their end', async () => (await queues.runStore.progress(run))?.settledMetatiles === 4);
    await until('an empty queue', async () => (await world.waiting()) === 0);
    await until('the end of the supervisor', async () => (await queues.runQueue.count()) === 0);
    expect(begun).toHaveLength(4);
    expect(await runs.status(run)).toMatchObject({ state: 'paused', settledMetatiles: 4, tilesPerSecond: null });
    await expect(runs.pause(run)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    expect(await runs.resume(run)).toBe('continued');
    await world.untilState(run, 'complete');
    expect(begun.sort((a, b) => a - b)).toStrictEqual(Array.from({ length: 341 }, (_, i) => i));
    await expect(runs.resume(run)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    await expect(runs.resume('other')).rejects.toMatchObject({ code: 'RUN_UNKNOWN' });
  });

  test('keeps what failed; only retry takes that up', async () => {
    const { runs, queues } = world;
    const { run } = await world.seed();
    await queues.runStore.fail(run, { index: 5, rendered: 0, empty: 0, failures: [] });
    await runs.pause(run);
    await runs.resume(run);
    expect(await queues.runStore.progress(run)).toMatchObject({ opened: 2, failedMetatiles: 1 });
  });

  test('following says once that the run is paused', async () => {
    const { runs, queues } = world;
    const { run } = await world.seed();
    await runs.pause(run);
    const lines: string[] = [];
    const progress = createProgress({ stream: { write: (text) => lines.push(text) }, json: false });
    const following = followRun(queues.runStore, run, { progress, signal: new AbortController().signal });
    await until('the note', () => lines.some((line) => line.includes('is paused')));
    await runs.resume(run);
    await runs.cancel(run);
    expect((await following).state).toBe('cancelled');
    expect(lines.filter((line) => line.includes('is paused'))).toHaveLength(1);
  });
});

describe('cancelling', () => {
  test('stops what is under way within seconds, drops it, and settles nothing; retry renders all of it', async () => {
    const { runs, queues } = world;
    const { run } = await world.seed();
    let isHanging = true;
    let aborted = 0;
    await world.startSupervisor();
    const worker = await world.startWorker(async (_, signal) => {
      if (isHanging) await hang(signal).finally(() => aborted++);
      return {};
    });
    let failed = 0;
    worker.on('failed', () => failed++);
    await until('four metatiles under way', async () => (await queues.metatileQueue.getActiveCount()) === 4);
    await runs.cancel(run);
    expect(await world.waiting()).toBe(0);
    await until('an empty queue', async () => (await queues.metatileQueue.getActiveCount()) === 0);
    expect({ aborted, failed }).toStrictEqual({ aborted: 4, failed: 0 });
    expect(await runs.status(run)).toMatchObject({ state: 'cancelled', settledMetatiles: 0 });
    await expect(runs.cancel(run)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    isHanging = false;
    expect(await runs.retry(run)).toBe('continued');
    await world.untilState(run, 'complete');
    expect(await runs.status(run)).toMatchObject({ rendered: 341, settledMetatiles: 341 });
  });

  test('removes thousands of waiting jobs of its run and none of another', async () => {
    const { runs, queues } = world;
    const first = await world.seed({ maxzoom: 7, out: 'first' });
    const second = await world.seed({ maxzoom: 7, out: 'second' });
    for (let from = 0; from < 5000; from += 500) {
      const indices = Array.from({ length: 500 }, (_, i) => from + i);
      const turn = from < 2500 ? null : { tick: 1, taken: 0 };
      await enqueueMetatiles(queues.metatileQueue, first.run, indices, { attempts: 3, turn });
      await enqueueMetatiles(queues.metatileQueue, second.run, indices.slice(0, 50), { attempts: 3, turn });
    }
    await runs.cancel(first.run);
    expect(await world.waiting()).toBe(500);
    const left = await queues.metatileQueue.getRanges(['waiting', 'prioritized'], 0, -1);
    expect(left.every((id) => id.startsWith(`${second.run}-`))).toBe(true);
  });

  test('a paused run can be cancelled too', async () => {
    const { run } = await world.seed();
    await world.runs.pause(run);
    await world.runs.cancel(run);
    expect((await world.runs.status(run))?.state).toBe('cancelled');
  });
});

describe('the failure budget', () => {
  test('ends the run with what is there; retry counts anew', async () => {
    const { runs } = world;
    const { run } = await world.seed({}, { maxFailures: '1%' });
    let isBroken = true;
    await world.startSupervisor();
    await world.startWorker(async (work) => await Promise.resolve(isBroken && work.index >= 100 ? failing(work) : {}));
    await world.untilState(run, 'failed');
    const status = await runs.status(run);
    expect(status).toMatchObject({ maxFailures: '1%', reason: expect.stringContaining('--max-failures 1%') as string });
    // 1 % of 341 are 3; metatiles that were under way may still have failed.
    expect(status?.failed).toBeGreaterThan(3);
    expect(status?.failed).toBeLessThan(12);
    expect(Object.keys(status?.failuresByCode ?? {}).sort()).toStrictEqual(['ASSET_CORRUPT', 'ASSET_NOT_FOUND']);
    const counted = Object.values(status?.failuresByCode ?? {}).reduce((sum, count) => sum + count, 0);
    expect(counted).toBe(status?.failed);
    expect(await world.waiting()).toBe(0);
    const manifest = JSON.parse(await readFile(join(world.folder, 'out', 'tilewright.json'), 'utf8')) as object;
    expect(manifest).toMatchObject({ state: 'failed' });
    isBroken = false;
    await runs.retry(run);
    await world.untilState(run, 'complete');
    expect(await runs.status(run)).toMatchObject({ reason: null, failed: 0, rendered: 341, failuresByCode: {} });
  });

  test('a larger one may be given to a run that is there', async () => {
    const { runs, queues } = world;
    const { run } = await world.seed({}, { maxFailures: '0' });
    const tile = { z: 0, x: 0, y: 0 };
    const failures = [{ tile, code: 'ASSET_CORRUPT' as const, message: 'm', retryAfterMs: null }];
    await queues.runStore.fail(run, { index: 0, rendered: 0, empty: 0, failures });
    expect((await runs.status(run))?.reason).toContain('--max-failures 0');
    expect(await queues.runStore.claim(run, 1)).toBe('failed');
    expect((await world.seed({}, { maxFailures: '10' })).kind).toBe('found');
    expect(await queues.runStore.claim(run, 1)).toBe('todo');
    await expect(world.seed({}, { maxFailures: 'many' })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });
});

describe('a lost supervisor', () => {
  test('is replaced, whoever died before adding it, and also if it failed for good', async () => {
    const { queues, runs } = world;
    const { run } = await world.seed();
    const remove = async (): Promise<void> => await queues.runQueue.drain();
    const watch = { ...queues, attempts: 3, logger: SILENT };
    expect(await restoreSupervisors(watch)).toStrictEqual([]);
    await remove();
    expect(await restoreSupervisors(watch)).toStrictEqual([run]);
    // As if the caller of resume had died after the first of its two steps.
    await queues.runStore.changeState(run, ['running'], 'paused');
    expect(await restoreSupervisors(watch)).toStrictEqual([]);
    await queues.runStore.changeState(run, ['paused'], 'running');
    expect(await runs.resume(run)).toBe('continued');
    await expect(runs.resume(run)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    await queues.runStore.changeState(run, ['running'], 'cancelled');
    await queues.runStore.reopen(run, ['cancelled']);
    expect(await runs.retry(run)).toBe('continued');
    expect(await restoreSupervisors(watch)).toStrictEqual([]);
    await world.startSupervisor();
    await world.startWorker();
    await world.untilState(run, 'complete');
    expect(await restoreSupervisors(watch)).toStrictEqual([]);
  });

  test('jobs that vanish while a run is still adding some do not stop it', async () => {
    const { queues } = world;
    const { run } = await world.seed({ maxzoom: 7 });
    await world.startSupervisor();
    await until('a full queue', async () => (await world.waiting()) >= 5000);
    await queues.metatileQueue.drain();
    await world.startWorker(undefined, { concurrency: 16 });
    const settled = await until('metatiles again', async () => {
      const progress = await queues.runStore.progress(run);
      return (progress?.settledMetatiles ?? 0) > 100 && progress?.settledMetatiles;
    });
    expect(settled).toBeGreaterThan(100);
    await world.runs.cancel(run);
  });

  test('a worker looks by itself, one of all at a time', async () => {
    const { queues } = world;
    const { run } = await world.seed();
    await queues.runQueue.drain();
    const warnings: object[] = [];
    const logger = { ...SILENT, warn: (fields: object) => void warnings.push(fields) };
    const watch = watchSupervisors({ ...queues, attempts: 3, logger });
    await until('a supervisor', () => warnings.length > 0);
    watch[Symbol.dispose]();
    expect(warnings).toStrictEqual([{ run }]);
    expect(await queues.runQueue.count()).toBe(1);
  });

  test('one of all workers may look', async () => {
    const { turns } = world.queues.runStore;
    const taken = await Promise.all(Array.from({ length: 5 }, () => turns.takeWatch(60_000)));
    expect(taken.filter(Boolean)).toHaveLength(1);
  });
});

describe('what is known of a run', () => {
  test('zoom by zoom, its bits, its times and its pace', async () => {
    const { runs, queues } = world;
    const { run } = await world.seed({ name: 'world' });
    for (const index of [0, 1, 2, 4, 20, 21, 84, 85, 340])
      await queues.runStore.complete(run, { index, rendered: 1, empty: 0 });
    await queues.runStore.fail(run, { index: 100, rendered: 0, empty: 0, failures: [] });
    await queues.runStore.sample(run);
    await until('another millisecond', async () => ((await runs.status(run))?.tilesPerSecond ?? null) !== null);
    const status = await runs.status(run);
    expect(status?.zooms).toStrictEqual([
      { z: 0, metatiles: 1, done: 1, failed: 0 },
      { z: 1, metatiles: 4, done: 3, failed: 0 },
      { z: 2, metatiles: 16, done: 1, failed: 0 },
      { z: 3, metatiles: 64, done: 2, failed: 0 },
      { z: 4, metatiles: 256, done: 2, failed: 1 },
    ]);
    expect(status).toMatchObject({ name: 'world', engine: 'queue', state: 'running', endedAt: null, metatiles: 341 });
    expect(status?.startedAt).toMatch(/^20\d\d-/);
    const bits = await runs.metatileBits(run, 80, 24);
    expect(bits?.done).toStrictEqual(Uint8Array.of(0b00001100, 0, 0));
    expect(bits?.failed).toStrictEqual(Uint8Array.of(0, 0, 0b00001000));
    expect(await runs.metatileBits('other', 0, 8)).toBeNull();
    expect((await runs.request(run))?.name).toBe('world');
    expect(await runs.status('other')).toBeNull();
  });

  test('the counts follow the bits, which are the truth', async () => {
    const { queues } = world;
    const { run } = await world.seed();
    await world.settle({ run, index: 7 });
    const client = await queues.runQueue.getBackend().client;
    await client.hset(`{${world.config.queue.prefix}}:run:${run}`, { doneMetatiles: '341' });
    await world.startSupervisor();
    await world.startWorker();
    await world.untilState(run, 'complete');
    expect(await world.runs.status(run)).toMatchObject({ settledMetatiles: 341, rendered: 341 });
  });

  test('clean forgets ended runs of that age and their jobs, and no other', async () => {
    const { runs, queues } = world;
    const ended = await world.seed({ out: 'ended' });
    const running = await world.seed({ out: 'running' });
    const paused = await world.seed({ out: 'paused' });
    await runs.pause(paused.run);
    await world.startWorker(async (work) => await Promise.resolve(failing(work)));
    await enqueueMetatiles(queues.metatileQueue, ended.run, [3], { attempts: 3, turn: null });
    await until('a failed job', async () => (await queues.metatileQueue.getFailedCount()) === 1);
    await runs.cancel(ended.run);
    expect(await runs.clean({ olderThanMs: 3_600_000 })).toStrictEqual([]);
    expect((await runs.list()).map(({ run }) => run)).toHaveLength(3);
    expect(await runs.clean({ olderThanMs: 0 })).toStrictEqual([ended.run]);
    expect(await queues.metatileQueue.getFailedCount()).toBe(0);
    expect((await runs.list()).map(({ run }) => run)).toStrictEqual([paused.run, running.run]);
    expect(await queues.runStore.takeOutput(join(world.folder, 'ended'), 'next')).toBeNull();
  });
});

describe('jobs put into the queues by hand', () => {
  test.each([
    ['another version', { v: 2, run: 'RUN', index: 0 }, 'PAYLOAD_VERSION_UNSUPPORTED'],
    ['no such run', { v: 1, run: 'no-such-run', index: 0 }, 'RUN_UNKNOWN'],
    ['a run named like a property', { v: 1, run: '__proto__', index: 0 }, 'RUN_UNKNOWN'],
    ['an index beyond the run', { v: 1, run: 'RUN', index: 341 }, 'PAYLOAD_INVALID'],
    ['an index beyond any bitmap', { v: 1, run: 'RUN', index: Number.MAX_SAFE_INTEGER }, 'PAYLOAD_INVALID'],
    ['an index below 0', { v: 1, run: 'RUN', index: -1 }, 'PAYLOAD_INVALID'],
    ['no whole index', { v: 1, run: 'RUN', index: 0.5 }, 'PAYLOAD_INVALID'],
    ['a text for an index', { v: 1, run: 'RUN', index: '0' }, 'PAYLOAD_INVALID'],
    ['more than there should be', { v: 1, run: 'RUN', index: 0, state: 'cancelled' }, 'PAYLOAD_INVALID'],
    ['a prototype', JSON.parse('{"v":1,"run":"RUN","index":0,"__proto__":{"v":2}}') as object, 'PAYLOAD_INVALID'],
    ['a name with a key in it', { v: 1, run: 'a}:run:b', index: 0 }, 'PAYLOAD_INVALID'],
    ['a huge name', { v: 1, run: 'x'.repeat(1_000_000), index: 0 }, 'PAYLOAD_INVALID'],
    ['a huge property', { v: 1, run: 'RUN', index: 0, ['x'.repeat(1_000_000)]: 1 }, 'PAYLOAD_INVALID'],
    ['a list', [1, 'RUN', 0], 'PAYLOAD_INVALID'],
    ['nothing', null, 'PAYLOAD_INVALID'],
  ])('%s: refused once, as what it is', async (_, given, code) => {
    const { queues } = world;
    const { run } = await world.seed();
    const before = await queues.runStore.progress(run);
    const named = given !== null && 'run' in given && given.run === 'RUN' ? { ...given, run } : given;
    // A property named __proto__ is lost by spreading.
    const data = given !== null && Object.hasOwn(given, '__proto__') ? given : named;
    const opts = { attempts: 5, backoff: { type: 'custom' } };
    let executions = 0;
    await world.startWorker(undefined, { onJob: () => executions++ });
    await queues.metatileQueue.add(METATILE_QUEUE.jobName, data as never, opts);
    await until('its refusal', async () => (await queues.metatileQueue.getFailedCount()) === 1);
    const [job] = await queues.metatileQueue.getFailed();
    expect(job?.failedReason).toMatch(new RegExp(`^${code}: `));
    expect(job?.failedReason.length).toBeLessThan(500);
    expect(executions).toBe(1);
    expect(await queues.runStore.progress(run)).toStrictEqual(before);
    expect(await queues.runStore.list()).toStrictEqual([run]);
  });

  test.each([
    ['another version', { v: 9, run: 'RUN', opened: 1, cursor: 0 }, 'PAYLOAD_VERSION_UNSUPPORTED'],
    ['no such run', { v: 1, run: 'no-such-run', opened: 1, cursor: 0 }, 'RUN_UNKNOWN'],
    ['more than there should be', { v: 1, run: 'RUN', opened: 1, cursor: 0, high: 1e9 }, 'PAYLOAD_INVALID'],
  ])('a supervisor with %s', async (_, given, code) => {
    const { queues } = world;
    await queues.runQueue.add(RUN_QUEUE.jobName, given as never, { attempts: 5 });
    await world.startSupervisor();
    await until('its refusal', async () => (await queues.runQueue.getFailedCount()) === 1);
    const [job] = await queues.runQueue.getFailed();
    expect(job?.failedReason).toMatch(new RegExp(`^${code}: `));
    expect(job?.attemptsMade).toBe(1);
  });

  test('a second supervisor, and one that starts beyond the end, do no harm', async () => {
    const { queues } = world;
    const { run } = await world.seed();
    await queues.runQueue.add(RUN_QUEUE.jobName, { ...RUN_QUEUE.parse({ v: 1, run, opened: 1, cursor: 1e9 }) });
    await world.startSupervisor();
    const rendered: number[] = [];
    await world.startWorker(async ({ index }) => {
      rendered.push(index);
      return await Promise.resolve({});
    });
    await world.untilState(run, 'complete');
    expect(rendered.sort((a, b) => a - b)).toStrictEqual(Array.from({ length: 341 }, (_, i) => i));
  });
});
