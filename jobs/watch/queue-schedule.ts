import { Queue, Worker } from 'bullmq';
import type { Config } from '../../src/config.ts';
import { keyPrefix } from '../queue/catalog.ts';
import type { RedisConnection } from '../queue/redis.ts';
import { parseCron } from './cron.ts';
import { DEBOUNCE_MS } from './schedule.ts';
import type { Schedule, Times } from './schedule.ts';

/** A look that is waited for by nobody is of no use to people. */
const LOOK = { removeOnComplete: true, removeOnFail: true } as const;

/** A watcher that is killed loses its look to another one within 40 s, however often that happens. */
const SETTINGS = { lockDuration: 30_000, stalledInterval: 5_000, maxStalledCount: 1_000, concurrency: 1 } as const;

/**
 * A schedule that all watchers of an output share, in Redis: BullMQ's job scheduler makes one look at a time, and one of
 * them takes it. A look that throws is over, and `run` of its watcher rejects.
 *
 * @param name - names the output; letters, digits and `-`
 */
export function createQueueSchedule(times: Times, redis: RedisConnection, config: Config, name: string): Schedule {
  const cron = 'cron' in times ? parseCron(times.cron) : null;
  // The same times as without a queue.
  const settings = { repeatStrategy: (afterMs: number) => cron?.next(new Date(afterMs)).getTime() };
  const common = { connection: redis, prefix: keyPrefix(config.queue.prefix), settings };
  const queueName = `tilewright-watch-${name}`;
  return {
    async run(look, { signal }) {
      const queue = new Queue(queueName, common);
      // Copies of the connection that a worker makes must wait for a Redis that is away.
      const worker = new Worker(queueName, look, { ...common, ...SETTINGS, autorun: false });
      queue.on('error', () => {});
      worker.on('error', () => {});
      try {
        const repeat = 'cron' in times ? { pattern: times.cron, tz: 'UTC' } : { every: times.everyMs };
        await queue.upsertJobScheduler('look', repeat, { name: 'look', opts: LOOK });
        await queue.add('look', {}, { ...LOOK, jobId: 'first' });
        const running = worker.run();
        await new Promise<void>((resolve, reject) => {
          signal.addEventListener('abort', () => resolve(), { once: true });
          if (signal.aborted) resolve();
          worker.on('failed', (_job, error) => reject(error));
          running.catch(reject);
        });
      } finally {
        await worker.close();
        await queue.close();
      }
    },
    async wake() {
      const queue = new Queue(queueName, common);
      queue.on('error', () => {});
      try {
        await queue.add('look', {}, { ...LOOK, delay: DEBOUNCE_MS, deduplication: { id: 'event' } });
      } finally {
        await queue.close();
      }
    },
  };
}
