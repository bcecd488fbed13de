import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createPlan } from '../../jobs/plan-jobs.ts';
import { openQueues } from '../../jobs/queue/queues.ts';
import type { Queues } from '../../jobs/queue/queues.ts';
import { parseTilesetRequest } from '../../jobs/request/tileset-request.ts';
import { parseConfig } from '../../src/config.ts';
import type { LeftOut } from '../../src/render/tile-renderer.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { assertExit, runCli, startCli, until } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import type { RedisServer } from '../support/redis.ts';
import { startAll } from '../support/server-process.ts';
import { filesOf, startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';

let world: SmallWorld;
let redis: RedisServer;

interface Summary {
  readonly failed: number;
  readonly leftOut?: LeftOut;
}

function summaryOf(stdout: string): Summary {
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Summary;
}

function out(name: string): string {
  return join(world.folder, name);
}

async function leftOutOf(name: string): Promise<LeftOut | undefined> {
  return (JSON.parse(await readFile(join(out(name), 'tilewright.json'), 'utf8')) as { leftOut?: LeftOut }).leftOut;
}

beforeAll(async () => {
  [world, redis] = await startAll(startSmallWorld(), startRedis());
}, INSTALL_TIMEOUT_MS);

beforeEach(() => {
  world.breakScenes([], 0);
  world.slowDown(0);
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

describe('a run with scenes that cannot be read, and onAssetError "skip"', () => {
  const fields = { onAssetError: 'skip', minzoom: 2, maxzoom: 5 } as const;

  test('ends well and says of how many tiles they were left out, by both engines and after an interruption', async () => {
    world.breakScenes(['south-east', 'north-west'], 404);
    const one = await runCli(['render', await world.request({ ...fields, output: 'one' }), '--json']);
    assertExit(one, 0);
    const leftOut = await leftOutOf('one');
    expect(leftOut?.scenes.map(({ scene, code }) => [scene, code])).toStrictEqual([
      ['scenes/north-west', 'ASSET_NOT_FOUND'],
      ['scenes/south-east', 'ASSET_NOT_FOUND'],
    ]);
    const counts = leftOut?.scenes.map(({ tiles }) => tiles) ?? [];
    expect(leftOut?.tiles).toBeGreaterThanOrEqual(Math.max(...counts));
    expect(leftOut?.tiles).toBeLessThanOrEqual(counts.reduce((a, b) => a + b, 0));
    expect(summaryOf(one.stdout)).toMatchObject({ failed: 0, leftOut });
    const expected = await filesOf(out('one'));

    world.slowDown(30);
    const request = await world.request({ ...fields, output: 'stopped', metatileSize: 1 });
    const before = world.reads();
    await using running = startCli(['render', request, '--processes', '1']);
    await until('some reads', () => world.reads() > before + 20);
    running.kill('SIGINT');
    expect((await running.finished).code).toBe(130);
    world.slowDown(0);
    const continued = await runCli(['render', request]);
    assertExit(continued, 0);
    expect(continued.stdout).toMatch(/tiles are without scenes that could not be read/);
    expect(await leftOutOf('stopped')).toStrictEqual(leftOut);

    const { env } = redis;
    await using workers = startCli(['worker', '--processes', '2'], { env });
    const seeded = await runCli(['seed', await world.request({ ...fields, output: 'queue' }), '--wait', '--json'], {
      env,
    });
    assertExit(seeded, 0);
    expect(await filesOf(out('queue'))).toStrictEqual(expected);
    expect(summaryOf(seeded.stdout)).toMatchObject({ failed: 0, leftOut });
    workers.kill('SIGTERM');
    assertExit(await workers.finished, 0);
  });

  test('a fault that may pass is no reason to leave a scene out', async () => {
    world.breakScenes(['south-east'], 503);
    const env = { TILEWRIGHT_SOURCE_RETRIES: '0', TILEWRIGHT_BACKOFF_MS: '10', TILEWRIGHT_ATTEMPTS: '1' };
    const request = await world.request({ ...fields, maxzoom: 2, sourceMinzoom: 0, output: 'away' });
    const failed = await runCli(['render', request, '--json'], { env });
    assertExit(failed, 3);
    expect(summaryOf(failed.stdout).leftOut).toBeUndefined();
    expect(await leftOutOf('away')).toBeUndefined();
  });
});

describe('the record of a run in Redis', () => {
  const line = (scene: string, tiles: number, message = 'm') =>
    ({ scene, code: 'ASSET_NOT_FOUND', message, tiles }) as const;

  async function createRun(queues: Queues, run: string): Promise<void> {
    const request = parseTilesetRequest(JSON.parse(await readFile(await world.request(), 'utf8')));
    const { tiles } = createPlan(request).counts();
    const record = {
      run,
      request,
      requestHash: 'h',
      generation: 1,
      overwrite: false,
      indexCount: 100,
      metatiles: 100,
      tiles,
    };
    await queues.runStore.create(record);
  }

  async function open(): Promise<Queues> {
    return await openQueues(parseConfig(redis.env));
  }

  test('adds up what metatiles had to do without, each once, whatever their order', async () => {
    await using queues = await open();
    const { runStore } = queues;
    const results = [
      { index: 1, rendered: 4, empty: 0, leftOut: { tiles: 4, scenes: [line('a', 3, 'Block 2'), line('b', 4)] } },
      { index: 2, rendered: 4, empty: 0, leftOut: { tiles: 1, scenes: [line('a', 1, 'block 1')] } },
      { index: 3, rendered: 4, empty: 0 },
    ];
    for (const [n, order] of [results, results.toReversed()].entries()) {
      await createRun(queues, `sum-${n}`);
      for (const result of [...order, ...order]) await runStore.complete(`sum-${n}`, result);
      // By bytes, capitals come first.
      const scenes = [line('a', 4, 'Block 2'), line('b', 4)];
      expect(await runStore.leftOut(`sum-${n}`)).toStrictEqual({ tiles: 5, scenes });
    }
  });

  test('keeps a bounded number of scenes, with their whole counts, in any order', async () => {
    await using queues = await open();
    const { runStore } = queues;
    const names = Array.from({ length: 1300 }, (_, n) => `s${String((n * 701) % 1300).padStart(4, '0')}`);
    await createRun(queues, 'many');
    for (let index = 0; index < 13; index++) {
      const scenes = [...names.slice(index * 100, (index + 1) * 100), 's0000'].map((name) => line(name, 1));
      await runStore.complete('many', { index, rendered: 1, empty: 0, leftOut: { tiles: 1, scenes } });
    }
    const { tiles, scenes } = await runStore.leftOut('many');
    expect(tiles).toBe(13);
    expect(scenes.map(({ scene }) => scene)).toStrictEqual(names.toSorted().slice(0, 1000));
    expect(scenes.map((each) => each.tiles)).toStrictEqual([14, ...Array.from({ length: 999 }, () => 1)]);
  });

  test('forgets of failed metatiles when they are taken up again', async () => {
    await using queues = await open();
    const { runStore } = queues;
    await createRun(queues, 'again');
    const leftOut = { tiles: 1, scenes: [line('a', 1)] };
    const failures = [
      { tile: { z: 0, x: 0, y: 0 }, code: 'SOURCE_UNAVAILABLE', message: 'm', retryAfterMs: null } as const,
    ];
    await runStore.complete('again', { index: 1, rendered: 1, empty: 0, leftOut });
    await runStore.fail('again', { index: 2, rendered: 1, empty: 0, failures, leftOut });
    expect(await runStore.leftOut('again')).toStrictEqual({ tiles: 2, scenes: [line('a', 2)] });
    await runStore.changeState('again', ['running'], 'failed');
    await runStore.reopen('again', ['failed']);
    expect(await runStore.leftOut('again')).toStrictEqual(leftOut);
    await runStore.remove('again');
    expect(await runStore.leftOut('again')).toStrictEqual({ tiles: 0, scenes: [] });
  });
});
