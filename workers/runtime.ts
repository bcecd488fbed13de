import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'bullmq';
import type { WorkerOptions } from 'bullmq';
import { redactConfig } from '../src/config.ts';
import type { Config } from '../src/config.ts';
import type { Logger } from '../src/observe.ts';
import { KEEP_FAILED, METATILE_QUEUE, RUN_QUEUE, RUN_WORKER_SETTINGS, keyPrefix } from '../jobs/catalog.ts';
import type { ExpandPayload, MetatilePayload } from '../jobs/catalog.ts';
import { createQueues } from '../jobs/queues.ts';
import { createPatientRedis } from '../jobs/redis.ts';
import { createBackoffStrategy } from './error-policy.ts';
import { createExpandProcessor } from './expand-run.ts';
import { createMetatileProcessor } from './metatile-processor.ts';
import { RunCache } from './run-cache.ts';

/** A running worker process. */
export interface WorkerRuntime {
  /** Resolves when both queues can be served; a Redis that is away is waited for. */
  ready(): Promise<void>;
  /**
   * Takes no more jobs, lets those under way end within `graceMs`, hands back those that do not, and closes everything.
   */
  close(graceMs: number): Promise<void>;
}

/** What is left of the grace for handing jobs back and closing connections. */
const HAND_BACK_MS = 2_000;

/** Puts a worker process together: one place for every part with a lifetime. */
export function createWorkerRuntime(config: Config, logger: Logger): WorkerRuntime {
  logger.info({ config: redactConfig(config) }, 'worker starting');
  const queues = createQueues(createPatientRedis(config.redisUrl, logger), config);
  const { runStore, metatileQueue } = queues;
  const runs = new RunCache({ runStore, config, logger });
  const connection = createPatientRedis(config.redisUrl, logger);
  const shared: WorkerOptions = {
    connection,
    prefix: keyPrefix(config.queue.prefix),
    settings: { backoffStrategy: createBackoffStrategy(config.retry) },
    removeOnComplete: { count: 0 },
    removeOnFail: KEEP_FAILED,
  };
  const metatileWorker = new Worker<MetatilePayload>(
    METATILE_QUEUE.name,
    createMetatileProcessor({ config, runStore, runs, logger }),
    {
      ...shared,
      concurrency: config.worker.concurrency,
      lockDuration: config.worker.lockMs,
      stalledInterval: config.worker.stalledIntervalMs,
      maxStalledCount: config.worker.maxStalled,
    },
  );
  const runWorker = new Worker<ExpandPayload>(
    RUN_QUEUE.name,
    createExpandProcessor({ config, runStore, metatiles: metatileQueue, logger }),
    { ...shared, ...RUN_WORKER_SETTINGS, concurrency: 4 },
  );
  const workers = [metatileWorker, runWorker];
  for (const worker of workers) report(worker, logger);
  return {
    ready: async () => void (await Promise.all(workers.map((worker) => worker.waitUntilReady()))),
    async close(graceMs) {
      const handBack = setTimeout(
        () => {
          for (const worker of workers) worker.cancelAllJobs('the worker is stopping');
        },
        Math.max(0, graceMs - HAND_BACK_MS),
      );
      // Without Redis nothing can be handed back; the locks run out, and the jobs are taken over like those of a dead worker.
      const deadline = new AbortController();
      const late = delay(graceMs, undefined, { signal: deadline.signal }).catch(() => {});
      await Promise.race([Promise.allSettled(workers.map((worker) => worker.close())), late]);
      deadline.abort();
      clearTimeout(handBack);
      await runs[Symbol.asyncDispose]();
      await queues[Symbol.asyncDispose]();
      connection.disconnect();
    },
  };
}

function report(worker: Worker<MetatilePayload> | Worker<ExpandPayload>, logger: Logger): void {
  // Without a listener, an 'error' event would end the process; BullMQ tries again by itself.
  worker.on('error', (error) =>
    logger.warn({ queue: worker.name, cause: error.message }, 'the queue reported an error'),
  );
  worker.on('failed', (job, error) => {
    logger.warn({ queue: worker.name, job: job?.id, attempts: job?.attemptsMade, cause: error.message }, 'job failed');
  });
  worker.on('stalled', (id) => logger.warn({ queue: worker.name, job: id }, 'took over the job of a dead worker'));
}
