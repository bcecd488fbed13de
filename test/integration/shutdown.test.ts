import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { stateChanges } from '../support/append-only-file.ts';
import { startChaosWorld } from '../support/chaos-world.ts';
import type { ChaosWorld } from '../support/chaos-world.ts';
import { heldJobs } from '../support/held-jobs.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { assertExit, childrenOf, isAlive, startCli, until } from '../support/processes.ts';
import { startWorkerProcess } from '../support/worker-process.ts';
import type { WorkerProcess } from '../support/worker-process.ts';

let world: ChaosWorld;
/** What one process renders with nothing disturbed. */
let expected: readonly string[];

beforeAll(async () => {
  world = await startChaosWorld({
    env: {
      // A metatile that uses up an attempt fails, and with it the run.
      TILEWRIGHT_ATTEMPTS: '1',
      TILEWRIGHT_LOCK_MS: '2000',
      TILEWRIGHT_STALLED_INTERVAL_MS: '1000',
      TILEWRIGHT_MAX_STALLED: '20',
      TILEWRIGHT_QUEUE_HIGH: '20',
    },
    request: { area: { bbox: [-5, -5, 32, 32] }, minzoom: 4, maxzoom: 6, sourceMinzoom: 6, metatileSize: 1 },
  });
  expected = await world.undisturbed();
}, INSTALL_TIMEOUT_MS);

beforeEach(() => {
  // Every metatile then takes long enough for a signal to come in its midst.
  world.scenes.slowDown(60);
});

afterAll(async () => world[Symbol.asyncDispose]());

async function progressOf(run: string) {
  const progress = await world.queues.runStore.progress(run);
  if (progress === null) throw new Error(`There is no run ${run}`);
  return progress;
}

async function untilSettled(run: string, metatiles: number): Promise<void> {
  await until(
    `${metatiles} metatiles to be settled`,
    async () => (await progressOf(run)).settledMetatiles >= metatiles,
  );
  if ((await progressOf(run)).state !== 'running') throw new Error(`The run ${run} is over already`);
}

async function untilReading(): Promise<void> {
  const reads = world.scenes.reads();
  await until('a read of a scene', () => world.scenes.reads() > reads);
}

/** What the queues say of jobs that are under way, or have used up an attempt. */
async function jobsTouched() {
  const queues = [world.queues.metatileQueue, world.queues.runQueue];
  const jobs = await Promise.all(
    queues.map((queue) => queue.getJobs(['active', 'waiting', 'prioritized', 'delayed', 'failed'])),
  );
  const counts = await Promise.all(queues.map((queue) => queue.getJobCounts('active', 'failed')));
  return {
    attempted: jobs.flat().filter(({ attemptsMade }) => attemptsMade > 0).length,
    active: counts.map(({ active }) => active),
    failed: counts.map(({ failed }) => failed),
  };
}

const NONE_TOUCHED = { attempted: 0, active: [0, 0], failed: [0, 0] };

/** Waits for the end of a run and says what it came to. */
async function endOf(run: string, name: string) {
  await until('the end of the run', async () => (await progressOf(run)).state !== 'running');
  const { failedMetatiles } = await progressOf(run);
  const states = await stateChanges(world.look, world.prefix, run);
  return { failedMetatiles, states, objects: await world.objects(name) };
}

/** It ended once, with the bytes of an undisturbed one. */
function complete() {
  return { failedMetatiles: 0, states: ['running', 'complete'], objects: expected };
}

async function stop(worker: WorkerProcess): Promise<void> {
  worker.kill('SIGTERM');
  assertExit({ code: await worker.exited, stderr: worker.log() }, 0);
}

test.each([
  { what: 'with time to finish what is under way', name: 'finished', graceMs: 20_000, readMs: 60 },
  { what: 'with no time for it: it is handed back', name: 'handed-back', graceMs: 2_000, readMs: 3_000 },
])('SIGTERM of a fleet under load, $what', async ({ name, graceMs, readMs }) => {
  const run = await world.seed(name);
  const env = { ...world.env, TILEWRIGHT_SHUTDOWN_GRACE_MS: String(graceMs) };
  await using fleet = startCli(['worker', '--processes', '2'], { env });
  await untilSettled(run, 10);
  world.scenes.slowDown(readMs);
  await untilReading();
  fleet.kill('SIGTERM');
  assertExit(await fleet.finished, 0);
  expect(await jobsTouched()).toStrictEqual(NONE_TOUCHED);
  world.scenes.slowDown(0);
  await using worker = startWorkerProcess(world);
  expect(await endOf(run, name)).toStrictEqual(complete());
  await stop(worker);
});

