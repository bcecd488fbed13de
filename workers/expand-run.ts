import { DelayedError, UnrecoverableError, WaitingError } from 'bullmq';
import type { Job } from 'bullmq';
import { isAbortError } from '../src/errors.ts';
import { RUN_QUEUE } from '../jobs/queue/catalog.ts';
import type { ExpandPayload } from '../jobs/queue/catalog.ts';
import { advance } from '../jobs/queue/lanes.ts';
import type { TilesetPlan } from '../jobs/plan-jobs.ts';
import { MAX_BATCH, enqueueMetatiles } from '../jobs/queue/run-jobs.ts';
import type { RunProgress } from '../jobs/queue/run-record.ts';
import type { RunStore } from '../jobs/queue/run-store.ts';
import { plainAbort } from './abort.ts';
import { refusal } from './error-policy.ts';
import { finishRun } from './finish-run.ts';
import type { FinishOptions } from './finish-run.ts';
import { PlannedRuns } from './planned-runs.ts';
import type { PlannedRun } from './planned-runs.ts';
import { joinQueue } from './queue-room.ts';
import { settleLost } from './settle-lost.ts';

export type ExpandProcessorOptions = FinishOptions;

/** How soon the supervisor looks again: so that the queue does not run dry meanwhile. */
const LOOK_AGAIN_MS = 300;

/**
 * The same while workers are so fast that they took half of what it may have in the queue since its last look, or that the
 * run may end before the next one.
 */
const LOOK_SOON_MS = 50;

/** In one look, so that it stays short; the next one follows at once. */
const MAX_BATCHES = 20;

/** Looks in a row at an unchanged run, with everything enqueued, before lost metatiles are searched for: some 5 s. */
const IDLE_CHECKS = 16;

/** How often the pace of a run is noted. */
const SAMPLE_MS = 5_000;

/** What a look came to: the payload of the next one, and when that is due. */
interface Look {
  readonly next: ExpandPayload;
  readonly afterMs: number;
}

/**
 * The processor of a run's supervisor job. Each execution is one short step, after which the job is delayed; how far it
 * is lies in its payload:
 *
 * 1. expanding: puts the next metatiles into the queue, as many as there is room for below the configured bound and this
 *    run's share of it, so that Redis holds the same however large the run is;
 * 2. waiting for every metatile to be settled; if nothing changes for some seconds, it looks for metatiles that were
 *    lost and puts them back;
 * 3. finishing, when all are settled or the failure budget is used up: publishes, then changes the state, which only one
 *    process can do.
 *
 * A look costs the same for a run of any size. A supervisor that dies in any step is taken over by another worker, and
 * every step may be done twice. When its run is paused or cancelled, it ends.
 */
export function createExpandProcessor(options: ExpandProcessorOptions) {
  const { runStore } = options;
  const planned = new PlannedRuns(runStore);
  return async (job: Job<ExpandPayload>, token?: string, signal?: AbortSignal): Promise<void> => {
    const payload = refusal(() => RUN_QUEUE.parse(job.data));
    const progress = await runStore.progress(payload.run);
    const run = progress === null ? null : await planned.get(payload.run);
    if (run === null || progress === null)
      throw new UnrecoverableError(`RUN_UNKNOWN: Supervising the run ${payload.run}: there is none of that name`);
    if (progress.state !== 'running' || progress.opened !== payload.opened) return;
    if (progress.isBudgetUsedUp || (await isSettled(runStore, run, progress))) {
      try {
        await finishRun(options, run, progress.isBudgetUsedUp, plainAbort(signal));
      } catch (error) {
        // The grace of a worker that is told to stop ran out: another one goes on, and nothing has failed.
        if (!isAbortError(error) || signal?.aborted !== true) throw error;
        await job.moveToWait(token);
        throw new WaitingError();
      }
      return;
    }
    const { next, afterMs } = await look(options, payload, run, progress);
    await job.updateData(next);
    await job.moveToDelayed(Date.now() + afterMs, token);
    throw new DelayedError();
  };
}

/** True if all metatiles are settled: by the counts, and then by the bits, which are the truth. */
async function isSettled(runStore: RunStore, { record }: PlannedRun, progress: RunProgress): Promise<boolean> {
  if (progress.settledMetatiles < record.metatiles) return false;
  await runStore.bits.recount(record.run);
  return ((await runStore.progress(record.run))?.settledMetatiles ?? 0) >= record.metatiles;
}

