import { Queue } from 'bullmq';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keyPrefix } from '../../jobs/queue/catalog.ts';
import { closeRedis, connectRedis } from '../../jobs/queue/redis.ts';
import type { RedisConnection } from '../../jobs/queue/redis.ts';
import { parseCron } from '../../jobs/watch/cron.ts';
import { createQueueSchedule } from '../../jobs/watch/queue-schedule.ts';
import type { Times } from '../../jobs/watch/schedule.ts';
import { parseConfig } from '../../src/config.ts';
import type { Config } from '../../src/config.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { until } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import type { RedisServer } from '../support/redis.ts';

let server: RedisServer;
let config: Config;
let redis: RedisConnection;

beforeAll(async () => {
  server = await startRedis();
  config = parseConfig(server.env);
  redis = await connectRedis(config.redis, { prefix: config.queue.prefix, onWarning: () => {} });
}, INSTALL_TIMEOUT_MS);
afterAll(async () => {
  await closeRedis(redis);
  await server[Symbol.asyncDispose]();
});

/** When the scheduler of a name is to make its next look, by its own record; null = there is none. */
async function nextOf(name: string): Promise<number | null> {
  const queue = new Queue(`tilewright-watch-${name}`, { connection: redis, prefix: keyPrefix(config.queue.prefix) });
  try {
    return (await queue.getJobScheduler('look'))?.next ?? null;
  } finally {
    await queue.close();
  }
}

/** Looks so often by a schedule. @returns for each look, when it was and when the next one was to be */
async function looksBy(times: Times, name: string, count: number) {
  const looks: { readonly atMs: number; readonly nextMs: number }[] = [];
  const stopping = new AbortController();
  const schedule = createQueueSchedule(times, redis, config, name);
  const running = schedule.run(
    async () => {
      looks.push({ atMs: Date.now(), nextMs: (await nextOf(name)) ?? Number.NaN });
      if (looks.length >= count) stopping.abort();
    },
    { signal: stopping.signal },
  );
  await until(`${count} looks`, () => looks.length >= count);
  await running;
  return looks;
}

test('an interval: looks come one after the other, none before its time', async () => {
  const looks = await looksBy({ everyMs: 1_000 }, 'interval', 5);
  for (const [i, { nextMs }] of looks.entries()) {
    const before = looks[i - 1];
    if (before === undefined) continue;
    expect(nextMs).toBeGreaterThanOrEqual(before.nextMs);
    expect((nextMs - before.nextMs) % 1_000).toBe(0);
  }
  // Of five looks one is that of the beginning; the others had their slots, of which the last was over.
  const [first, last] = [looks[0], looks.at(-1)];
  expect(last?.atMs).toBeGreaterThanOrEqual((last?.nextMs ?? 0) - 1_000);
  expect(last?.nextMs).toBeGreaterThan(first?.nextMs ?? Infinity);
});

test('cron with seconds: every look at its second', async () => {
  const looks = await looksBy({ cron: '*/2 * * * * *' }, 'cron', 4);
  // The first look is at once.
  for (const { atMs, nextMs } of looks.slice(1)) {
    expect(nextMs % 2_000).toBe(0);
    expect(atMs).toBeGreaterThanOrEqual(nextMs - 2_000);
  }
  expect(new Set(looks.map(({ nextMs }) => nextMs)).size).toBeGreaterThanOrEqual(3);
});

test.each(['0 3 * * *', '*/15 8-18 * * mon-fri', '0 0 */9 * fri', '0 0 29 2 *', '30 5 4 1 jan *'])(
  '%s: the queue knows the same time as a watcher without one',
  async (cron) => {
    const name = `times-${cron.replaceAll(/\W/g, '-')}`;
    const before = new Date();
    const [look] = await looksBy({ cron }, name, 1);
    const after = new Date();
    const schedule = parseCron(cron);
    expect([before, after].map((date) => schedule.next(date).getTime())).toContain(look?.nextMs);
  },
);

test('events that come close together are one look, and a fault of a look ends the schedule', async () => {
  const schedule = createQueueSchedule({ cron: '0 0 29 2 *' }, redis, config, 'events');
  let looks = 0;
  const running = schedule.run(
    async () => {
      looks++;
      if (looks === 1) for (let i = 0; i < 5; i++) await schedule.wake();
      else throw new Error('a fault of the second look');
    },
    { signal: new AbortController().signal },
  );
  await expect(running).rejects.toThrow('a fault of the second look');
  expect(looks).toBe(2);
});
