import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { assertExit, childrenOf, runCli, startCli, until } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import type { RedisServer } from '../support/redis.ts';
import { startAll } from '../support/server-process.ts';
import { filesOf, startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';

const PROCESSES = 2;
const READS_AT_ONCE = 2;

/** Longer than a read waits by itself, so that metatiles are put off, which must cost them none of their one attempt. */
const RETRY_AFTER_S = 11;

const ENV = {
  TILEWRIGHT_ATTEMPTS: '1',
  TILEWRIGHT_SOURCE_CONCURRENCY: String(READS_AT_ONCE),
  TILEWRIGHT_BLOCK_CACHE_MIB: '1',
};

let world: SmallWorld;
let redis: RedisServer;
let expected: readonly string[];

beforeAll(async () => {
  [world, redis] = await startAll(startSmallWorld(), startRedis());
  const { code, stderr } = await runCli(['render', await world.request({ output: 'undisturbed', metatileSize: 1 })]);
  assertExit({ code, stderr }, 0);
  expected = await filesOf(join(world.folder, 'undisturbed'));
}, INSTALL_TIMEOUT_MS);

beforeEach(() => {
  world.restore();
  // A run then lasts long enough to be throttled in its midst.
  world.slowDown(300);
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

/**
 * Throttles both processes in the midst of a run. Until one is answered all reads wait, and after that each takes a second:
 * the other process has the time of two rounds of its reads to hear of it.
 */
async function throttleOnce(): Promise<() => number | null> {
  const begun = world.reads();
  await until('both processes to read', () => world.reads() > begun + 2 * PROCESSES * READS_AT_ONCE);
  const held = world.hold();
  await until('a read of each', () => held.waiting() >= PROCESSES);
  const early = world.throttleNext(RETRY_AFTER_S);
  const before = world.reads();
  world.slowDown(1_000);
  held.release();
  // They come at once from those who have not heard, or when the time is over.
  await until('further reads', () => world.reads() > before + PROCESSES * READS_AT_ONCE);
  world.slowDown(0);
  return early;
}

describe('a server that answers 429 once, with Retry-After, is left alone by all processes', () => {
  test('render: told to the others by the parent', async () => {
    const request = await world.request({ output: 'throttled-render', metatileSize: 1 });
    await using running = startCli(['render', request, '--processes', String(PROCESSES)], { env: ENV });
    await until('two processes', async () => (await childrenOf(running.pid)).length === PROCESSES);
    const early = await throttleOnce();
    const ended = await running.finished;
    assertExit(ended, 0);
    expect(early()).toBeLessThanOrEqual(PROCESSES * READS_AT_ONCE);
    expect(await filesOf(join(world.folder, 'throttled-render'))).toStrictEqual(expected);
  });

  test('seed and worker: told to the others over Redis', async () => {
    const env = { ...ENV, ...redis.env };
    const request = await world.request({ output: 'throttled-queue', metatileSize: 1 });
    await using workers = startCli(['worker', '--processes', String(PROCESSES)], { env });
    await until('two workers', () => workers.stderr().split('worker ready').length > PROCESSES);
    await using seed = startCli(['seed', request, '--wait'], { env });
    const early = await throttleOnce();
    assertExit(await seed.finished, 0);
    expect(early()).toBeLessThanOrEqual(PROCESSES * READS_AT_ONCE);
    expect(await filesOf(join(world.folder, 'throttled-queue'))).toStrictEqual(expected);
    workers.kill('SIGTERM');
    assertExit(await workers.finished, 0);
  });
});
