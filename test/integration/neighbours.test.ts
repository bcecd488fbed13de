import { beforeEach, describe, expect, test } from 'vitest';
import { Neighbours } from '../../jobs/queue/neighbours.ts';
import type { RedisConnection } from '../../jobs/queue/redis.ts';
import { enqueueMetatiles } from '../../jobs/queue/run-jobs.ts';
import { until } from '../support/processes.ts';
import { useQueueWorld } from '../support/queue-world.ts';
import type { QueueWorld } from '../support/queue-world.ts';

const RUN = 'run-1';

let world: QueueWorld;
let redis: RedisConnection;
const worldOf = useQueueWorld();

beforeEach(async () => {
  world = worldOf();
  redis = await world.connect();
});

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, n) => from + n);
}

describe.each(['hot', 'normal'] as const)('a queue of jobs of a %s run', (lane) => {
  async function add(indices: readonly number[], run = RUN, tick = 1): Promise<void> {
    const turn = lane === 'hot' ? null : { tick, taken: 0 };
    await enqueueMetatiles(world.queues.metatileQueue, run, indices, { attempts: 3, turn });
  }

  /** The IDs of jobs, in the order in which they are taken. */
  async function order(): Promise<readonly string[]> {
    const { metatileQueue: queue } = world.queues;
    if (lane === 'normal') return await redis.zrange(queue.toKey('prioritized'), '0', '-1');
    return (await redis.lrange(queue.toKey('wait'), 0, -1)).toReversed();
  }

  async function indices(): Promise<readonly number[]> {
    return (await order()).map((id) => Number(id.slice(RUN.length + 1)));
  }

  /** What a process does that has begun a metatile last, once nobody else is about to take a job. */
  async function bringForward(last: number, below = 10_000): Promise<void> {
    for (const key of await broughtForward()) await redis.del(key);
    await neighboursAt(last).bringForward(RUN, below);
  }

  /** What is noted of jobs that somebody is about to take. */
  async function broughtForward(): Promise<readonly string[]> {
    return await redis.keys(world.queues.metatileQueue.toKey('brought-forward:*'));
  }

  function neighboursAt(last: number, soonMs?: number): Neighbours {
    const neighbours = new Neighbours(redis, world.queues.metatileQueue, soonMs);
    neighbours.begin(RUN, last);
    return neighbours;
  }

  test('gives its first place to what follows, and no job is lost', async () => {
    await add(range(4, 64));
    await bringForward(20);
    expect(await indices()).toStrictEqual([21, ...range(5, 21), 4, ...range(22, 64)]);
    // Again, before it was taken.
    await bringForward(20);
    expect((await indices())[0]).toBe(21);
    await bringForward(21);
    expect((await indices())[0]).toBe(22);
    expect((await indices()).toSorted((a, b) => a - b)).toStrictEqual(range(4, 64));
  });

  test('who takes a second one before the first is begun, or after another process, gets the next place', async () => {
    await add(range(4, 64));
    const [here, there] = [neighboursAt(20, 60_000), neighboursAt(40, 60_000)];
    await here.bringForward(RUN, 10_000);
    await there.bringForward(RUN, 10_000);
    await here.bringForward(RUN, 10_000);
    expect((await indices()).slice(0, 3)).toStrictEqual([21, 41, 22]);
    expect((await indices()).toSorted((a, b) => a - b)).toStrictEqual(range(4, 64));
    expect(await broughtForward()).toHaveLength(3);
    await bringForward(50);
    // Nothing is left of it soon.
    await until('the notes to end', async () => (await broughtForward()).length === 0);
  });

  test('at the end of a stretch, and where others have taken what follows, another stretch is begun', async () => {
    await add([...range(6, 20), ...range(32, 64)]);
    await bringForward(31);
    expect((await indices()).slice(0, 2)).toStrictEqual([16, 7]);
    await bringForward(20);
    expect((await indices()).slice(0, 2)).toStrictEqual([16, 7]);
    await bringForward(16);
    expect((await indices()).slice(0, 2)).toStrictEqual([17, 7]);
    await bringForward(20);
    expect((await indices()).slice(0, 2)).toStrictEqual([16, 7]);
  });

  test('what is of another zoom, or far from the first job, is left where it is', async () => {
    await add([5, 6, 15, 16, 17, 540, 528]);
    await bringForward(14, 15);
    expect(await indices()).toStrictEqual([5, 6, 15, 16, 17, 540, 528]);
    await bringForward(539, 10_000);
    expect((await indices())[0]).toBe(540);
    await bringForward(300, 16);
    expect((await indices())[0]).toBe(540);
  });

  test('a job that others pass by has its turn: stretches that begin far behind it are left', async () => {
    await add([5, 6, 528, 529]);
    await bringForward(600);
    expect(await indices()).toStrictEqual([5, 6, 528, 529]);
    await add([512]);
    await bringForward(600);
    expect(await indices()).toStrictEqual([512, 6, 528, 529, 5]);
  });

  test('the places of other runs stay theirs', async () => {
    await add(range(0, 4), 'other-1', 1);
    await add(range(4, 40), RUN, 2);
    const before = await order();
    await bringForward(20);
    expect(await order()).toStrictEqual(before);
  });

  test('an empty queue, and a run of which nothing was begun, are as they were', async () => {
    await bringForward(3);
    await add(range(4, 40));
    const neighbours = new Neighbours(redis, world.queues.metatileQueue);
    neighbours.begin('other-1', 20);
    await neighbours.bringForward(RUN, 100);
    expect(await indices()).toStrictEqual(range(4, 40));
  });
});

