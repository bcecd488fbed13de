import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'bullmq';
import type { WorkerOptions } from 'bullmq';
import { redactConfig } from '../src/config.ts';
import type { Config } from '../src/config.ts';
import { HostGate } from '../src/host-gate.ts';
import { SILENT } from '../src/observe.ts';
import type { Logger } from '../src/observe.ts';
import { KEEP_FAILED, METATILE_QUEUE, RUN_QUEUE, RUN_WORKER_SETTINGS, keyPrefix } from '../jobs/queue/catalog.ts';
import type { ExpandPayload, MetatilePayload } from '../jobs/queue/catalog.ts';
import { openPipeline } from '../jobs/pipeline.ts';
import { Neighbours } from '../jobs/queue/neighbours.ts';
import { createQueues } from '../jobs/queue/queues.ts';
import type { Queues } from '../jobs/queue/queues.ts';
import { createPatientRedis } from '../jobs/queue/redis.ts';
import type { RedisConnection } from '../jobs/queue/redis.ts';
import type { QueueTelemetry } from '../jobs/queue/telemetry.ts';
import { createBackoffStrategy } from './error-policy.ts';
import { createExpandProcessor } from './expand-run.ts';
import type { FinishOptions } from './finish-run.ts';
import { createMetatileProcessor } from './metatile-processor.ts';
import type { WorkerMetrics } from './metrics.ts';
import { fieldsOf, withJobLogFields, withMetrics } from './observed-processor.ts';
import type { OnMetatileResult } from './observed-processor.ts';
import { RunCache } from './run-cache.ts';
import type { RunCacheOptions } from './run-cache.ts';
import { shareHostGate } from './shared-host-gate.ts';
import { watchSupervisors } from './supervisor-watch.ts';

/** A running worker process. */
export interface WorkerRuntime {
  /** Resolves when both queues can be served; a Redis that is away is waited for. */
  ready(): Promise<void>;
  /** True while Redis answers. */
  isConnected(): boolean;
  /**
   * Takes no more jobs, lets those under way end within `graceMs`, hands back those that do not, and closes everything.
   */
  close(graceMs: number): Promise<void>;
}

/** What a worker may have besides. */
export interface WorkerRuntimeParts
  extends Pick<RunCacheOptions, 'openPipeline'>, Pick<FinishOptions, 'finishTileset'> {
  readonly metrics?: WorkerMetrics | null;
  readonly telemetry?: QueueTelemetry;
}

/** What is left of the grace for handing jobs back and closing connections. */
const HAND_BACK_MS = 2_000;
const CANCEL_AGAIN_MS = 100;

/** A Redis that restarts is away for less, as a rule. */
const LOST_MS = 5_000;
const LOST_LOOK_MS = 100;

/** Puts a worker process together: one place for every part with a lifetime. */
export function createWorkerRuntime(
  config: Config,
  logger: Logger,
  { openPipeline: open = openPipeline, metrics = null, telemetry = null, finishTileset }: WorkerRuntimeParts = {},
): WorkerRuntime {
  logger.info({ config: redactConfig(config) }, 'worker starting');
  const redis = createPatientRedis(config.redis, logger, config.queue.prefix);
  const queues = createQueues(redis, config, telemetry);
  const { runStore } = queues;
  const stages = metrics?.stages;
  const gate = new HostGate();
  // That Redis is away is told by the others.
  const subscriber = createPatientRedis(config.redis, SILENT);
  const sharing = shareHostGate({ gate, redis, subscriber, prefix: config.queue.prefix, logger });
  const runs = new RunCache({
    runStore,
    config,
    logger,
    openPipeline: (request, ofProcess, options) => open(request, ofProcess, { ...options, stages, gate }),
  });
  const connection = createPatientRedis(config.redis, logger);
  const workers = createWorkers({ config, logger, queues, redis, runs, connection, metrics, telemetry, finishTileset });
  for (const worker of workers) report(worker, logger);
  const watch = watchSupervisors({ ...queues, attempts: config.retry.attempts, logger });
  return {
    isConnected: () => connection.status === 'ready',
    ready: async () => void (await Promise.all(workers.map((worker) => worker.waitUntilReady()))),
    async close(graceMs) {
      watch[Symbol.dispose]();
      const handBack = cancelJobs(workers, Math.max(0, graceMs - HAND_BACK_MS));
      const ended = new AbortController();
      const { signal } = ended;
      const late = delay(graceMs, undefined, { signal }).catch(() => {});
      const lost = untilLost(() => connection.status === 'ready', signal);
      await Promise.race([Promise.allSettled(workers.map((worker) => worker.close())), late, lost]);
      ended.abort();
      handBack[Symbol.dispose]();
      await runs[Symbol.asyncDispose]();
      await sharing[Symbol.asyncDispose]();
      subscriber.disconnect();
      await queues[Symbol.asyncDispose]();
      connection.disconnect();
    },
  };
}

