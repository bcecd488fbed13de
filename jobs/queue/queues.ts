import { Queue } from 'bullmq';
import type { Config } from '../../src/config.ts';
import { METATILE_QUEUE, RUN_QUEUE, keyPrefix } from './catalog.ts';
import type { ExpandPayload, MetatilePayload } from './catalog.ts';
import { MetatileQueue } from './metatile-queue.ts';
import { RunStore } from './run-store.ts';
import { closeRedis, connectRedis } from './redis.ts';
import { loadTelemetry } from './telemetry.ts';
import type { QueueTelemetry } from './telemetry.ts';
import type { RedisConnection } from './redis.ts';

/** Both queues and the records of runs, over one connection. */
export interface Queues extends AsyncDisposable {
  readonly runStore: RunStore;
  readonly runQueue: Queue<ExpandPayload>;
  readonly metatileQueue: Queue<MetatilePayload>;
}

/**
 * Opens the queues for a command line, which does not wait long for Redis.
 *
 * @param onWarning - told what is not as it should be about a Redis that can be used
 * @throws TilerError `QUEUE_UNAVAILABLE`, `CONFIG_INVALID`
 */
export async function openQueues(config: Config, onWarning: (text: string) => void = () => {}): Promise<Queues> {
  const telemetry = await loadTelemetry(config);
  return createQueues(await connectRedis(config.redis, { prefix: config.queue.prefix, onWarning }), config, telemetry);
}

/** Creates the queues over a connection, which is closed with them. */
export function createQueues(redis: RedisConnection, config: Config, telemetry: QueueTelemetry = null): Queues {
  const options = {
    connection: redis,
    prefix: keyPrefix(config.queue.prefix),
    ...(telemetry === null ? {} : { telemetry }),
  };
  const runQueue = new Queue<ExpandPayload>(RUN_QUEUE.name, options);
  const metatileQueue = new MetatileQueue(METATILE_QUEUE.name, options);
  // Without a listener, BullMQ prints the stack of every lost connection; that of the connection has told it.
  for (const queue of [runQueue, metatileQueue]) queue.on('error', () => {});
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
