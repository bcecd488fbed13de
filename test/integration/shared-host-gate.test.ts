import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { keyPrefix } from '../../jobs/queue/catalog.ts';
import { createPatientRedis } from '../../jobs/queue/redis.ts';
import type { RedisConnection } from '../../jobs/queue/redis.ts';
import { parseConfig } from '../../src/config.ts';
import type { Config } from '../../src/config.ts';
import { TilerError } from '../../src/errors.ts';
import { HostGate, MAX_CLOSED_MS } from '../../src/host-gate.ts';
import { SILENT } from '../../src/observe.ts';
import { shareHostGate } from '../../workers/shared-host-gate.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { until } from '../support/processes.ts';
import { createOwnRedis } from '../support/redis.ts';
import type { OwnRedis } from '../support/redis.ts';

const HOST = 'https://data.example';
/** Longer than a test takes on the busiest machine, and less than the longest time that is kept. */
const CLOSED_MS = 600_000;

interface Peer extends AsyncDisposable {
  readonly gate: HostGate;
  readonly redis: RedisConnection;
}

let server: OwnRedis;
let config: Config;
let peers: Peer[];
let tests = 0;

beforeAll(async () => {
  server = await createOwnRedis({ appendOnly: true });
}, INSTALL_TIMEOUT_MS);

beforeEach(async () => {
  await server.start();
  config = parseConfig({ ...server.env, TILEWRIGHT_QUEUE_PREFIX: `gate-${tests++}` });
  peers = [];
});

afterEach(async () => {
  for (const peer of peers) await peer[Symbol.asyncDispose]();
  await server.kill();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** A process that shares its gate, as far as that goes without a process. */
function startPeer(): Peer {
  const gate = new HostGate(() => 0);
  const { prefix } = config.queue;
  const redis = createPatientRedis(config.redis, SILENT);
  const subscriber = createPatientRedis(config.redis, SILENT);
  const sharing = shareHostGate({ gate, redis, subscriber, prefix, logger: SILENT });
  const peer = {
    gate,
    redis,
    async [Symbol.asyncDispose]() {
      await sharing[Symbol.asyncDispose]();
      redis.disconnect();
      subscriber.disconnect();
    },
  };
  peers.push(peer);
  return peer;
}

async function heard(count: number): Promise<void> {
  const [{ redis }] = peers as [Peer];
  await until('a subscription of each', async () => {
    const found: readonly unknown[] = await redis.pubsub('NUMSUB', channelOf());
    return Number(found[1]) === count;
  });
}

const channelOf = (): string => `${keyPrefix(config.queue.prefix)}:closed-hosts`;

async function throttle({ gate }: Peer, retryAfterMs: number, host = HOST): Promise<void> {
  const fail = (): Promise<never> => Promise.reject(new TilerError('SOURCE_THROTTLED', 'no', { retryAfterMs }));
  const refuse = (found: string): TilerError => new TilerError('SOURCE_THROTTLED', found);
  const passing = { signal: new AbortController().signal, maxWaitMs: 0, refuse };
  await gate.pass(host, fail, passing).catch(() => {});
}

describe('hosts that are closed', () => {
  test('for one process are closed for all, for those that run and for those that start later', async () => {
    const [one, other] = [startPeer(), startPeer()];
    await heard(2);
    const told: unknown[] = [];
    other.gate.onClosing((closing) => void told.push(closing));
    await throttle(one, CLOSED_MS);
    await until('the other to hear', () => other.gate.closedMs(HOST) > 0);
    const later = startPeer();
    await until('the later one to know', () => later.gate.closedMs(HOST) > 0);
    for (const { gate } of [one, other, later]) {
      expect(gate.closedMs(HOST)).toBeLessThanOrEqual(CLOSED_MS);
      expect(gate.closedMs(HOST)).toBeGreaterThan(CLOSED_MS / 2);
    }
    expect(told, 'what is heard is not told again').toStrictEqual([]);
  });

  test('are kept for a quarter of an hour at most, a thousand of them, the longest', async () => {
    const peer = startPeer();
    await heard(1);
    await throttle(peer, 1e9, 'https://longest.example');
    for (let n = 0; n < 1100; n++) await throttle(peer, CLOSED_MS + n, `https://host-${n}.example`);
    await until(
      'all to be kept',
      async () => (await peer.redis.zscore(channelOf(), 'https://host-1099.example')) !== null,
    );
    expect(await peer.redis.zcard(channelOf())).toBe(1000);
    expect(await peer.redis.zscore(channelOf(), 'https://longest.example')).not.toBeNull();
    expect(await peer.redis.zscore(channelOf(), 'https://host-0.example')).toBeNull();
    expect(await peer.redis.pttl(channelOf())).toBeLessThanOrEqual(MAX_CLOSED_MS);
  });

  test('are not told with a name that is none', async () => {
    const peer = startPeer();
    await heard(1);
    await throttle(peer, CLOSED_MS, `https://${'a'.repeat(500)}.example`);
    await throttle(peer, CLOSED_MS, 'https://user:secret@data.example');
    await throttle(peer, CLOSED_MS);
    await until('the last to be kept', async () => (await peer.redis.zcard(channelOf())) > 0);
    expect(await peer.redis.zrange(channelOf(), '0', '-1')).toStrictEqual([HOST]);
  });
});

test('what anyone else publishes is not believed', async () => {
  const peer = startPeer();
  await heard(1);
  const closing = { from: 'x', host: HOST, closedMs: CLOSED_MS };
  const bad = [
    '{',
    'null',
    JSON.stringify({ ...closing, closedMs: 1e12 }),
    JSON.stringify({ ...closing, closedMs: -1 }),
    JSON.stringify({ ...closing, host: 'file:///etc/passwd' }),
    JSON.stringify({ ...closing, more: 1 }),
    'x'.repeat(1e6),
  ];
  for (const message of bad) await peer.redis.publish(channelOf(), message);
  await peer.redis.publish(channelOf(), JSON.stringify({ ...closing, host: 'https://good.example' }));
  await until('the good one', () => peer.gate.closings().length > 0);
  expect(peer.gate.closings().map(({ host }) => host)).toStrictEqual(['https://good.example']);
});

test('without Redis each process has its own gate; when Redis is back they share again', async () => {
  const [one, other] = [startPeer(), startPeer()];
  await heard(2);
  await throttle(one, CLOSED_MS, 'https://before.example');
  await until('the other to hear', () => other.gate.closedMs('https://before.example') > 0);
  await server.kill();
  await until('the connection to be lost', () => one.redis.status !== 'ready');
  await throttle(one, CLOSED_MS, 'https://meanwhile.example');
  expect(one.gate.closedMs('https://meanwhile.example')).toBeGreaterThan(0);
  expect(other.gate.closedMs('https://meanwhile.example')).toBe(0);

  await server.start();
  await until('the connections to be back', () => one.redis.status === 'ready');
  await heard(2);
  const later = startPeer();
  await until('the later one to know', () => later.gate.closedMs('https://before.example') > 0);
  await throttle(other, CLOSED_MS);
  await until('the first to hear', () => one.gate.closedMs(HOST) > 0);
});
