import type { JobType, Queue } from 'bullmq';
import { METATILE_QUEUE, RUN_QUEUE } from './catalog.ts';
import type { ExpandPayload, MetatilePayload } from './catalog.ts';
import { priorityAt } from './lanes.ts';
import type { Turn } from './lanes.ts';
import type { RunProgress } from './run-record.ts';
import type { RunStore } from './run-store.ts';

/** `addBulk` of more blocks Redis for others: 1000 jobs took up to 100 ms. */
export const MAX_BATCH = 500;

/** Names of jobs read at a time, and jobs removed at a time: each is a script of some 50 µs. */
const PAGE = 1_000;
const REMOVED_AT_ONCE = 100;

const WAITING = ['waiting', 'prioritized', 'delayed'] as const satisfies readonly JobType[];

/** What is needed to start a supervisor. */
export interface SupervisorQueue {
  readonly runStore: RunStore;
  readonly runQueue: Queue<ExpandPayload>;
  readonly attempts: number;
}

/**
 * Puts metatiles of a run into the queue, at most `MAX_BATCH`; those that are there already are left as they are.
 *
 * @param turn - the run's turn, which gives them their priority; null = before all runs that have one
 */
export async function enqueueMetatiles(
  queue: Queue<MetatilePayload>,
  run: string,
  indices: readonly number[],
  { attempts, turn }: { readonly attempts: number; readonly turn: Turn | null },
): Promise<void> {
  if (indices.length > MAX_BATCH) throw new RangeError(`${indices.length} jobs at once, expected at most ${MAX_BATCH}`);
  await queue.addBulk(
    indices.map((index, n) => {
      const data = METATILE_QUEUE.parse({ v: 1, run, index });
      // Everything else is set at the worker: job options of more than 64 bytes would triple the memory of a job.
      const opts = { jobId: METATILE_QUEUE.jobId(data), attempts, backoff: { type: 'custom' } };
      return {
        name: METATILE_QUEUE.jobName,
        data,
        opts: turn === null ? opts : { ...opts, priority: priorityAt(turn, n) },
      };
    }),
  );
}

/**
 * Removes the jobs of a run that wait in the queue, in small steps that leave Redis free for others; jobs of other runs
 * stay. One that is added or taken meanwhile may be missed: it leaves itself out.
 *
 * @returns how many were removed
 */
export async function removeWaitingJobs(queue: Queue<MetatilePayload>, run: string): Promise<number> {
  let removed = 0;
  for (const type of WAITING) removed += await removeJobs(queue, run, type);
  return removed;
}

/** Removes the failed jobs of a run, which BullMQ keeps: a job of the same ID could not be added. */
export async function removeFailedJobs(queue: Queue<MetatilePayload>, run: string): Promise<number> {
  return await removeJobs(queue, run, 'failed');
}

/** The indices of a run's metatiles whose jobs failed for good, of those that BullMQ keeps. */
export async function failedIndices(queue: Queue<MetatilePayload>, run: string): Promise<ReadonlySet<number>> {
  const ids = await queue.getRanges(['failed'], 0, -1);
  return new Set(ids.filter((id) => runOf(id) === run).map((id) => Number(id.slice(run.length + 1))));
}

async function removeJobs(queue: Queue<MetatilePayload>, run: string, type: JobType): Promise<number> {
  let removed = 0;
  for (let from = 0; ;) {
    const ids = await queue.getRanges([type], from, from + PAGE - 1);
    if (ids.length === 0) return removed;
    const ours = ids.filter((id) => runOf(id) === run);
    let removedHere = 0;
    for (let at = 0; at < ours.length; at += REMOVED_AT_ONCE) {
      const codes = await Promise.all(ours.slice(at, at + REMOVED_AT_ONCE).map((id) => queue.remove(id)));
      removedHere += codes.filter((code) => code === 1).length;
    }
    removed += removedHere;
    // What is removed makes room for those behind it.
    from += ids.length - removedHere;
  }
}

/** The run of a job, from its ID. */
function runOf(jobId: string): string {
  return jobId.slice(0, Math.max(0, jobId.lastIndexOf('-')));
}

/**
 * Has the supervisor of a running run look now. One that looks already looks again soon, as it would have.
 *
 * @throws Error if it has begun to look meanwhile
 */
export async function wakeSupervisor(
  { runStore, runQueue }: Omit<SupervisorQueue, 'attempts'>,
  run: string,
): Promise<void> {
  const progress = await runStore.progress(run);
  if (progress?.state !== 'running') return;
  const job = await runQueue.getJob(RUN_QUEUE.jobId(firstPayload(run, progress)));
  if (job !== undefined && (await job.isDelayed())) await job.promote();
}

/**
 * Sees to it that a running run has a supervisor: one that is there already makes this a no-op, one that failed is
 * replaced.
 *
 * @returns true if there was none
 */
export async function ensureSupervisor(
  { runStore, runQueue, attempts }: SupervisorQueue,
  run: string,
): Promise<boolean> {
  const progress = await runStore.progress(run);
  if (progress?.state !== 'running') return false;
  const payload = firstPayload(run, progress);
  const jobId = RUN_QUEUE.jobId(payload);
  const found = await runQueue.getJob(jobId);
  if (found !== undefined) {
    if (!(await found.isFailed())) return false;
    await runQueue.remove(jobId);
  }
  await runQueue.add(RUN_QUEUE.jobName, payload, { jobId, attempts: 10 * attempts, backoff: { type: 'custom' } });
  return true;
}

function firstPayload(run: string, { opened }: Pick<RunProgress, 'opened'>): ExpandPayload {
  return RUN_QUEUE.parse({ v: 1, run, opened, cursor: 0 });
}
