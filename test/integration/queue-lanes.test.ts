import { beforeEach, describe, expect, test } from 'vitest';
import { enqueueMetatiles } from '../../jobs/queue/run-jobs.ts';
import { until } from '../support/processes.ts';
import { useQueueWorld } from '../support/queue-world.ts';
import type { QueueWorld } from '../support/queue-world.ts';

const HIGH = 400;

let world: QueueWorld;
const worldOf = useQueueWorld({ TILEWRIGHT_QUEUE_HIGH: String(HIGH) });

beforeEach(() => {
  world = worldOf();
});

describe('several runs in one queue', () => {
  test('share equally from when the second one begins, within the bound', async () => {
    const first = await world.seed({ maxzoom: 8, out: 'first' });
    await world.startSupervisor();
    const order: string[] = [];
    let most = 0;
    await until('a full queue', async () => (await world.waiting()) >= HIGH);
    await world.startWorker(undefined, { concurrency: 2, onJob: ({ data }) => order.push(data.run) });
    await until('a head start', () => order.length > 1_000);
    const second = await world.seed({ maxzoom: 8, out: 'second' });
    await until('its first metatile', () => order.includes(second.run));
    const joined = order.indexOf(second.run);
    await until('some hundred metatiles of each', async () => {
      most = Math.max(most, await world.waiting());
      return order.length > joined + 2_400;
    });
    // It neither waits for what the first has in the queue, nor makes up for what it missed.
    const ours = order.slice(joined, joined + 2_400).filter((run) => run === second.run).length;
    expect(ours).toBeGreaterThan(840);
    expect(ours).toBeLessThan(1_560);
    expect(most).toBeLessThanOrEqual(2 * HIGH);
    await world.runs.cancel(first.run);
    await world.runs.cancel(second.run);
  });

  test('a small run goes before all that waits, even if the queue is full', async () => {
    const large = await world.seed({ maxzoom: 8, out: 'large' });
    await world.startSupervisor();
    await until('a full queue', async () => (await world.waiting()) >= HIGH);
    const order: string[] = [];
    const small = await world.seed({ maxzoom: 2, out: 'small' }, { hotMetatiles: 64 });
    await until('its jobs', async () => (await world.waiting()) >= HIGH + 21);
    await world.startWorker(undefined, { concurrency: 1, onJob: ({ data }) => order.push(data.run) });
    await world.untilState(small.run, 'complete');
    expect(order.slice(0, 21)).toStrictEqual(Array.from({ length: 21 }, () => small.run));
    expect((await world.runs.status(large.run))?.state).toBe('running');
    await world.runs.cancel(large.run);
  });

  test('the lane that is asked for counts more than the size, and can be changed', async () => {
    const { runStore } = world.queues;
    const { run } = await world.seed({ maxzoom: 2 }, { hotMetatiles: 64, priority: 'normal' });
    expect((await runStore.progress(run))?.hot).toBe(false);
    await world.seed({ maxzoom: 2 }, { hotMetatiles: 64 });
    expect((await runStore.progress(run))?.hot).toBe(false);
    await world.seed({ maxzoom: 2 }, { priority: 'hot' });
    expect((await runStore.progress(run))?.hot).toBe(true);
  });

  test('a waiting job is small: its hash stays a list', async () => {
    const { metatileQueue } = world.queues;
    const run = '0123456789abcdef-1';
    const turn = { tick: 2_000_000, taken: 0 };
    await enqueueMetatiles(metatileQueue, run, [12_345_678], { attempts: 100, turn });
    const client = await metatileQueue.getBackend().client;
    const fields = await client.hgetall(metatileQueue.toKey(`${run}-12345678`));
    for (const value of Object.values(fields)) expect(Buffer.byteLength(value)).toBeLessThanOrEqual(64);
    expect(JSON.parse(fields['opts'] ?? '{}')).toMatchObject({ attempts: 100, priority: 2_000_000 });
  });
});
