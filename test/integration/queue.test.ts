import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UnrecoverableError } from 'bullmq';
import { beforeEach, describe, expect, test } from 'vitest';
import { METATILE_QUEUE, RUN_QUEUE } from '../../jobs/queue/catalog.ts';
import { retryRun } from '../../jobs/queue/producer.ts';
import type { Queues } from '../../jobs/queue/queues.ts';
import { createIoCounters } from '../../src/observe.ts';
import { createFileStore } from '../../src/store/file-store.ts';
import { until } from '../support/processes.ts';
import { useQueueWorld } from '../support/queue-world.ts';
import type { QueueWorld } from '../support/queue-world.ts';

const HIGH = 50;
const signal = new AbortController().signal;

let world: QueueWorld;
let queues: Queues;
const worldOf = useQueueWorld({ TILEWRIGHT_QUEUE_HIGH: String(HIGH) });

beforeEach(() => {
  world = worldOf();
  ({ queues } = world);
});

describe('the record of a run', () => {
  const RUN = 'run-1';

  beforeEach(async () => {
    await queues.runStore.create({ ...world.recordOf(), run: RUN, generation: 1, overwrite: true });
  });

  test('is read as it was written, and created once', async () => {
    const { runStore } = queues;
    expect(await runStore.get(RUN)).toStrictEqual({ ...world.recordOf(), run: RUN, generation: 1, overwrite: true });
    expect(await runStore.create({ ...world.recordOf(), run: RUN, generation: 2, overwrite: false })).toBe(false);
    expect(await runStore.get('other')).toBeNull();
    expect(await runStore.progress('other')).toBeNull();
    expect(await runStore.list()).toStrictEqual([RUN]);
  });

  test('counts a metatile once, however often and at the same time it is settled', async () => {
    const { runStore } = queues;
    const counted = await Promise.all(
      Array.from({ length: 20 }, () => runStore.complete(RUN, { index: 9, rendered: 5, empty: 2 })),
    );
    expect(counted.filter((settling) => settling !== 'known')).toStrictEqual(['settled']);
    expect(await runStore.progress(RUN)).toMatchObject({ settledMetatiles: 1, rendered: 5, empty: 2, failed: 0 });
  });

  test('a metatile is done or failed, never both', async () => {
    const { runStore } = queues;
    const tile = { z: 4, x: 1, y: 2 };
    const failures = [{ tile, code: 'ASSET_CORRUPT' as const, message: 'm'.repeat(2000), retryAfterMs: null }];
    await runStore.fail(RUN, { index: 3, rendered: 1, empty: 2, failures });
    expect(await runStore.complete(RUN, { index: 3, rendered: 4, empty: 0 })).toBe('known');
    await runStore.complete(RUN, { index: 4, rendered: 1, empty: 0 });
    expect(await runStore.fail(RUN, { index: 4, rendered: 0, empty: 0, failures })).toBe('known');
    expect(await runStore.progress(RUN)).toMatchObject({
      settledMetatiles: 2,
      failedMetatiles: 1,
      rendered: 2,
      empty: 2,
      failed: 1,
    });
    const [kept] = await runStore.failures(RUN);
    expect(kept?.message).toHaveLength(500);
    expect(await Promise.all([3, 4, 5].map((index) => runStore.claim(RUN, index)))).toStrictEqual([
      'settled',
      'settled',
      'todo',
    ]);
  });

  test('says which metatile was the last that it had to wait for', async () => {
    const { runStore } = queues;
    const record = { ...world.recordOf({ maxzoom: 1 }), run: 'small', generation: 1, overwrite: true };
    await runStore.create(record, { maxFailures: '1' });
    const failures = Array.from({ length: 2 }, (_, x) => {
      return { tile: { z: 1, x, y: 0 }, code: 'ASSET_CORRUPT' as const, message: 'm', retryAfterMs: null };
    });
    const settlings: string[] = [];
    for (let index = 0; index < record.metatiles; index++) {
      settlings.push(await runStore.complete('small', { index, rendered: 1, empty: 0 }));
    }
    expect(settlings).toStrictEqual([...settlings.slice(1).map(() => 'settled'), 'last']);
    expect(await runStore.complete('small', { index: 0, rendered: 1, empty: 0 })).toBe('known');
    // One whose failure budget is used up waits for nothing either.
    await runStore.create({ ...record, run: 'bad' }, { maxFailures: '1' });
    expect(await runStore.fail('bad', { index: 0, rendered: 0, empty: 0, failures })).toBe('last');
  });

  test('keeps no more than a thousand failures and counts all', async () => {
    const { runStore } = queues;
    for (let index = 0; index < 20; index++) {
      const failures = Array.from({ length: 64 }, (_, i) => ({
        tile: { z: 12, x: index, y: i },
        code: 'ASSET_CORRUPT' as const,
        message: 'm',
        retryAfterMs: null,
      }));
      await runStore.fail(RUN, { index, rendered: 0, empty: 0, failures });
    }
    expect(await runStore.failures(RUN)).toHaveLength(1000);
    expect(await runStore.progress(RUN)).toMatchObject({ failed: 1280, failedMetatiles: 20 });
  });

  test('finds what is missing, from any place on, across the pieces that it reads', async () => {
    const { runStore } = queues;
    for (const index of [0, 1, 3, 8, 340]) await runStore.complete(RUN, { index, rendered: 1, empty: 0 });
    await runStore.fail(RUN, { index: 2, rendered: 0, empty: 0, failures: [] });
    const everywhere = (index: number): number | null => index;
    const look = (from: number, limit: number, indexCount = 341, nextWork = everywhere) =>
      runStore.bits.missing({ run: RUN, indexCount }, { from, limit, nextWork });
    expect(await look(0, 4)).toStrictEqual({ indices: [4, 5, 6, 7], next: 8 });
    expect(await look(8, 2)).toStrictEqual({ indices: [9, 10], next: 11 });
    expect((await look(0, 1000)).indices).toHaveLength(341 - 6);
    expect(await runStore.bits.unsettled(RUN, [3, 2, 5, 4, 340])).toStrictEqual([5, 4]);
    const even = (index: number): number | null => (index + 1 > 340 ? null : index + (index % 2));
    expect(await look(335, 10, 341, even)).toStrictEqual({ indices: [336, 338], next: 341 });
    expect(await look(70_000, 3, 70_002)).toStrictEqual({ indices: [70_000, 70_001], next: 70_002 });
  });

  test('its state is changed by one caller only; reopening forgets the failures and keeps what is done', async () => {
    const { runStore } = queues;
    await runStore.complete(RUN, { index: 1, rendered: 7, empty: 0 });
    await runStore.fail(RUN, { index: 2, rendered: 1, empty: 1, failures: [] });
    const changes = await Promise.all(
      Array.from({ length: 5 }, () => runStore.changeState(RUN, ['running'], 'failed')),
    );
    expect(changes.filter(Boolean)).toHaveLength(1);
    expect(await runStore.claim(RUN, 5)).toBe('failed');
    expect(await runStore.reopen(RUN, ['cancelled'])).toBe(false);
    expect(await runStore.reopen(RUN, ['failed'])).toBe(true);
    expect(await runStore.progress(RUN)).toMatchObject({
      state: 'running',
      opened: 2,
      settledMetatiles: 1,
      rendered: 7,
      empty: 0,
    });
    expect(await runStore.claim(RUN, 2)).toBe('todo');
  });
});

