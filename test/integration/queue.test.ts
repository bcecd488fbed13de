import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UnrecoverableError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { METATILE_QUEUE, RUN_QUEUE, keyPrefix } from '../../jobs/queue/catalog.ts';
import type { ExpandPayload, MetatilePayload } from '../../jobs/queue/catalog.ts';
import { createPlan } from '../../jobs/plan-jobs.ts';
import { decideStart } from '../../jobs/manifest.ts';
import { retryRun, seedRun } from '../../jobs/queue/producer.ts';
import { openQueues } from '../../jobs/queue/queues.ts';
import type { Queues } from '../../jobs/queue/queues.ts';
import { requestHash } from '../../jobs/request/request-hash.ts';
import type { RunRecord } from '../../jobs/queue/run-record.ts';
import { parseTilesetRequest } from '../../jobs/request/tileset-request.ts';
import { parseConfig } from '../../src/config.ts';
import type { Config } from '../../src/config.ts';
import { SILENT, createIoCounters } from '../../src/observe.ts';
import { createFileStore } from '../../src/store/file-store.ts';
import { createExpandProcessor } from '../../workers/expand-run.ts';
import { until } from '../support/processes.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { startRedis } from '../support/redis.ts';
import type { RedisServer } from '../support/redis.ts';

const HIGH = 50;
const signal = new AbortController().signal;

let redis: RedisServer;
let config: Config;
let queues: Queues;
let folder: string;
let cleanup: (() => PromiseLike<unknown>)[] = [];
let tests = 0;

beforeAll(async () => {
  redis = await startRedis();
}, INSTALL_TIMEOUT_MS);

afterAll(async () => {
  await redis[Symbol.asyncDispose]();
});

beforeEach(async () => {
  const prefix = `${redis.env['TILEWRIGHT_QUEUE_PREFIX']}-${tests++}`;
  config = parseConfig({ ...redis.env, TILEWRIGHT_QUEUE_PREFIX: prefix, TILEWRIGHT_QUEUE_HIGH: String(HIGH) });
  queues = await openQueues(config);
  folder = await mkdtemp(join(tmpdir(), 'tilewright-queue-'));
  cleanup = [() => queues[Symbol.asyncDispose](), () => rm(folder, { recursive: true })];
});

afterEach(async () => {
  for (const action of cleanup.reverse()) await action();
});

/** A record of a run of 341 tiles in as many metatiles: z0 to z4 of the world. */
function recordOf(fields: Readonly<Record<string, unknown>> = {}): Omit<RunRecord, 'run' | 'generation' | 'overwrite'> {
  const request = parseTilesetRequest({
    mosaic: { type: 'stac', url: 'http://127.0.0.1:1/search' },
    area: { bbox: [-180, -85, 180, 85] },
    minzoom: 0,
    maxzoom: 4,
    metatileSize: 1,
    assets: ['visual'],
    output: join(folder, 'out'),
    ...fields,
  });
  const plan = createPlan(request);
  const { tiles, metatiles } = plan.counts();
  return { request, requestHash: requestHash(request), indexCount: plan.indexCount, tiles, metatiles };
}

async function seed(fields: Readonly<Record<string, unknown>> = {}, force = false) {
  const record = recordOf(fields);
  const store = createFileStore(record.request.output, { extension: 'png', counters: createIoCounters() });
  const start = await decideStart(store, record.requestHash, { force, signal });
  return await seedRun({ ...queues, record, store, start, attempts: 3, signal });
}

function connection(): Redis {
  const made = new Redis(redis.url, { maxRetriesPerRequest: null });
  cleanup.push(() => Promise.resolve(made.disconnect()));
  return made;
}

/** The real supervisor. */
function startSupervisor(): void {
  const { runStore, metatileQueue } = queues;
  const worker = new Worker<ExpandPayload>(
    RUN_QUEUE.name,
    createExpandProcessor({ config, runStore, metatiles: metatileQueue, logger: SILENT }),
    { connection: connection(), prefix: keyPrefix(config.queue.prefix), removeOnComplete: { count: 0 } },
  );
  worker.on('error', () => {});
  cleanup.push(() => worker.close());
}

/** Takes metatile jobs without rendering anything: `settle` says what becomes of them. */
function startSettler(settle: (payload: MetatilePayload) => Promise<void>): void {
  const worker = new Worker<MetatilePayload>(
    METATILE_QUEUE.name,
    async (job) => settle(METATILE_QUEUE.parse(job.data)),
    {
      connection: connection(),
      prefix: keyPrefix(config.queue.prefix),
      concurrency: 8,
      removeOnComplete: { count: 0 },
    },
  );
  worker.on('error', () => {});
  cleanup.push(() => worker.close());
}

const done = async ({ run, index }: MetatilePayload): Promise<void> =>
  void (await queues.runStore.complete(run, { index, rendered: 1, empty: 0 }));