test('a place keeps its turn, whichever metatile has it', async () => {
  const { metatileQueue: queue } = world.queues;
  for (const tick of [1, 2]) {
    await enqueueMetatiles(queue, RUN, range(16 * tick, 16 * tick + 16), { attempts: 3, turn: { tick, taken: 0 } });
  }
  const priorities = async () => (await queue.getPrioritized(0, -1)).map(({ priority }) => priority);
  const before = await priorities();
  expect(new Set(before).size).toBeGreaterThan(1);
  const neighbours = new Neighbours(redis, queue);
  neighbours.begin(RUN, 40);
  await neighbours.bringForward(RUN, 100);
  expect((await queue.getPrioritized(0, 1)).map(({ data }) => data.index)).toStrictEqual([41, 17]);
  expect(await priorities()).toStrictEqual(before);
});

test('each of two workers stays in a stretch until it is done, and every metatile comes once', async () => {
  const METATILES = 256;
  const { run } = await world.seed({ minzoom: 4, maxzoom: 4 }, { priority: 'normal' });
  await world.startSupervisor();
  await until('all jobs', async () => (await world.waiting()) === METATILES);
  const workers = [0, 1].map(() => ({ begun: [] as number[], letGo: (): void => {} }));
  const begun = (): readonly number[] => workers.flatMap((worker) => worker.begun);
  for (const worker of workers) {
    await world.startWorker(
      async ({ index }) => {
        worker.begun.push(index);
        await new Promise<void>((resolve) => (worker.letGo = resolve));
        return {};
      },
      { concurrency: 1 },
    );
    await until('its first metatile', () => worker.begun.length === 1);
  }
  // One after the other, so that they do not meet between hint and job.
  while (begun().length < METATILES) {
    for (const worker of workers) {
      const before = worker.begun.length;
      worker.letGo();
      await until('its next metatile', () => worker.begun.length > before || begun().length === METATILES);
    }
  }
  for (const worker of workers) worker.letGo();
  expect(await world.untilEnded(run)).toBe('complete');
  expect(begun().toSorted((a, b) => a - b)).toStrictEqual(range(0, METATILES));
  const jumps = workers.flatMap((worker) =>
    worker.begun.filter((index, n) => n > 0 && index !== worker.begun[n - 1]! + 1),
  );
  // The first worker begins with 0, and leaves the rest of that stretch to the second one. Who has no stretch at the end
  // takes what there is of the other's.
  expect(jumps.toSorted((a, b) => a - b)).toStrictEqual([...range(1, METATILES / 16).map((n) => 16 * n), 255]);
});
