import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { leastRights } from '../../jobs/queue/redis-check.ts';
import { createPatientRedis } from '../../jobs/queue/redis.ts';
import { parseConfig } from '../../src/config.ts';
import { SILENT } from '../../src/observe.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { assertExit, runCli, startCli, until } from '../support/processes.ts';
import type { Running } from '../support/processes.ts';
import { createOwnRedis } from '../support/redis.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import {
  REDIS_PASSWORD,
  asAdmin,
  findValkey,
  startAclRedis,
  startSentinelRedis,
  startTlsRedis,
} from '../support/redis-topologies.ts';
import { startScriptedSentinel } from '../support/scripted-sentinel.ts';
import { filesOf, startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';

type Env = Readonly<Record<string, string>>;

const valkey = await findValkey();

let world: SmallWorld;
/** What a run without any Redis gives. */
let expected: readonly string[];
let runs = 0;

beforeAll(async () => {
  world = await startSmallWorld();
  const { code, stderr } = await runCli(['render', await world.request({ output: 'undisturbed', maxzoom: 5 })]);
  assertExit({ code, stderr }, 0);
  expected = await filesOf(join(world.folder, 'undisturbed'));
}, INSTALL_TIMEOUT_MS);

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** Seeds a tileset, has a worker process render it, and compares every file. */
async function runThrough(env: Env, disturb?: (output: string) => Promise<void>): Promise<Ended> {
  // Slow enough for what comes in the midst of it.
  world.slowDown(disturb === undefined ? 0 : 60);
  const output = `run-${runs++}`;
  const request = await world.request({ output, maxzoom: 5 });
  await using worker = startCli(['worker', '--processes', '1'], {
    env: { ...env, TILEWRIGHT_LOCK_MS: '2000', TILEWRIGHT_STALLED_INTERVAL_MS: '1000', TILEWRIGHT_MAX_STALLED: '10' },
  });
  await using seed = startCli(['seed', request, '--wait'], { env });
  if (disturb !== undefined) {
    await Promise.race([disturb(join(world.folder, output)), endedBadly(worker), endedBadly(seed)]);
  }
  const { code, stderr } = await seed.finished;
  assertExit({ code, stderr: `The worker wrote:\n${worker.stderr()}\nThe seed wrote:\n${stderr}` }, 0);
  expect(await filesOf(join(world.folder, output))).toStrictEqual(expected);
  worker.kill('SIGTERM');
  const stopped = await worker.finished;
  assertExit(stopped, 0);
  // Whatever kind of server it is, the order of its queue can be changed.
  const undisturbed = disturb === undefined ? stopped.stderr : '';
  expect(undisturbed).not.toContain('the queue stays as it is');
  return { seed: stderr, worker: stopped.stderr };
}

/** Waits until some tiles of a run are there, and says that it is not over. */
async function untilMidst(output: string): Promise<void> {
  const tiles = await until('tiles', async () => {
    const files = await filesOf(output).catch(() => []);
    const written = files.filter((file) => file.includes('.png')).length;
    return written >= 5 ? written : null;
  });
  expect(tiles, 'the run is over already').toBeLessThan(expected.length - 2);
}

/** What the two wrote to standard error. */
interface Ended {
  readonly seed: string;
  readonly worker: string;
}

/** Never resolves; rejects when a process ends with anything but 0. */
async function endedBadly({ finished }: Running): Promise<never> {
  assertExit(await finished, 0);
  return await new Promise(() => {});
}

/** What a command says that finds a Redis it cannot use. */
async function complaint(env: Env): Promise<string> {
  const { code, stderr } = await runCli(['status'], { env });
  expect({ code, stderr }).toMatchObject({ code: 1 });
  return stderr;
}

describe('Redis Cluster', () => {
  test('a run on three primaries, and what is said to who takes one of them for a single server', async () => {
    await using cluster = await startRedisCluster();
    await runThrough(cluster.env);
    const { TILEWRIGHT_REDIS_MODE: _, ...single } = cluster.env;
    expect(await complaint({ ...single, REDIS_URL: cluster.url })).toContain(
      'found a node of a Redis Cluster, expected a single server, or TILEWRIGHT_REDIS_MODE=cluster',
    );
  });

  test('the primary of the queue is killed in the midst of a run, and the run goes on with its replica', async () => {
    await using cluster = await startRedisCluster({ replicas: 1 });
    await runThrough(cluster.env, async (output) => {
      await untilMidst(output);
      await cluster.primary.kill();
      world.slowDown(0);
    });
    expect(await asAdmin(cluster.replica!.url, (replica) => replica.role())).toContain('master');
  });

  test('the primary of the queue hangs in the midst of a run, and the run goes on with its replica', async () => {
    await using cluster = await startRedisCluster({ replicas: 1 });
    await runThrough(cluster.env, async (output) => {
      await untilMidst(output);
      cluster.primary.halt();
      world.slowDown(0);
    });
    expect(await asAdmin(cluster.replica!.url, (replica) => replica.role())).toContain('master');
  });

  test('the primary of the queue, which has no replica, is away for a while, and the run goes on', async () => {
    await using cluster = await startRedisCluster();
    const { worker } = await runThrough(cluster.env, async (output) => {
      await untilMidst(output);
      await cluster.primary.kill();
      await cluster.untilSlotsLack();
      await cluster.primary.start();
      world.slowDown(0);
    });
    expect(worker).toContain('"state":"complete"');
  });

  test('a worker that connects again while slots lack knows when it has done so', async () => {
    await using cluster = await startRedisCluster();
    const redis = createPatientRedis(parseConfig(cluster.env).redis, SILENT);
    try {
      await once(redis, 'ready');
      await cluster.primary.kill();
      await cluster.untilSlotsLack();
      const ended = once(redis, 'end');
      redis.disconnect();
      await ended;
      const connecting = redis.connect();
      await cluster.primary.start();
      await connecting;
      const key = `{${cluster.env['TILEWRIGHT_QUEUE_PREFIX']}}:key`;
      expect(await redis.set(key, 'value')).toBe('OK');
    } finally {
      redis.disconnect();
    }
  });

  test('a single server is no cluster, and no Sentinel', async () => {
    await using own = await createOwnRedis({ appendOnly: false });
    await own.start();
    expect(await complaint({ ...own.env, TILEWRIGHT_REDIS_MODE: 'cluster' })).toContain('this is no Redis Cluster');
    expect(await complaint({ ...own.env, TILEWRIGHT_REDIS_MODE: 'sentinel' })).toContain('this is no Sentinel');
  });
});

describe('Sentinels', () => {
  test('the primary is killed in the midst of a run, and the run goes on with its replica', async () => {
    await using redis = await startSentinelRedis('tiles');
    expect(await complaint({ ...redis.env, TILEWRIGHT_REDIS_SENTINEL_NAME: 'other' })).toContain(
      'the Sentinels know no primary of the name in TILEWRIGHT_REDIS_SENTINEL_NAME',
    );
    const { worker } = await runThrough(redis.env, async (output) => {
      await untilMidst(output);
      await redis.primary.kill();
      world.slowDown(0);
    });
    expect(worker).toContain('Redis is away');
    expect(worker).not.toContain(REDIS_PASSWORD.plain);
    const url = `redis://:${REDIS_PASSWORD.encoded}@127.0.0.1:${redis.replica.port}`;
    expect(await asAdmin(url, (replica) => replica.role())).toContain('master');
  });

  test('a failover that is announced while the primary is asked for does not end the connection', async () => {
    await using own = await createOwnRedis({ appendOnly: false });
    await own.start();
    await using sentinel = await startScriptedSentinel(own.port);
    const env = { ...own.env, REDIS_URL: sentinel.url, TILEWRIGHT_REDIS_MODE: 'sentinel' };
    const redis = createPatientRedis(parseConfig(env).redis, SILENT);
    try {
      await once(redis, 'ready');
      await sentinel.untilListenedTo();
      sentinel.hold();
      await asAdmin(own.url, (admin) => admin.call('CLIENT', 'KILL', 'SKIPME', 'yes'));
      await sentinel.untilAsked();
      await sentinel.announce();
      const ended = once(redis, 'end').then(() => 'ended');
      const isReady = once(redis, 'ready').then(() => 'ready');
      sentinel.release();
      expect(await Promise.race([ended, isReady])).toBe('ready');
    } finally {
      redis.disconnect();
    }
  });
});

describe('TLS', () => {
  test('a run on a server of an own authority, and what is said without its certificate or without TLS', async () => {
    await using redis = await startTlsRedis();
    await runThrough(redis.env);
    const { TILEWRIGHT_REDIS_CA_FILE: caFile, ...untrusted } = redis.env;
    expect(await complaint(untrusted)).toContain('its certificate is not trusted; TILEWRIGHT_REDIS_CA_FILE');
    expect(await complaint({ ...untrusted, REDIS_URL: `redis://127.0.0.1:${redis.port}` })).toContain(
      'a server with TLS needs a rediss: address',
    );
    await using plain = await createOwnRedis({ appendOnly: false });
    await plain.start();
    const { port } = plain;
    const env = { ...plain.env, REDIS_URL: `rediss://127.0.0.1:${port}`, TILEWRIGHT_REDIS_CA_FILE: caFile ?? '' };
    expect(await complaint(env)).toContain('a server without TLS needs a redis: instead of a rediss: address');
  });
});

describe('users', () => {
  test('the least rights that are documented are enough for a run', async () => {
    await using redis = await startAclRedis(leastRights('tiles', 'single'));
    const env = {
      REDIS_URL: `redis://tiler:${REDIS_PASSWORD.encoded}@127.0.0.1:${redis.port}`,
      TILEWRIGHT_QUEUE_PREFIX: 'tiles',
    };
    await runThrough(env);
    const admin = `redis://admin:${REDIS_PASSWORD.encoded}@127.0.0.1:${redis.port}`;
    expect(await asAdmin(admin, (client) => client.acl('LOG'))).toStrictEqual([]);
  });

  test('a right that lacks, keys of another prefix, a wrong password, and none: each is said, with what is needed', async () => {
    const rights = leastRights('tiles', 'single').replace('+zadd ', '').replace('+hvals ', '');
    await using redis = await startAclRedis(rights);
    const at = (user: string): Env => ({
      REDIS_URL: `redis://${user}127.0.0.1:${redis.port}`,
      TILEWRIGHT_QUEUE_PREFIX: 'tiles',
    });
    const tiler = at(`tiler:${REDIS_PASSWORD.encoded}@`);
    const lacking = await complaint(tiler);
    expect(lacking).toContain('the user may not send hvals, zadd (NOPERM); the user needs: ~{tiles}:* ');
    expect(lacking).not.toContain(REDIS_PASSWORD.encoded);
    const elsewhere = await complaint({ ...tiler, TILEWRIGHT_QUEUE_PREFIX: 'others' });
    expect(elsewhere).toContain('the user lacks a right (NOPERM');
    expect(elsewhere).toContain('the user needs: ~{others}:* ');
    expect(await complaint(at('tiler:wrong@'))).toContain('the user or the password is wrong (WRONGPASS');
    expect(await complaint(at(''))).toContain('it asks for a password, and REDIS_URL has none (NOAUTH');
  });

  test('a server that may drop keys is used, with a warning from seed and from the worker', async () => {
    const args = ['--maxmemory-policy', 'allkeys-lru'];
    await using redis = await createOwnRedis({ appendOnly: false, args: () => args });
    await redis.start();
    const { seed, worker } = await runThrough(redis.env);
    for (const text of [seed, worker]) expect(text).toContain('Redis has maxmemory-policy allkeys-lru: ');
  });
});

// Not defined where no Valkey is to be had, which findValkey tells.
test.each(valkey === null ? [] : [valkey])('Valkey: a run like any other', async (command) => {
  await using redis = await createOwnRedis({ appendOnly: true, command });
  await redis.start();
  expect(await asAdmin(redis.url, (client) => client.info('server'))).toContain('valkey_version:');
  await runThrough(redis.env);
});
