import type { Config } from '../../src/config.ts';
import { TilerError } from '../../src/errors.ts';
import type { TileFailure } from '../../src/render/tile-renderer.ts';
import { cancelRun, requireRun, resumeRun, retryRun } from './producer.ts';
import { openQueues } from './queues.ts';
import type { Queues } from './queues.ts';
import { removeFailedJobs, removeWaitingJobs } from './run-jobs.ts';
import type { RunState } from './run-record.ts';
import { budgetReason, paceOf } from '../run-status.ts';
import type { MetatileBits, RunStatus, Runs, TakenUp } from '../runs.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';

/** Runs read at the same time for a list of all. */
const READ_AT_ONCE = 32;

const ENDED: readonly (RunState | null)[] = ['complete', 'failed', 'cancelled'];

/** Metatiles whose bits are given at a time: 1 MiB of each bitmap. */
const MAX_BITS = 8 * 1024 * 1024;

/**
 * Opens the runs of the queue for a command line, which does not wait long for Redis.
 *
 * @param onWarning - told what is not as it should be about a Redis that can be used
 * @throws TilerError `QUEUE_UNAVAILABLE`, `CONFIG_INVALID`
 */
export async function openQueueRuns(config: Config, onWarning?: (text: string) => void): Promise<QueueRuns> {
  return new QueueRuns(await openQueues(config, onWarning), config.retry);
}

/** The runs of the queue: their records lie in Redis, and any number of processes may ask for them and steer them. */
export class QueueRuns implements Runs {
  private readonly queues: Queues;
  private readonly attempts: number;

  /** The queues are closed with it. */
  constructor(queues: Queues, { attempts }: Pick<Config['retry'], 'attempts'>) {
    this.queues = queues;
    this.attempts = attempts;
  }

  async list(): Promise<readonly RunStatus[]> {
    const runs = await this.queues.runStore.list();
    const found: RunStatus[] = [];
    for (let at = 0; at < runs.length; at += READ_AT_ONCE) {
      const statuses = await Promise.all(runs.slice(at, at + READ_AT_ONCE).map((run) => this.status(run)));
      found.push(...statuses.filter((status) => status !== null));
    }
    return found.sort((a, b) => compare(b.startedAt ?? '', a.startedAt ?? '') || compare(a.run, b.run));
  }

  async status(run: string): Promise<RunStatus | null> {
    const { runStore } = this.queues;
    const view = await runStore.view(run);
    if (view === null) return null;
    const { progress, details, failuresByCode, samples } = view;
    const { opened: _, hot, isBudgetUsedUp, ...counts } = progress;
    const { name, output, maxFailures, startedAt, updatedAt, endedAt } = details;
    const spent = isBudgetUsedUp && maxFailures !== null ? budgetReason(maxFailures, progress) : null;
    const isRunning = progress.state === 'running';
    return {
      run,
      engine: 'queue',
      name,
      output: output ?? '',
      ...counts,
      lane: hot ? 'hot' : 'normal',
      reason: details.reason ?? spent,
      zooms: await runStore.bits.zooms(run, details.zooms),
      ...(isRunning ? paceOf(samples, progress.tiles) : { tilesPerSecond: null, etaSeconds: null }),
      failuresByCode,
      maxFailures,
      startedAt: toIso(startedAt),
      updatedAt: toIso(updatedAt),
      endedAt: toIso(endedAt),
    };
  }

  async failures(run: string): Promise<readonly TileFailure[]> {
    return await this.queues.runStore.failures(run);
  }

  async request(run: string): Promise<TilesetRequest | null> {
    return (await this.queues.runStore.get(run))?.request ?? null;
  }

  async metatileBits(run: string, fromIndex: number, count: number): Promise<MetatileBits | null> {
    const indexCount = await this.queues.runStore.indexCount(run);
    if (indexCount === null) return null;
    const length = Math.max(0, Math.min(count, indexCount - fromIndex, MAX_BITS));
    return await this.queues.runStore.bits.range(run, fromIndex, length);
  }

  async pause(run: string): Promise<void> {
    if (!(await this.queues.runStore.changeState(run, ['running'], 'paused'))) {
      throw await this.stateError(run, 'Pausing', 'running');
    }
  }

  async resume(run: string): Promise<TakenUp> {
    if (await resumeRun({ ...this.queues, attempts: this.attempts }, run)) return 'continued';
    throw await this.stateError(run, 'Resuming', 'paused');
  }

  async cancel(run: string): Promise<void> {
    if (!(await cancelRun(this.queues, run))) throw await this.stateError(run, 'Cancelling', 'running or paused');
  }

  async retry(run: string): Promise<TakenUp> {
    if (await retryRun({ ...this.queues, attempts: this.attempts }, run)) return 'continued';
    throw await this.stateError(run, 'Retrying', 'failed or cancelled');
  }

  async clean({ olderThanMs }: { readonly olderThanMs: number }): Promise<readonly string[]> {
    const { runStore, metatileQueue } = this.queues;
    const runs = await runStore.list();
    const states = await runStore.states(runs);
    const removed: string[] = [];
    for (const run of runs.filter((_, i) => ENDED.includes(states[i] ?? null))) {
      // One step, so that a run which is taken up again meanwhile stays.
      if (!(await runStore.removeEnded(run, olderThanMs))) continue;
      await removeFailedJobs(metatileQueue, run);
      await removeWaitingJobs(metatileQueue, run);
      removed.push(run);
    }
    return removed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.queues[Symbol.asyncDispose]();
  }

  private async stateError(run: string, attempted: string, expected: string): Promise<TilerError> {
    await requireRun(this.queues.runStore, run);
    const found = await this.queues.runStore.progress(run);
    return new TilerError(
      'REQUEST_INVALID',
      `${attempted} the run ${run}: it is ${found?.state ?? 'gone'}, expected ${expected}`,
    );
  }
}

function toIso(ms: string | null): string | null {
  return ms === null ? null : new Date(Number(ms)).toISOString();
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