describe('the supervisor', () => {
  test('keeps the queue below its bound, however large the run is', async () => {
    const seeded = await world.seed({ maxzoom: 12 });
    await world.startSupervisor();
    await until('a full queue', async () => (await world.waiting()) >= HIGH);
    let taken = 0;
    let most = 0;
    await world.startSettler(async (payload) => {
      taken++;
      most = Math.max(most, await world.waiting());
      await world.settle(payload);
    });
    await until('some hundred metatiles', () => taken > 5 * HIGH);
    expect(most).toBeLessThanOrEqual(HIGH);
    await queues.runStore.changeState(seeded.run, ['running'], 'cancelled');
  });

  test('every metatile comes once, and the run ends with its documents written', async () => {
    await world.startSupervisor();
    const taken: number[] = [];
    await world.startSettler(async (payload) => {
      taken.push(payload.index);
      await world.settle(payload);
    });
    const { kind, run } = await world.seed();
    expect(kind).toBe('created');
    expect(await world.untilEnded(run)).toBe('complete');
    expect(taken.sort((a, b) => a - b)).toStrictEqual(Array.from({ length: 341 }, (_, i) => i));
    const manifest = JSON.parse(await readFile(join(world.folder, 'out', 'tilewright.json'), 'utf8')) as object;
    expect(manifest).toMatchObject({
      state: 'complete',
      counts: { metatiles: 341, rendered: 341, empty: 0, failed: 0 },
    });
    expect(JSON.parse(await readFile(join(world.folder, 'out', 'tilejson.json'), 'utf8'))).toMatchObject({
      maxzoom: 4,
    });
    expect((await world.seed()).kind).toBe('complete');
    expect((await world.seed({}, { force: true })).run).toMatch(/-2$/);
  });

  test('looks as soon as the last metatile is settled, however late its next look is', async () => {
    let letGo = (): void => {};
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const indices: number[] = [];
    await world.startSupervisor();
    await world.startWorker(async ({ index }) => {
      indices.push(index);
      await held;
      return {};
    });
    const { run } = await world.seed({ maxzoom: 0 });
    await until('its metatile', () => indices.length === 1);
    const jobId = RUN_QUEUE.jobId(RUN_QUEUE.parse({ v: 1, run, opened: 1, cursor: 0 }));
    const hourMs = 3_600_000;
    await until('an hour until it looks', async () => {
      const supervisor = await queues.runQueue.getJob(jobId);
      if (supervisor?.delay === hourMs && (await supervisor.isDelayed())) return true;
      // It is looking just now, perhaps.
      await supervisor?.changeDelay(hourMs).catch(() => {});
      return false;
    });
    letGo();
    expect(await world.untilEnded(run)).toBe('complete');
  });

  test('jobs that vanished from the queue are put back', async () => {
    await world.startSupervisor();
    const { run } = await world.seed({ maxzoom: 2 });
    await until('all 21 jobs', async () => (await world.waiting()) === 21);
    for (const index of [0, 7, 20]) await queues.metatileQueue.remove(METATILE_QUEUE.jobId({ v: 1, run, index }));
    await world.startSettler();
    expect(await world.untilEnded(run)).toBe('complete');
  });

  test('a metatile that BullMQ gave up is counted as failed; retry takes just that one', async () => {
    await world.startSupervisor();
    let poison = true;
    const taken: number[] = [];
    await world.startSettler(async (payload) => {
      taken.push(payload.index);
      // What a metatile that kills its process again and again ends as, without its processor having a say.
      if (poison && payload.index === 5) throw new UnrecoverableError('job stalled more than allowable limit');
      await world.settle(payload);
    });
    const { run } = await world.seed({ maxzoom: 2 });
    expect(await world.untilEnded(run)).toBe('failed');
    expect(await queues.runStore.failures(run)).toMatchObject([{ code: 'WORKER_LOST', tile: { z: 2 } }]);
    expect(await retryRun({ ...queues, attempts: 3 }, 'unknown')).toBe(false);
    poison = false;
    taken.length = 0;
    expect(await retryRun({ ...queues, attempts: 3 }, run)).toBe(true);
    expect(await world.untilEnded(run)).toBe('complete');
    expect(taken).toStrictEqual([5]);
    expect(await queues.runStore.progress(run)).toMatchObject({ rendered: 21, failed: 0 });
  });

  test('a run whose metatiles lost what they had staged ends and says so', async () => {
    await world.startSupervisor();
    await world.startSettler(async ({ run, index }) => {
      // Done, and nothing staged.
      await queues.runStore.complete(run, { index, rendered: 1, empty: 0 });
    });
    const { run } = await world.seed({ maxzoom: 1 });
    expect(await world.untilEnded(run)).toBe('failed');
    const status = await world.runs.status(run);
    expect(status?.reason).toMatch(/the metatile 0 staged nothing, expected its record; --force begins anew/);
    expect(status).toMatchObject({ failed: 0, settledMetatiles: 5 });
    const store = createFileStore(world.recordOf().request.output, { extension: 'png', counters: createIoCounters() });
    expect(await store.versions({ signal })).toBeNull();
  });

  test('a forced run of another request stops the one that writes to the same output', async () => {
    const first = await world.seed();
    const second = await world.seed({ maxzoom: 1 }, { force: true });
    expect(second.run).not.toBe(first.run);
    expect((await queues.runStore.progress(first.run))?.state).toBe('cancelled');
    expect((await queues.runStore.progress(second.run))?.state).toBe('running');
  });

  test('an output that holds tiles of unknown origin is refused, and nothing is enqueued', async () => {
    const store = createFileStore(join(world.folder, 'out'), { extension: 'png', counters: createIoCounters() });
    await store.put({ z: 0, x: 0, y: 0 }, new Uint8Array(1), { signal });
    await expect(world.seed()).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
    await writeFile(join(world.folder, 'out', 'tilewright.json'), '{}');
    await expect(world.seed()).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
    expect(await queues.runStore.list()).toStrictEqual([]);
    expect(await queues.runQueue.getWaitingCount()).toBe(0);
  });
});