test('three workers are replaced one after the other in the midst of a run', async () => {
  const workers = [startWorkerProcess(world), startWorkerProcess(world), startWorkerProcess(world)];
  try {
    await Promise.all(workers.map((worker) => worker.ready()));
    // The run must outlast the start of three processes.
    world.scenes.slowDown(400);
    const run = await world.seed('rolled');
    world.scenes.slowDown(1_500);
    for (const old of workers.slice()) {
      const next = startWorkerProcess(world);
      workers.push(next);
      await next.ready();
      await untilSettled(run, (await progressOf(run)).settledMetatiles + 1);
      await stop(old);
    }
    world.scenes.slowDown(0);
    expect(await endOf(run, 'rolled')).toStrictEqual(complete());
    for (const worker of workers.slice(3)) await stop(worker);
    expect(await jobsTouched()).toStrictEqual(NONE_TOUCHED);
  } finally {
    for (const worker of workers) await worker[Symbol.asyncDispose]();
  }
});

test('SIGTERM while Redis is away: ends with 0, and what was under way is done when Redis is back', async () => {
  const run = await world.seed('redis-away');
  // Far longer than this test may take: nothing can be handed back, so that it is not waited for.
  await using first = startWorkerProcess({ env: { ...world.env, TILEWRIGHT_SHUTDOWN_GRACE_MS: '3600000' } });
  await untilSettled(run, 10);
  await untilReading();
  await world.redis.kill();
  await until('the worker to notice', () => first.log().includes('Redis is away'));
  await stop(first);
  await world.redis.start();
  world.scenes.slowDown(0);
  await using second = startWorkerProcess(world);
  expect(await endOf(run, 'redis-away')).toStrictEqual(complete());
  await stop(second);
});

test('SIGTERM while the run is being finished: it is finished', async () => {
  const held = world.s3.hold(({ method, path }) => method === 'PUT' && path.includes('/closing/tilejson.json'));
  world.scenes.slowDown(0);
  const run = await world.seed('closing');
  await using worker = startWorkerProcess(world);
  const release = await held;
  expect((await heldJobs(world.look, world.prefix, 'runs')).map(({ pid }) => pid)).toStrictEqual([worker.pid]);
  worker.kill('SIGTERM');
  await until('the worker to stop', () => worker.log().includes('worker stopping'));
  release();
  expect(await worker.exited).toBe(0);
  expect(await endOf(run, 'closing')).toStrictEqual(complete());
});

test('SIGTERM while the run cannot be finished: another worker finishes it', async () => {
  const held = world.s3.hold(({ method, path }) => method === 'PUT' && path.includes('/closed-late/tilejson.json'));
  world.scenes.slowDown(0);
  const run = await world.seed('closed-late');
  await using first = startWorkerProcess({ env: { ...world.env, TILEWRIGHT_SHUTDOWN_GRACE_MS: '3000' } });
  await held;
  await stop(first);
  await using second = startWorkerProcess(world);
  expect(await endOf(run, 'closed-late')).toStrictEqual(complete());
  await stop(second);
});

test('SIGKILL of the parent of a fleet under load: its workers stop well by themselves', async () => {
  const run = await world.seed('orphaned');
  await using fleet = startCli(['worker', '--processes', '2'], world);
  await untilSettled(run, 10);
  const children = await childrenOf(fleet.pid);
  expect(children).toHaveLength(2);
  await untilReading();
  fleet.kill('SIGKILL');
  await until('the workers to end', async () => !(await Promise.all(children.map(isAlive))).includes(true));
  expect(await jobsTouched()).toStrictEqual(NONE_TOUCHED);
  world.scenes.slowDown(0);
  await using worker = startWorkerProcess(world);
  expect(await endOf(run, 'orphaned')).toStrictEqual(complete());
  await stop(worker);
});