/**
 * Resolves once Redis has been away for a while: what is under way can neither be settled nor handed back then. The locks
 * run out, and the jobs are taken over like those of a dead worker.
 */
async function untilLost(isConnected: () => boolean, signal: AbortSignal): Promise<void> {
  for (let looks = 0; looks * LOST_LOOK_MS < LOST_MS; looks = isConnected() ? 0 : looks + 1) {
    await delay(LOST_LOOK_MS, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
  }
}

/** Cancels the jobs of workers after a while, again and again: a job may have been on its way to a worker that was told to stop. */
function cancelJobs(workers: readonly Pick<Worker, 'cancelAllJobs'>[], afterMs: number): Disposable {
  const cancel = (): void => {
    for (const worker of workers) worker.cancelAllJobs('the worker is stopping');
    timer = setTimeout(cancel, CANCEL_AGAIN_MS);
  };
  let timer = setTimeout(cancel, afterMs);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

interface WorkersParts
  extends Required<Pick<WorkerRuntimeParts, 'metrics' | 'telemetry'>>, Pick<WorkerRuntimeParts, 'finishTileset'> {
  readonly config: Config;
  readonly logger: Logger;
  readonly queues: Queues;
  readonly redis: RedisConnection;
  readonly runs: RunCache;
  readonly connection: RedisConnection;
}

/** The workers of both queues, which take jobs from now on. */
function createWorkers(parts: WorkersParts): readonly [Worker<MetatilePayload>, Worker<ExpandPayload>] {
  const { config, logger, redis, runs, connection, metrics, telemetry, finishTileset } = parts;
  const { runStore, runQueue, metatileQueue } = parts.queues;
  const shared: WorkerOptions = {
    connection,
    prefix: keyPrefix(config.queue.prefix),
    settings: { backoffStrategy: createBackoffStrategy(config.retry) },
    removeOnComplete: { count: 0 },
    removeOnFail: KEEP_FAILED,
    // Who holds a job can be read in it.
    name: `${hostname()}:${process.pid}`,
    ...(telemetry === null ? {} : { telemetry }),
  };
  const neighbours = new Neighbours(redis, metatileQueue);
  const createProcessor = (onResult: OnMetatileResult = () => {}) =>
    createMetatileProcessor({ config, runStore, runQueue, runs, neighbours, logger, onResult });
  const metatileProcessor = metrics === null ? createProcessor() : withMetrics(createProcessor, metrics);
  // No `maxStartedAttempts`: waiting for children and handing back begin a job anew without anything having failed.
  const metatileWorker = new Worker<MetatilePayload>(METATILE_QUEUE.name, withJobLogFields(metatileProcessor), {
    ...shared,
    concurrency: config.worker.concurrency,
    lockDuration: config.worker.lockMs,
    stalledInterval: config.worker.stalledIntervalMs,
    maxStalledCount: config.worker.maxStalled,
  });
  const expandProcessor = createExpandProcessor({ config, runStore, metatiles: metatileQueue, logger, finishTileset });
  const runWorker = new Worker<ExpandPayload>(RUN_QUEUE.name, withJobLogFields(expandProcessor), {
    ...shared,
    ...RUN_WORKER_SETTINGS,
    // No longer than that of a metatile, which is configured.
    lockDuration: Math.min(RUN_WORKER_SETTINGS.lockDuration, config.worker.lockMs),
    stalledInterval: Math.min(RUN_WORKER_SETTINGS.stalledInterval, config.worker.stalledIntervalMs),
    concurrency: 4,
  });
  return [metatileWorker, runWorker];
}

function report(worker: Worker<MetatilePayload> | Worker<ExpandPayload>, logger: Logger): void {
  // Without a listener, an 'error' event would end the process; BullMQ tries again by itself.
  worker.on('error', (error) =>
    logger.warn({ queue: worker.name, cause: error.message }, 'the queue reported an error'),
  );
  worker.on('failed', (job, error) => {
    const { data, id, attemptsMade: attempts } = job ?? {};
    const fields = { ...fieldsOf(data ?? {}), queue: worker.name, job: id, attempts, cause: error.message };
    logger.warn(fields, 'job failed');
  });
  worker.on('stalled', (id) => logger.warn({ queue: worker.name, job: id }, 'took over the job of a dead worker'));
}
