import { DelayedError, UnrecoverableError } from 'bullmq';
import type { Job, Queue } from 'bullmq';
import type { Config } from '../src/config.ts';
import { createIoCounters } from '../src/observe.ts';
import type { Logger } from '../src/observe.ts';
import { METATILE_QUEUE, RUN_QUEUE } from '../jobs/catalog.ts';
import type { ExpandPayload, MetatilePayload } from '../jobs/catalog.ts';
import { finishTileset } from '../jobs/finish-tileset.ts';
import { openOutput } from '../jobs/open-output.ts';
import { createPlan } from '../jobs/plan-jobs.ts';
import type { TilesetPlan } from '../jobs/plan-jobs.ts';
import { MAX_BATCH, enqueueMetatiles } from '../jobs/producer.ts';
import { failTiles } from '../jobs/retry.ts';
import type { RunProgress, RunRecord } from '../jobs/run-record.ts';
import type { RunStore } from '../jobs/run-store.ts';
import { allTilesOf } from '../src/tms/metatile.ts';
import { plainAbort } from './metatile-processor.ts';

export interface ExpandProcessorOptions {
  readonly config: Config;
  readonly runStore: RunStore;
  readonly metatiles: Queue<MetatilePayload>;
  readonly logger: Logger;
}

/** How soon the supervisor looks again. Workers take some metatiles a second, so the queue does not run dry meanwhile. */
const LOOK_AGAIN_MS = 300;

/** Looks in a row at an unchanged run, with everything enqueued, before lost metatiles are searched for: some 5 s. */
const IDLE_CHECKS = 16;

/**
 * The processor of a run's supervisor job. Each execution is one short step, after which the job is delayed; how far it
 * is lies in its payload:
 *
 * 1. expanding: puts the next metatiles into the queue, as many as there is room for below the configured bound, so that
 *    Redis holds the same however large the run is;
 * 2. waiting for every metatile to be settled; if nothing changes for some seconds, it looks for metatiles that were
 *    lost and puts them back;
 * 3. finishing: writes the closing documents, then changes the state, which only one process can do.
 *
 * A supervisor that dies in any step is taken over by another worker, and every step may be done twice.
 */
export function createExpandProcessor(options: ExpandProcessorOptions) {
  return async (job: Job<ExpandPayload>, token?: string, signal?: AbortSignal): Promise<void> => {
    const payload = RUN_QUEUE.parse(job.data);
    const record = await options.runStore.get(payload.run);
    const progress = await options.runStore.progress(payload.run);
    if (record === null || progress === null)
      throw new UnrecoverableError(`RUN_UNKNOWN: there is no run ${payload.run}`);
    if (progress.state !== 'running' || progress.opened !== payload.opened) return;
    if (progress.settledMetatiles >= record.metatiles) {
      await finish(options, record, progress, plainAbort(signal));
      return;
    }
    const plan = createPlan(record.request);
    const next =
      payload.cursor < record.indexCount
        ? await expand(options, payload, plan, progress.settledMetatiles > 0)
        : await lookAfter(options, payload, record, plan, progress.settledMetatiles);
    await job.updateData(next);
    await job.moveToDelayed(Date.now() + LOOK_AGAIN_MS, token);
    throw new DelayedError();
  };
}

async function expand(
  { config, metatiles, runStore }: ExpandProcessorOptions,
  payload: ExpandPayload,
  plan: TilesetPlan,
  someAreSettled: boolean,
): Promise<ExpandPayload> {
  const waiting = await metatiles.getJobCounts('waiting', 'delayed', 'prioritized');
  let room = config.queue.high - Object.values(waiting).reduce((sum, count) => sum + count, 0);
  let { cursor } = payload;
  while (room > 0 && cursor < plan.indexCount) {
    const batch: number[] = [];
    for (const { index } of plan.works({ fromIndex: cursor })) {
      if (batch.length >= Math.min(room, MAX_BATCH)) break;
      batch.push(index);
    }
    const last = batch.at(-1);
    if (last === undefined) return { ...payload, cursor: plan.indexCount };
    // A run that is taken up again has most of them behind it.
    const todo = someAreSettled ? await runStore.unsettled(payload.run, batch) : batch;
    await enqueueMetatiles(metatiles, payload.run, todo, config.retry.attempts);
    cursor = last + 1;
    room -= todo.length;
  }
  return { ...payload, cursor };
}

/** Waits, and after a while without any change puts metatiles back that are neither settled nor in the queue. */
async function lookAfter(
  options: ExpandProcessorOptions,
  payload: ExpandPayload,
  record: RunRecord,
  plan: TilesetPlan,
  settled: number,
): Promise<ExpandPayload> {
  if (settled !== payload.settled) return { ...payload, settled, idleChecks: 0 };
  if (payload.idleChecks < IDLE_CHECKS) return { ...payload, idleChecks: payload.idleChecks + 1 };
  const { indices, next } = await options.runStore.missing(record, {
    from: payload.sweep,
    limit: MAX_BATCH,
    hasWork: (index) => plan.workAt(index) !== null,
  });
  await settleLost(options, record, plan, indices);
  // Those that are in the queue already are left as they are.
  await enqueueMetatiles(options.metatiles, record.run, indices, options.config.retry.attempts);
  return { ...payload, settled, idleChecks: 0, sweep: next >= record.indexCount ? 0 : next };
}

/**
 * Counts metatiles as failed whose job BullMQ gave up without their processor having a say: those that killed their
 * process too often.
 */
async function settleLost(
  { metatiles, runStore, logger }: ExpandProcessorOptions,
  { run }: RunRecord,
  plan: TilesetPlan,
  indices: readonly number[],
): Promise<void> {
  for (const index of indices) {
    const job = await metatiles.getJob(METATILE_QUEUE.jobId({ v: 1, run, index }));
    if (job === undefined || !(await job.isFailed())) continue;
    const message = `Rendering the metatile ${index}: ${job.failedReason}`;
    logger.warn({ run, index, code: 'WORKER_LOST' }, message);
    const work = plan.workAt(index);
    const tiles = work === null ? [] : allTilesOf(work);
    const failures = failTiles(tiles, { code: 'WORKER_LOST', message, retryAfterMs: null });
    await runStore.fail(run, { index, rendered: 0, empty: 0, failures });
    await job.remove();
  }
}

async function finish(
  { config, runStore, logger }: ExpandProcessorOptions,
  record: RunRecord,
  progress: RunProgress,
  signal: AbortSignal,
): Promise<void> {
  const { run, request, requestHash, generation } = record;
  const { rendered, empty, failed } = progress;
  const counters = createIoCounters();
  await using store = await openOutput(request, config, { counters, signal });
  const [failures, leftOut] = await Promise.all([runStore.failures(run), runStore.leftOut(run)]);
  const plan = createPlan(request);
  const counts = { rendered, empty, failed };
  await finishTileset(store, { request, requestHash, generation, plan, ...counts, failures, leftOut, signal });
  // Settled first by whoever is faster; documents written twice have the same bytes.
  const state = failed > 0 ? 'failed' : 'complete';
  if (!(await runStore.changeState(run, ['running'], state))) return;
  await runStore.expire(run);
  logger.info({ run, state, rendered, empty, failed }, 'run ended');
}