async function waiting(): Promise<number> {
  const counts = await queues.metatileQueue.getJobCounts('waiting', 'prioritized', 'delayed');
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

async function untilEnded(run: string): Promise<string> {
  return await until('the end of the run', async () => {
    const progress = await queues.runStore.progress(run);
    return progress === null || progress.state === 'running' ? null : progress.state;
  });
}

describe('the record of a run', () => {
  const RUN = 'run-1';

  beforeEach(async () => {
    await queues.runStore.create({ ...recordOf(), run: RUN, generation: 1, overwrite: true });
  });

  test('is read as it was written, and created once', async () => {
    const { runStore } = queues;
    expect(await runStore.get(RUN)).toStrictEqual({ ...recordOf(), run: RUN, generation: 1, overwrite: true });
    expect(await runStore.create({ ...recordOf(), run: RUN, generation: 2, overwrite: false })).toBe(false);
    expect(await runStore.get('other')).toBeNull();
    expect(await runStore.progress('other')).toBeNull();
    expect(await runStore.list()).toStrictEqual([RUN]);
  });

  test('counts a metatile once, however often and at the same time it is settled', async () => {
    const { runStore } = queues;
    const counted = await Promise.all(
      Array.from({ length: 20 }, () => runStore.complete(RUN, { index: 9, rendered: 5, empty: 2 })),
    );
    expect(counted.filter(Boolean)).toHaveLength(1);
    expect(await runStore.progress(RUN)).toMatchObject({ settledMetatiles: 1, rendered: 5, empty: 2, failed: 0 });
  });

  test('a metatile is done or failed, never both', async () => {
    const { runStore } = queues;
    const tile = { z: 4, x: 1, y: 2 };
    const failures = [{ tile, code: 'ASSET_CORRUPT' as const, message: 'm'.repeat(2000), retryAfterMs: null }];
    await runStore.fail(RUN, { index: 3, rendered: 1, empty: 2, failures });
    expect(await runStore.complete(RUN, { index: 3, rendered: 4, empty: 0 })).toBe(false);
    await runStore.complete(RUN, { index: 4, rendered: 1, empty: 0 });
    expect(await runStore.fail(RUN, { index: 4, rendered: 0, empty: 0, failures })).toBe(false);
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
    const seeded = await seed({ maxzoom: 12 });
    startSupervisor();
    await until('a full queue', async () => (await waiting()) >= HIGH);
    let taken = 0;
    let most = 0;
    startSettler(async (payload) => {
      taken++;
      most = Math.max(most, await waiting());
      await done(payload);
    });
    await until('some hundred metatiles', () => taken > 5 * HIGH);
    expect(most).toBeLessThanOrEqual(HIGH);
    await queues.runStore.changeState(seeded.run, ['running'], 'cancelled');
  });

  test('every metatile comes once, and the run ends with its documents written', async () => {
    startSupervisor();
    const taken: number[] = [];
    startSettler(async (payload) => {
      taken.push(payload.index);
      await done(payload);
    });
    const { kind, run } = await seed();
    expect(kind).toBe('created');
    expect(await untilEnded(run)).toBe('complete');
    expect(taken.sort((a, b) => a - b)).toStrictEqual(Array.from({ length: 341 }, (_, i) => i));
    const manifest = JSON.parse(await readFile(join(folder, 'out', 'tilewright.json'), 'utf8')) as object;
    expect(manifest).toMatchObject({
      state: 'complete',
      counts: { metatiles: 341, rendered: 341, empty: 0, failed: 0 },
    });
    expect(JSON.parse(await readFile(join(folder, 'out', 'tilejson.json'), 'utf8'))).toMatchObject({ maxzoom: 4 });
    expect((await seed()).kind).toBe('complete');
    expect((await seed({}, true)).run).toMatch(/-2$/);
  });

  test('jobs that vanished from the queue are put back', async () => {
    startSupervisor();
    const { run } = await seed({ maxzoom: 2 });
    await until('all 21 jobs', async () => (await waiting()) === 21);
    for (const index of [0, 7, 20]) await queues.metatileQueue.remove(METATILE_QUEUE.jobId({ v: 1, run, index }));
    startSettler(done);
    expect(await untilEnded(run)).toBe('complete');
  });

  test('a metatile that BullMQ gave up is counted as failed; retry takes just that one', async () => {
    startSupervisor();
    let poison = true;
    const taken: number[] = [];
    startSettler(async (payload) => {
      taken.push(payload.index);
      // What a metatile that kills its process again and again ends as, without its processor having a say.
      if (poison && payload.index === 5) throw new UnrecoverableError('job stalled more than allowable limit');
      await done(payload);
    });
    const { run } = await seed({ maxzoom: 2 });
    expect(await untilEnded(run)).toBe('failed');
    expect(await queues.runStore.failures(run)).toMatchObject([{ code: 'WORKER_LOST', tile: { z: 2 } }]);
    expect(await retryRun({ ...queues, attempts: 3 }, 'unknown')).toBe(false);
    poison = false;
    taken.length = 0;
    expect(await retryRun({ ...queues, attempts: 3 }, run)).toBe(true);
    expect(await untilEnded(run)).toBe('complete');
    expect(taken).toStrictEqual([5]);
    expect(await queues.runStore.progress(run)).toMatchObject({ rendered: 21, failed: 0 });
  });

  test('a forced run of another request stops the one that writes to the same output', async () => {
    const first = await seed();
    const second = await seed({ maxzoom: 1 }, true);
    expect(second.run).not.toBe(first.run);
    expect((await queues.runStore.progress(first.run))?.state).toBe('cancelled');
    expect((await queues.runStore.progress(second.run))?.state).toBe('running');
  });

  test('an output that holds tiles of unknown origin is refused, and nothing is enqueued', async () => {
    const store = createFileStore(join(folder, 'out'), { extension: 'png', counters: createIoCounters() });
    await store.put({ z: 0, x: 0, y: 0 }, new Uint8Array(1), { signal });
    await expect(seed()).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
    await writeFile(join(folder, 'out', 'tilewright.json'), '{}');
    await expect(seed()).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
    expect(await queues.runStore.list()).toStrictEqual([]);
    expect(await queues.runQueue.getWaitingCount()).toBe(0);
  });
});
