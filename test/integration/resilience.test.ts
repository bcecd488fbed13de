import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { assertExit, childrenOf, isAlive, runCli, startCli, until } from '../support/processes.ts';
import type { Running } from '../support/processes.ts';
import { createOwnRedis, startRedis } from '../support/redis.ts';
import type { RedisServer } from '../support/redis.ts';
import { startAll } from '../support/server-process.ts';
import { filesOf, startSmallWorld } from '../support/small-world.ts';
import type { HeldReads, SmallWorld } from '../support/small-world.ts';

let world: SmallWorld;
let redis: RedisServer;
/** What an undisturbed run gives. */
let expected: readonly string[];
let queueEnv: Readonly<Record<string, string>>;

beforeAll(async () => {
  [world, redis] = await startAll(startSmallWorld(), startRedis());
  const { code, stderr } = await runCli(['render', await world.request({ output: 'undisturbed' })]);
  assertExit({ code, stderr }, 0);
  expected = await filesOf(out('undisturbed'));
  // Short, so that the jobs of a killed worker are taken over within seconds.
  queueEnv = {
    ...redis.env,
    TILEWRIGHT_LOCK_MS: '2000',
    TILEWRIGHT_STALLED_INTERVAL_MS: '1000',
    TILEWRIGHT_MAX_STALLED: '10',
  };
}, INSTALL_TIMEOUT_MS);

