import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Config } from '../src/config.ts';
import { METATILE_QUEUE, RUN_QUEUE, keyPrefix } from './catalog.ts';
import type { ExpandPayload, MetatilePayload } from './catalog.ts';
import { RunStore } from './run-store.ts';
import { closeRedis, connectRedis } from './redis.ts';

/** Both queues and the records of runs, over one connection. */
export interface Queues extends AsyncDisposable {
  readonly runStore: RunStore;
  readonly runQueue: Queue<ExpandPayload>;
  readonly metatileQueue: Queue<MetatilePayload>;
}

/**
 * Opens the queues for a command line, which does not wait long for Redis.
 *
 * @throws TilerError `QUEUE_UNAVAILABLE`
 */
export async function openQueues(config: Config): Promise<Queues> {
  return createQueues(await connectRedis(config.redisUrl), config);
}

/** Creates the queues over a connection, which is closed with them. */
export function createQueues(redis: Redis, config: Config): Queues {
  const prefix = keyPrefix(config.queue.prefix);
  const runQueue = new Queue<ExpandPayload>(RUN_QUEUE.name, { connection: redis, prefix });
  const metatileQueue = new Queue<MetatilePayload>(METATILE_QUEUE.name, { connection: redis, prefix });
  return {
    runStore: new RunStore(redis, config.queue.prefix),
    runQueue,
    metatileQueue,
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([runQueue.close(), metatileQueue.close()]);
      // BullMQ leaves a connection that it was given open.
      await closeRedis(redis);
    },
  };
}
