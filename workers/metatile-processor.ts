import { DelayedError, UnrecoverableError, WaitingError } from 'bullmq';
import type { Job, Queue } from 'bullmq';
import type { Config } from '../src/config.ts';
import { isAbortError, isTilerError } from '../src/errors.ts';
import { NOTHING_LEFT_OUT } from '../src/render/left-out.ts';
import type { Logger } from '../src/observe.ts';
import { METATILE_QUEUE } from '../jobs/queue/catalog.ts';
import type { ExpandPayload, MetatilePayload } from '../jobs/queue/catalog.ts';
import type { MetatileResult } from '../jobs/metatile-result.ts';
import { failTiles, failureOf } from '../jobs/retry.ts';
import { spoilPart } from '../jobs/spoil-part.ts';
import type { Tries } from '../jobs/retry.ts';
import type { Neighbours } from '../jobs/queue/neighbours.ts';
import { wakeSupervisor } from '../jobs/queue/run-jobs.ts';
import type { Settling } from '../jobs/queue/run-record.ts';
import type { RunStore } from '../jobs/queue/run-store.ts';
import { zoomOfIndex } from '../src/tms/cover.ts';
import { allTilesOf } from '../src/tms/metatile.ts';
import type { MetatileWork } from '../src/tms/metatile.ts';
import { plainAbort } from './abort.ts';
import { RetryLater, WaitForHost, putOff, refusal, toQueueError, triesOf } from './error-policy.ts';
import type { OnMetatileResult } from './observed-processor.ts';
import { processMetatile } from './render-metatile.ts';
import type { OpenRun, RunCache } from './run-cache.ts';

export interface MetatileProcessorOptions {
  readonly config: Config;
  readonly runStore: RunStore;
  readonly runQueue: Queue<ExpandPayload>;
  readonly runs: RunCache;
  readonly neighbours: Neighbours;
  readonly logger: Logger;
  readonly onResult?: OnMetatileResult;
}

/** How soon a metatile that is made of others looks again whether they are settled, at most and for each that is not. */
const CHILDREN_AGAIN_MS = 500;
const CHILD_AGAIN_MS = 50;

/**
 * The processor of metatile jobs: leaves out what is settled or stopped, renders, and settles the metatile in the record
 * of its run. One that is made of others which are not settled yet is put off, without losing an attempt. A job whose
 * worker is told to stop goes back to the queue without losing an attempt; one whose run ends meanwhile is dropped.
 *
 * It has three parameters because BullMQ only passes the abort signal to a function that declares it.
 */
export function createMetatileProcessor(options: MetatileProcessorOptions) {
  const { runStore, runs } = options;
  return async (job: Job<MetatilePayload>, token?: string, signal?: AbortSignal): Promise<void> => {
    const { run, index } = refusal(() => METATILE_QUEUE.parse(job.data));
    options.neighbours.begin(run, index);
    const claim = await runStore.claim(run, index);
    if (claim === 'unknown' || claim === 'outside') throw refuse(claim, run, index);
    if (claim !== 'todo') return;
    try {
      await runs.use(run, async (open, ended) => {
        const work = open.plan.workAt(index);
        if (work === null) throw refuse('outside', run, index);
        const children = work.children === null ? [] : open.plan.childIndicesOf(work);
        const missing = children.length === 0 ? 0 : (await runStore.bits.unsettled(run, children)).length;
        if (missing > 0) {
          await job.moveToDelayed(Date.now() + Math.min(CHILDREN_AGAIN_MS, missing * CHILD_AGAIN_MS), token);
          throw new DelayedError();
        }
        const result = await execute(options, open, work, plainAbort(signal, ended));
        options.onResult?.(job, result);
        await report(options, { ...open, work }, result, triesOf(job));
        await goOn(options, open, index);
      });
    } catch (error) {
      if (isAbortError(error)) {
        // Dropped if its run ended, unless that was taken up again since.
        if (signal?.aborted !== true && (await runStore.claim(run, index)) !== 'todo') return;
        await job.moveToWait(token);
        throw new WaitingError();
      }
      const isForBullmq = [DelayedError, RetryLater, WaitForHost, UnrecoverableError].some(
        (kind) => error instanceof kind,
      );
      // Otherwise the run could not be opened. If it never can be, the supervisor counts the metatile as failed.
      const passed = isForBullmq ? error : toQueueError([failureOf(error)], triesOf(job), options.config.retry);
      if (passed instanceof WaitForHost) await putOff(job, passed, token);
      throw passed;
    }
  };
}

/** What a job that no run has is refused with, never to be tried again. */
function refuse(why: 'unknown' | 'outside', run: string, index: number): UnrecoverableError {
  return new UnrecoverableError(
    why === 'unknown'
      ? `RUN_UNKNOWN: Rendering the metatile ${index} of the run ${run}: there is no run of that name`
      : `PAYLOAD_INVALID: Rendering the metatile ${index} of the run ${run}: it has no metatile of that index`,
  );
}

/** Renders, and turns what failed as a whole into failures of every tile. */
async function execute(
  { config, logger }: MetatileProcessorOptions,
  { pipeline, baseline, takeIo, record }: OpenRun,
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
      baseline,
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
  options: MetatileProcessorOptions,
  { record, pipeline, baseline, work }: OpenRun & { readonly work: MetatileWork },
  result: MetatileResult,
  tries: Tries,
): Promise<void> {
  const { config, runStore } = options;
  const { run } = record;
  await runStore.addIo(run, result.io);
  if (result.failures.length === 0) {
    await wakeAfterLast(options, run, await runStore.complete(run, result));
    return;
  }
  const error = toQueueError(result.failures, tries, config.retry);
  if (error.name === 'UnrecoverableError') {
    if (baseline !== undefined) await spoilPart(pipeline.store, work, { signal: plainAbort() });
    await wakeAfterLast(options, run, await runStore.fail(run, result));
  }
  throw error;
}

/** A run whose last metatile is settled need not wait for the next look of its supervisor; if it has to, it only takes longer. */
async function wakeAfterLast(
  { runStore, runQueue, logger }: MetatileProcessorOptions,
  run: string,
  settling: Settling,
): Promise<void> {
  if (settling !== 'last') return;
  await wakeSupervisor({ runStore, runQueue }, run).catch((error: unknown) => {
    logger.debug({ run, cause: error instanceof Error ? error.message : String(error) }, 'the supervisor looks later');
  });
}

/** Lets this process take what lies beside the metatile next; if that fails, it takes what comes first. */
async function goOn(
  { neighbours, logger }: MetatileProcessorOptions,
  { record: { run }, plan }: Pick<OpenRun, 'record' | 'plan'>,
  index: number,
): Promise<void> {
  // What is made of tiles reads no blocks, and comes after what it is made of.
  if (plan.isMadeOfTiles(index)) return;
  const zoom = zoomOfIndex(plan.cover.zooms, index);
  const below = zoom === undefined ? plan.indexCount : zoom.firstIndex + zoom.indexCount;
  await neighbours.bringForward(run, below).catch((error: unknown) => {
    logger.warn({ run, cause: error instanceof Error ? error.message : String(error) }, 'the queue stays as it is');
  });
}