beforeEach(() => {
  world.restore();
  world.slowDown(30);
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

function out(name: string): string {
  return join(world.folder, name);
}

/**
 * Lets a run write this many tiles, and says that it is not over: reads are answered one by one until the tiles are there, and
 * further ones wait until they are released.
 */
async function untilTiles(name: string, count: number): Promise<HeldReads> {
  const held = world.hold();
  const written = await until(`${count} tiles in ${name}`, async () => {
    const files = existsSync(out(name)) ? await tilesOf(name) : [];
    if (files.length >= count) return files.length;
    held.answerOne();
    return null;
  });
  expect(written, 'the run is over already').toBeLessThan(expected.length - 2);
  return held;
}

/** Tiles may vanish between listing and hashing, while their writers rename them. */
async function tilesOf(name: string): Promise<readonly string[]> {
  const files = await filesOf(out(name)).catch(() => []);
  return files.filter((file) => file.includes('.png'));
}

async function killOneChild(parent: Running): Promise<void> {
  const [child] = await until('a child process', async () => {
    const children = await childrenOf(parent.pid);
    return children.length > 0 ? children : null;
  });
  if (child !== undefined) process.kill(child, 'SIGKILL');
}

/** The sources have been asked how far they reach, and nothing is written before: what is read now is for tiles. */
async function untilRendering(name: string): Promise<void> {
  await until('a manifest', () => existsSync(join(out(name), 'tilewright.json')));
}

describe('render', () => {
  test('kill -9 of the parent: its processes end, and the same command goes on to the same bytes', async () => {
    const request = await world.request({ output: 'parent-killed', metatileSize: 1 });
    await using running = startCli(['render', request, '--processes', '2']);
    const held = await untilTiles('parent-killed', 10);
    const children = await childrenOf(running.pid);
    expect(children).toHaveLength(2);
    running.kill('SIGKILL');
    await running.finished;
    await until('the processes to end', async () => !(await Promise.all(children.map(isAlive))).includes(true));
    held.release();

    const continued = await runCli(['render', request]);
    assertExit(continued, 0);
    const done = Number(/continuing: (\d+) of \d+ metatiles/.exec(continued.stderr)?.[1]);
    expect(done).toBeGreaterThanOrEqual(5);
    const left = await readdir(join(out('parent-killed'), '.tilewright'));
    expect(left.toSorted(), 'the journal is removed').toStrictEqual([
      expect.stringMatching(/^\w+-1\.request\.json$/),
      expect.stringMatching(/^\w+-1\.status\.json$/),
      'versions',
    ]);
    const tiles = (files: readonly string[]): readonly string[] => files.filter((file) => file.includes('.png'));
    expect(tiles(await filesOf(out('parent-killed')))).toStrictEqual(tiles(expected));
  });

  test('kill -9 of one process after the other: they are replaced, nothing is missing', async () => {
    const request = await world.request({ output: 'children-killed' });
    await using running = startCli(['render', request, '--processes', '2', '--json'], {
      env: { TILEWRIGHT_MAX_STALLED: '10' },
    });
    for (const tiles of [5, 20, 40]) {
      const held = await untilTiles('children-killed', tiles);
      await killOneChild(running);
      held.release();
    }
    const { code, stderr } = await running.finished;
    assertExit({ code, stderr }, 0);
    expect(await filesOf(out('children-killed'))).toStrictEqual(expected);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s: finishes what is under way, exits with 130, and is continued',
    async (signal) => {
      const name = `stopped-by-${signal}`;
      const request = await world.request({ output: name });
      await using running = startCli(['render', request]);
      const held = await untilTiles(name, 10);
      running.kill(signal);
      await until('the note', () => running.stderr().includes('stopping: '));
      held.release();
      const { code, stdout, stderr } = await running.finished;
      assertExit({ code, stderr }, 130);
      expect(stderr).toContain('stopping: ');
      expect(stdout).toMatch(/^interrupted: /);
      const continued = await runCli(['render', request]);
      assertExit(continued, 0);
      expect(await filesOf(out(name))).toStrictEqual(expected);
    },
  );

  test('a metatile whose process dies three times is failed, and the run ends with 3', async () => {
    world.slowDown(500);
    const request = await world.request({ output: 'poisoned', maxzoom: 0 });
    await using running = startCli(['render', request, '--processes', '1', '--json']);
    await untilRendering('poisoned');
    const held = world.hold();
    for (let deaths = 0; deaths < 3; deaths++) {
      await until('a read of the metatile', () => held.waiting() > 0);
      await killOneChild(running);
      await until('its reads to end', () => held.waiting() === 0);
    }
    held.release();
    const ended = await running.finished;
    assertExit(ended, 3);
    expect(JSON.parse(ended.stdout.split('\n')[0] ?? '')).toMatchObject({ tile: '0/0/0', code: 'WORKER_LOST' });
    world.slowDown(0);
    assertExit(await runCli(['render', request]), 0);
  });

  test('kill -9 of the process that asks the sources: another one asks', async () => {
    const held = world.hold();
    const request = await world.request({ output: 'asking-killed', maxzoom: 1 });
    await using running = startCli(['render', request]);
    await until('a read of a source', () => held.waiting() > 0);
    expect(existsSync(out('asking-killed'))).toBe(false);
    await killOneChild(running);
    held.release();
    const { code, stderr } = await running.finished;
    assertExit({ code, stderr }, 0);
    expect((await tilesOf('asking-killed')).length).toBeGreaterThan(0);
  });

  test('a second signal stops at once', async () => {
    const request = await world.request({ output: 'stopped-twice' });
    await using running = startCli(['render', request]);
    await untilRendering('stopped-twice');
    const held = world.hold();
    await until('a read', () => held.waiting() > 0);
    const children = await childrenOf(running.pid);
    running.kill('SIGINT');
    await until('the note', () => running.stderr().includes('a second signal stops at once'));
    running.kill('SIGINT');
    expect((await running.finished).code).toBe(130);
    held.release();
    await until('the processes to end', async () => !(await Promise.all(children.map(isAlive))).includes(true));
  });
});

describe('seed and worker', () => {
  test('kill -9 of worker processes: replaced, and their metatiles are done again', async () => {
    await using workers = startCli(['worker', '--processes', '2'], { env: queueEnv });
    const request = await world.request({ output: 'workers-killed' });
    await using seed = startCli(['seed', request, '--wait'], { env: queueEnv });
    for (const tiles of [5, 30]) {
      const held = await untilTiles('workers-killed', tiles);
      await killOneChild(workers);
      held.release();
    }
    const { code, stderr } = await seed.finished;
    assertExit({ code, stderr }, 0);
    expect(await filesOf(out('workers-killed'))).toStrictEqual(expected);
    workers.kill('SIGTERM');
    expect((await workers.finished).code).toBe(0);
  });

  test('kill -9 of the whole fleet: the next one goes on, also with the supervisor of the run', async () => {
    const request = await world.request({ output: 'fleet-killed' });
    await using first = startCli(['worker', '--processes', '2'], { env: queueEnv });
    await using seed = startCli(['seed', request, '--wait'], { env: queueEnv });
    const held = await untilTiles('fleet-killed', 10);
    const children = await childrenOf(first.pid);
    first.kill('SIGKILL');
    for (const child of children) process.kill(child, 'SIGKILL');
    await first.finished;
    held.release();
    await using second = startCli(['worker', '--processes', '1'], { env: queueEnv });
    const { code, stderr } = await seed.finished;
    assertExit({ code, stderr }, 0);
    expect(await filesOf(out('fleet-killed'))).toStrictEqual(expected);
    second.kill('SIGTERM');
    expect((await second.finished).code).toBe(0);
  });

  test('SIGTERM in the midst: ends with 0, also with no grace to finish, and another worker does the rest', async () => {
    const request = await world.request({ output: 'worker-stopped' });
    await using seed = startCli(['seed', request, '--wait', '--json'], { env: queueEnv });
    await using first = startCli(['worker', '--processes', '1'], {
      env: { ...queueEnv, TILEWRIGHT_SHUTDOWN_GRACE_MS: '2000' },
    });
    const held = await untilTiles('worker-stopped', 10);
    await until('a read that waits', () => held.waiting() > 0);
    first.kill('SIGTERM');
    const stopped = await first.finished;
    assertExit(stopped, 0);
    held.release();
    await using second = startCli(['worker', '--processes', '1'], { env: queueEnv });
    const { code, stderr } = await seed.finished;
    assertExit({ code, stderr }, 0);
    expect(await filesOf(out('worker-stopped'))).toStrictEqual(expected);
    second.kill('SIGTERM');
    expect((await second.finished).code).toBe(0);
  });

  test('a worker whose parent is killed notices and ends', async () => {
    await using workers = startCli(['worker', '--processes', '1'], { env: queueEnv });
    await until('a ready worker', () => workers.stderr().includes('worker ready'));
    const children = await childrenOf(workers.pid);
    expect(children).toHaveLength(1);
    workers.kill('SIGKILL');
    await until('the worker to end', async () => !(await Promise.all(children.map(isAlive))).includes(true));
  });

  test('Redis away at the start, and killed in the midst of a run: both are waited out', async () => {
    await using own = await createOwnRedis({ appendOnly: true });
    const env = { ...queueEnv, ...own.env };
    await using workers = startCli(['worker', '--processes', '1'], { env });
    await until('the worker to notice', () => workers.stderr().includes('Redis is away'));
    await own.start();
    const request = await world.request({ output: 'redis-killed' });
    await using seed = startCli(['seed', request, '--wait'], { env });
    const held = await untilTiles('redis-killed', 10);
    await own.kill();
    await until('the worker to notice again', () => workers.stderr().split('Redis is away').length > 5);
    held.release();
    await own.start();
    assertExit(await seed.finished, 0);
    expect(await filesOf(out('redis-killed'))).toStrictEqual(expected);
    workers.kill('SIGTERM');
    assertExit(await workers.finished, 0);
  });
});
