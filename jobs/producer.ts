import type { Queue } from 'bullmq';
import { TilerError } from '../src/errors.ts';
import type { TileStore } from '../src/store/tile-store.ts';
import { KEEP_FAILED, METATILE_QUEUE, RUN_QUEUE } from './catalog.ts';
import type { ExpandPayload, MetatilePayload } from './catalog.ts';
import { manifestHead, runId, writeManifest } from './manifest.ts';
import type { Manifest, RunStart } from './manifest.ts';
import { runHash } from './request-hash.ts';
import type { RunRecord } from './run-record.ts';
import type { RunStore } from './run-store.ts';

/** `addBulk` of more blocks Redis for others: 1000 jobs took up to 100 ms. */
export const MAX_BATCH = 500;

export interface SeedOptions {
  readonly record: Omit<RunRecord, 'run' | 'generation' | 'overwrite'>;
  readonly store: TileStore;
  readonly start: RunStart;
  readonly runStore: RunStore;
  readonly runQueue: Queue<ExpandPayload>;
  readonly metatileQueue: Queue<MetatilePayload>;
  readonly attempts: number;
  readonly signal: AbortSignal;
}

/** `complete`: the output is finished already. `found`: the same request is being rendered. `continued`: it had stopped. */
export type SeedOutcome =
  | { readonly kind: 'complete'; readonly run: string; readonly manifest: Manifest }
  | { readonly kind: 'created' | 'found' | 'continued'; readonly run: string };

/**
 * Enqueues the run of a request, which is one supervisor job however large the run is. Doing it again finds the run that
 * is there. Killed at any point it leaves nothing that a further seed would not put right.
 *
 * @throws TilerError those of `TileStore`
 */
export async function seedRun(options: SeedOptions): Promise<SeedOutcome> {
  const { record, store, start, runStore, signal } = options;
  const { requestHash } = record;
  if (start.kind === 'complete') {
    return {
      kind: 'complete',
      run: runId(runHash(record.request), start.manifest.generation),
      manifest: start.manifest,
    };
  }
  const { generation, overwrite, continues } = start;
  const run = runId(runHash(record.request), generation);
  const replaced = await runStore.takeOutput(record.request.output, run);
  // Only with force, or after the output was emptied: the run that this one replaces must not go on writing.
  if (replaced !== null) await runStore.changeState(replaced, ['running'], 'cancelled');
  const kind = await openRun(options, { ...record, run, generation, overwrite }, continues);
  // Parts of a run before this one would stand for metatiles that fail in this one.
  if (kind === 'created' && overwrite) await store.deleteParts({ signal });
  const head = manifestHead(record.request, { requestHash, generation });
  await writeManifest(store, { ...head, state: 'rendering' }, { signal });
  await addSupervisor(options, run);
  return { kind, run };
}

async function openRun(
  options: SeedOptions,
  record: RunRecord,
  continues: boolean,
): Promise<'created' | 'found' | 'continued'> {
  const { runStore } = options;
  if (await runStore.create(record)) return 'created';
  const found = await runStore.progress(record.run);
  if (found?.state === 'running') return 'found';
  if (continues && (await reopenRun(options, record.run))) return 'continued';
  // The output was emptied since: what the record says about its tiles is no longer true.
  await forgetJobs(options, record.run);
  await runStore.remove(record.run);
  await runStore.create(record);
  return 'created';
}

type Queues = Pick<SeedOptions, 'runStore' | 'runQueue' | 'metatileQueue' | 'attempts'>;

/** Takes up a run that ended with failed metatiles or was cancelled: just what is missing is rendered. */
export async function retryRun(options: Queues, run: string): Promise<boolean> {
  if (!(await reopenRun(options, run))) return false;
  await addSupervisor(options, run);
  return true;
}

async function reopenRun(options: Queues, run: string): Promise<boolean> {
  const progress = await options.runStore.progress(run);
  if (progress?.state !== 'failed' && progress?.state !== 'cancelled') return false;
  // First, since a job of the same ID, in any state, would make adding it a no-op.
  await forgetJobs(options, run);
  return await options.runStore.reopen(run, ['failed', 'cancelled']);
}

/** Removes the failed jobs of a stopped run. */
async function forgetJobs({ metatileQueue }: Queues, run: string): Promise<void> {
  for (const job of await metatileQueue.getFailed(0, KEEP_FAILED.count)) {
    if (METATILE_QUEUE.parse(job.data).run === run) await metatileQueue.remove(METATILE_QUEUE.jobId(job.data));
  }
}

/** A supervisor that is there already makes this a no-op; one that failed is replaced. */
async function addSupervisor({ runStore, runQueue, attempts }: Queues, run: string): Promise<void> {
  const progress = await runStore.progress(run);
  if (progress?.state !== 'running') return;
  const payload = RUN_QUEUE.parse({ v: 1, run, opened: progress.opened, cursor: 0 });
  const jobId = RUN_QUEUE.jobId(payload);
  const found = await runQueue.getJob(jobId);
  if (found !== undefined && (await found.isFailed())) await found.remove();
  await runQueue.add(RUN_QUEUE.jobName, payload, { jobId, attempts: 10 * attempts, backoff: { type: 'custom' } });
}

/** Puts metatiles of a run into the queue, at most `MAX_BATCH`; those that are there already are left as they are. */
export async function enqueueMetatiles(
  queue: Queue<MetatilePayload>,
  run: string,
  indices: readonly number[],
  attempts: number,
): Promise<void> {
  if (indices.length > MAX_BATCH) throw new RangeError(`${indices.length} jobs at once, expected at most ${MAX_BATCH}`);
  await queue.addBulk(
    indices.map((index) => {
      const data = METATILE_QUEUE.parse({ v: 1, run, index });
      // Everything else is set at the worker: job options of more than 64 bytes would triple the memory of a job.
      const opts = { jobId: METATILE_QUEUE.jobId(data), attempts, backoff: { type: 'custom' } };
      return { name: METATILE_QUEUE.jobName, data, opts };
    }),
  );
}

/** The run of that name. @throws TilerError `RUN_UNKNOWN` */
export async function requireRun(runStore: RunStore, run: string): Promise<RunRecord> {
  const record = await runStore.get(run);
  if (record !== null) return record;
  throw new TilerError('RUN_UNKNOWN', `Looking for the run ${run}: there is none of that name`);
}