async function look(
  options: ExpandProcessorOptions,
  found: ExpandPayload,
  run: PlannedRun,
  progress: RunProgress,
): Promise<Look> {
  const isSampleDue = Math.abs(Date.now() - found.sampledAt) >= SAMPLE_MS;
  if (isSampleDue) await options.runStore.sample(found.run);
  const payload = {
    ...found,
    base: found.base ?? progress.settledMetatiles,
    sampledAt: isSampleDue ? Date.now() : found.sampledAt,
  };
  if (payload.cursor < run.plan.indexCount) return await expand(options, payload, run.plan, progress);
  const { settledMetatiles: settled } = progress;
  const isEnding = run.record.metatiles - settled <= settled - payload.settled;
  return {
    next: await lookAfter(options, payload, run, progress),
    afterMs: isEnding ? LOOK_SOON_MS : LOOK_AGAIN_MS,
  };
}

async function expand(
  { config, metatiles, runStore }: ExpandProcessorOptions,
  payload: ExpandPayload & { readonly base: number },
  plan: TilesetPlan,
  progress: RunProgress,
): Promise<Look> {
  const { run } = payload;
  const { settledMetatiles: settled } = progress;
  const idleChecks = settled === payload.settled ? payload.idleChecks + 1 : 0;
  // With nothing settled for so long, what should wait may be gone; the bound of all runs together still holds.
  const isLost = idleChecks > IDLE_CHECKS;
  const base = isLost ? settled : payload.base;
  const before = isLost ? 0 : payload.added;
  const waiting = Math.max(0, before - (settled - base));
  const {
    room,
    bound,
    turn: first,
  } = await joinQueue({ metatiles, runStore, config }, progress, {
    run,
    waiting,
    turn: payload,
  });
  let [turn, cursor, added, left, batches] = [first, payload.cursor, before, room, 0];
  for (; left > 0 && cursor < plan.indexCount && batches < MAX_BATCHES; batches++) {
    if (batches > 0 && (await runStore.states([run]))[0] !== 'running') break;
    const stretch = { from: cursor, limit: Math.min(left, MAX_BATCH) };
    // A run that is taken up again has some of them behind it, or nearly all: those are passed over by their bits.
    const { indices: todo, next } =
      base > 0
        ? await runStore.bits.missing({ run, indexCount: plan.indexCount }, { ...stretch, nextWork: nextWorkOf(plan) })
        : nextIndices(plan, stretch);
    await enqueueMetatiles(metatiles, run, todo, { attempts: config.retry.attempts, turn });
    cursor = next;
    if (turn !== null) turn = advance(turn, todo.length);
    left -= todo.length;
    added += todo.length;
  }
  if (cursor >= plan.indexCount) await runStore.turns.leave(run);
  const isShort = batches >= MAX_BATCHES || room > bound / 2;
  const seen = { settled, idleChecks: isLost ? 0 : idleChecks };
  return {
    next: { ...payload, ...turn, ...seen, base, cursor, added },
    afterMs: isShort ? LOOK_SOON_MS : LOOK_AGAIN_MS,
  };
}

/** The first index with work from one on; null = there is none. */
function nextWorkOf(plan: TilesetPlan): (index: number) => number | null {
  return (index) => plan.works({ fromIndex: index }).next().value?.index ?? null;
}

/** At most `limit` indices with work, and where to go on. */
function nextIndices(
  plan: TilesetPlan,
  { from, limit }: { readonly from: number; readonly limit: number },
): { readonly indices: readonly number[]; readonly next: number } {
  const indices: number[] = [];
  for (const { index } of plan.works({ fromIndex: from })) {
    indices.push(index);
    if (indices.length >= limit) return { indices, next: index + 1 };
  }
  return { indices, next: plan.indexCount };
}

/** Waits, and after a while without any change puts metatiles back that are neither settled nor in the queue. */
async function lookAfter(
  options: ExpandProcessorOptions,
  payload: ExpandPayload,
  { record, plan }: PlannedRun,
  { settledMetatiles: settled, hot }: RunProgress,
): Promise<ExpandPayload> {
  const { runStore, metatiles, config } = options;
  if (settled !== payload.settled) return { ...payload, settled, idleChecks: 0 };
  if (payload.idleChecks < IDLE_CHECKS) return { ...payload, idleChecks: payload.idleChecks + 1 };
  await runStore.bits.recount(record.run);
  const { indices, next } = await runStore.bits.missing(record, {
    from: payload.sweep,
    limit: MAX_BATCH,
    nextWork: nextWorkOf(plan),
  });
  await settleLost(options, { record, plan }, indices);
  // Those that are in the queue already are left as they are.
  const turn = hot ? null : { tick: payload.tick, taken: payload.taken };
  await enqueueMetatiles(metatiles, record.run, indices, { attempts: config.retry.attempts, turn });
  return { ...payload, settled, idleChecks: 0, sweep: next >= record.indexCount ? 0 : next };
}
