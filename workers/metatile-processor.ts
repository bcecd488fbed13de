import { DelayedError, UnrecoverableError, WaitingError } from 'bullmq';
import type { Job } from 'bullmq';
import type { Config } from '../src/config.ts';
import { isAbortError, isTilerError } from '../src/errors.ts';
import { NOTHING_LEFT_OUT } from '../src/render/left-out.ts';
import type { Logger } from '../src/observe.ts';
import { METATILE_QUEUE } from '../jobs/catalog.ts';
import type { MetatilePayload } from '../jobs/catalog.ts';
import type { MetatileResult } from '../jobs/metatile-result.ts';
import { failTiles, failureOf } from '../jobs/retry.ts';
import type { RunStore } from '../jobs/run-store.ts';
import { allTilesOf } from '../src/tms/metatile.ts';
import type { MetatileWork } from '../src/tms/metatile.ts';
import { RetryLater, attemptOf, toQueueError } from './error-policy.ts';
import { processMetatile } from './render-metatile.ts';
import type { OpenRun, RunCache } from './run-cache.ts';

export interface MetatileProcessorOptions {
  readonly config: Config;
  readonly runStore: RunStore;
  readonly runs: RunCache;
  readonly logger: Logger;
}

/** How soon a metatile that is made of others looks again whether they are settled. */
const CHILDREN_AGAIN_MS = 500;

/**
 * The processor of metatile jobs: leaves out what is settled or stopped, renders, and settles the metatile in the record
 * of its run. One that is made of others which are not settled yet is put off, without losing an attempt. A job whose worker is told to stop goes back to the queue without losing an attempt.
 *
 * It has three parameters because BullMQ only passes the abort signal to a function that declares it.
 */
export function createMetatileProcessor(options: MetatileProcessorOptions) {
  const { runStore, runs } = options;
  return async (job: Job<MetatilePayload>, token?: string, signal?: AbortSignal): Promise<void> => {
    const { run, index } = METATILE_QUEUE.parse(job.data);
    if ((await runStore.claim(run, index)) !== 'todo') return;
    try {
      await runs.use(run, async (open) => {
        const work = open.plan.workAt(index);
        if (work === null) throw new Error(`The plan of the run ${run} has no metatile ${index}`);
        const { children } = work;
        if (children !== null && (await runStore.unsettled(run, open.plan.childIndicesOf(work))).length > 0) {
          await job.moveToDelayed(Date.now() + CHILDREN_AGAIN_MS, token);
          throw new DelayedError();
        }
        const result = await execute(options, open, work, plainAbort(signal));
        await report(options, run, result, attemptOf(job));
      });
    } catch (error) {
      if (isAbortError(error)) {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      if (error instanceof DelayedError || error instanceof RetryLater || error instanceof UnrecoverableError)
        throw error;
      // The run could not be opened. If it never can be, the supervisor counts the metatile as failed.
      throw toQueueError([failureOf(error)], attemptOf(job), options.config.retry);
    }
  };
}

/** A signal that aborts with the usual `AbortError`; BullMQ's own has another reason. */
export function plainAbort(signal: AbortSignal | undefined): AbortSignal {
  const controller = new AbortController();
  if (signal?.aborted === true) controller.abort();
  else signal?.addEventListener('abort', () => controller.abort(), { once: true });
  return controller.signal;
}

/** Renders, and turns what failed as a whole into failures of every tile. */
async function execute(
  { config, logger }: MetatileProcessorOptions,
  { pipeline, takeIo, record }: OpenRun,
  work: MetatileWork,
  signal: AbortSignal,
): Promise<MetatileResult> {
  const { renderer, store } = pipeline;
  const { overwrite } = record;
  try {
    return await processMetatile({
      renderer,
      store,
      work,
      overwrite,
      storeConcurrency: config.store.concurrency,
      timeoutMs: config.metatileTimeoutMs,
      takeIo,
      signal,
    });
  } catch (error) {
    if (isAbortError(error) && signal.aborted) throw error;
    if (!isTilerError(error)) {
      const { run } = record;
      const stack = error instanceof Error ? error.stack : String(error);
      logger.error({ run, index: work.index, stack }, 'a fault in the program');
    }
    const failures = failTiles(allTilesOf(work), failureOf(error));
    return { index: work.index, rendered: 0, empty: 0, failures, leftOut: NOTHING_LEFT_OUT, io: takeIo(), ms: 0 };
  }
}

/** Settles the metatile, or throws what makes BullMQ execute it again. */
async function report(
  { config, runStore }: MetatileProcessorOptions,
  run: string,
  result: MetatileResult,
  attempt: number,
): Promise<void> {
  await runStore.addIo(run, result.io);
  if (result.failures.length === 0) {
    await runStore.complete(run, result);
    return;
  }
  const error = toQueueError(result.failures, attempt, config.retry);
  if (error.name === 'UnrecoverableError') await runStore.fail(run, result);
  throw error;
}
