import type { Queue } from 'bullmq';
import { TilerError } from '../../src/errors.ts';
import type { TileStore } from '../../src/store/tile-store.ts';
import type { ExpandPayload, MetatilePayload } from './catalog.ts';
import { isHot } from './lanes.ts';
import type { Priority } from './lanes.ts';
import { runId } from '../manifest.ts';
import type { Manifest } from '../manifest.ts';
import { announceRun, clearOutput } from '../prepare-run.ts';
import type { BeginningRun } from '../prepare-run.ts';
import { runHash } from '../request/request-hash.ts';
import { ensureSupervisor, removeFailedJobs, removeWaitingJobs } from './run-jobs.ts';
import type { RunOptions, RunRecord } from './run-record.ts';
import type { RunStart } from '../run-start.ts';
import { parseMaxFailures } from '../run-status.ts';
import { PLAIN_MODE } from '../run-update.ts';
import type { RunStore } from './run-store.ts';

export interface SeedOptions extends Pick<RunOptions, 'zooms' | 'maxFailures'> {
  readonly record: Omit<RunRecord, 'run' | 'generation' | 'overwrite'>;
  readonly store: TileStore;
  readonly start: RunStart;
  readonly runStore: RunStore;
  readonly runQueue: Queue<ExpandPayload>;
  readonly metatileQueue: Queue<MetatilePayload>;
  readonly attempts: number;
  /** The lane that was asked for; null or absent = by its size. */
  readonly priority?: Priority | null;
  /** The largest run that is hot by its size. */
  readonly hotMetatiles?: number;
  readonly signal: AbortSignal;
}

/**
 * `complete`: the output is finished already. `found`: the same request is being rendered. `paused`: the same, but it is
 * paused, and stays so. `continued`: it had stopped.
 */
export type SeedOutcome =
  | { readonly kind: 'complete'; readonly run: string; readonly manifest: Manifest }
  | { readonly kind: 'created' | 'found' | 'paused' | 'continued'; readonly run: string };

/**
 * Enqueues the run of a request, which is one supervisor job however large the run is. Doing it again finds the run that
 * is there; a budget or lane that is given then replaces what that run had. Killed at any point it leaves nothing that a
 * further seed would not put right.
 *
 * @throws TilerError those of `TileStore`; `REQUEST_INVALID` for a failure budget that is none
 */
export async function seedRun(options: SeedOptions): Promise<SeedOutcome> {
  const { record, store, start, runStore, signal } = options;
  const { request, requestHash, mode = PLAIN_MODE } = record;
  if (start.kind === 'complete') {
    return { kind: 'complete', run: runId(runHash(request), start.manifest.generation), manifest: start.manifest };
  }
  const { generation, overwrite } = start;
  const run = runId(runHash(request), generation);
  // Before anything is changed.
  if (options.maxFailures != null) parseMaxFailures(options.maxFailures, record.tiles);
  const replaced = await runStore.takeOutput(request.output, run);
  // With force, after the output was emptied, or an update that had stopped: the run that this one replaces must not go
  // on writing.
  if (replaced !== null) await cancelRun(options, replaced);
  const kind = await openRun({ ...options, start }, { ...record, run, generation, overwrite });
  await announceRun(store, { request, requestHash, start, mode }, { signal });
  await ensureSupervisor(options, run);
  return { kind, run };
}

async function openRun(
  options: SeedOptions & Pick<BeginningRun, 'start'>,
  record: RunRecord,
): Promise<'created' | 'found' | 'paused' | 'continued'> {
  const { runStore, store, start, priority = null, hotMetatiles = 0, maxFailures = null, zooms } = options;
  const { mode = PLAIN_MODE } = record;
  const hot = isHot(record.metatiles, { hotMetatiles }, priority);
  await using _ = await runStore.lock(record.run, options.signal);
  const state = (await runStore.progress(record.run))?.state ?? null;
  const isOpen = state === 'running' || state === 'paused';
  if (isOpen || (state !== null && start.continues && (await reopenRun(options, record.run)))) {
    await runStore.treat(record.run, { maxFailures, ...(priority === null ? {} : { hot }) }, record.tiles);
    return isOpen ? (state === 'paused' ? 'paused' : 'found') : 'continued';
  }
  // The output was emptied since: what the record says about its tiles is no longer true.
  if (state !== null) {
    await removeFailedJobs(options.metatileQueue, record.run);
    await runStore.remove(record.run);
  }
  // Before there is a run that others would find.
  await clearOutput(store, { start, mode }, options);
  await runStore.create(record, { hot, maxFailures, ...(zooms === undefined ? {} : { zooms }) });
  return 'created';
}

type Queues = Pick<SeedOptions, 'runStore' | 'runQueue' | 'metatileQueue' | 'attempts'>;

/**
 * Takes up a run that failed or was cancelled: just what is missing is rendered. A running one without a supervisor gets
 * one: whoever took it up died before that.
 *
 * @returns false if there was nothing to do
 */
export async function retryRun(options: Queues, run: string): Promise<boolean> {
  const reopened = await reopenRun(options, run);
  return (await ensureSupervisor(options, run)) || reopened;
}

/** Goes on with a paused run; what had failed stays failed. As `retryRun` otherwise. */
export async function resumeRun(options: Queues, run: string): Promise<boolean> {
  const resumed = await options.runStore.changeState(run, ['paused'], 'running');
  return (await ensureSupervisor(options, run)) || resumed;
}

/**
 * Ends a run that is running or paused. Workers stop what is under way within seconds, since they look at its state; what
 * waits is removed.
 *
 * @returns false if it was neither
 */
export async function cancelRun({ runStore, metatileQueue }: Omit<Queues, 'attempts'>, run: string): Promise<boolean> {
  const cancelled = await runStore.changeState(run, ['running', 'paused'], 'cancelled');
  // Also if it was cancelled before: whoever did it may have died in between.
  if (cancelled || (await runStore.progress(run))?.state === 'cancelled') await removeWaitingJobs(metatileQueue, run);
  return cancelled;
}

async function reopenRun({ runStore, metatileQueue }: Queues, run: string): Promise<boolean> {
  const progress = await runStore.progress(run);
  if (progress?.state !== 'failed' && progress?.state !== 'cancelled') return false;
  // First, since a job of the same ID, in any state, would make adding it a no-op.
  await removeFailedJobs(metatileQueue, run);
  return await runStore.reopen(run, ['failed', 'cancelled']);
}

/** The run of that name. @throws TilerError `RUN_UNKNOWN` */
export async function requireRun(runStore: RunStore, run: string): Promise<RunRecord> {
  const record = await runStore.get(run);
  if (record !== null) return record;
  throw unknownRun(run);
}

/** There is no run of that name. */
export function unknownRun(run: string): TilerError {
  return new TilerError('RUN_UNKNOWN', `Looking for the run ${run}: there is none of that name`);
}
