import type { Config } from '../src/config.ts';
import type { Logger } from '../src/observe.ts';
import type { FindBaseline } from '../jobs/find-baseline.ts';
import { createIoMeter } from '../jobs/metatile-result.ts';
import { createFindBaseline } from '../jobs/open-baseline.ts';
import type { IoCounters } from '../src/observe.ts';
import { openPipeline } from '../jobs/pipeline.ts';
import type { Pipeline } from '../jobs/pipeline.ts';
import type { TilesetPlan } from '../jobs/plan-jobs.ts';
import { requireRun } from '../jobs/queue/producer.ts';
import type { RunRecord } from '../jobs/queue/run-record.ts';
import type { RunStore } from '../jobs/queue/run-store.ts';
import { planOfRun } from '../jobs/run-update.ts';

/** A run as this process works on it. */
export interface OpenRun {
  readonly record: RunRecord;
  readonly plan: TilesetPlan;
  readonly pipeline: Pipeline;
  /** Of an update; undefined = all is rendered. */
  readonly baseline: FindBaseline | undefined;
  readonly takeIo: () => IoCounters;
}

export interface RunCacheOptions {
  readonly runStore: RunStore;
  readonly config: Config;
  readonly logger: Logger;
  /** What renders and where tiles go, for each run; a benchmark of all else gives one that costs nothing. */
  readonly openPipeline?: typeof openPipeline;
}

interface Entry {
  readonly opening: Promise<OpenRun>;
  /** One for each use. */
  readonly users: Set<AbortController>;
}

/** How often the states of the runs in use are looked at: so soon after `cancel` the work on them stops. */
const LOOK_MS = 1_000;

/** Pipelines of idle runs kept open, each with a block cache of its own. */
const MAX_IDLE = 1;

/**
 * The runs that this process works on, opened at their first job. A pipeline in use is never closed; of those that are
 * not, the least recently used go first. A run that could not be opened is not kept.
 */
export class RunCache implements AsyncDisposable {
  private readonly entries = new Map<string, Entry>();
  private readonly options: RunCacheOptions;
  private readonly closing = new AbortController();
  private timer: NodeJS.Timeout | null = null;

  constructor(options: RunCacheOptions) {
    this.options = options;
  }

  /**
   * Calls `work` with the open run and keeps it open meanwhile. The signal is aborted when the run is neither running nor
   * paused any more: what is under way is of no use then.
   */
  async use<T>(run: string, work: (open: OpenRun, ended: AbortSignal) => Promise<T>): Promise<T> {
    const entry = this.entries.get(run) ?? { opening: this.open(run), users: new Set() };
    // Last in the map = most recently used.
    this.entries.delete(run);
    this.entries.set(run, entry);
    const user = new AbortController();
    entry.users.add(user);
    this.timer ??= setTimeout(() => void this.look(), LOOK_MS).unref();
    try {
      return await work(await entry.opening, user.signal);
    } finally {
      entry.users.delete(user);
      await this.closeIdle(MAX_IDLE);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closing.abort();
    if (this.timer !== null) clearTimeout(this.timer);
    await this.closeIdle(0);
  }

  /** Ends the work on runs that ended: one round trip for all of them. */
  private async look(): Promise<void> {
    const used = [...this.entries].flatMap(([run, { users }]) => (users.size > 0 ? [{ run, users: [...users] }] : []));
    try {
      const states = await this.options.runStore.states(used.map(({ run }) => run));
      used.forEach(({ users }, i) => {
        if (states[i] !== 'running' && states[i] !== 'paused') for (const user of users) user.abort();
      });
    } catch (error) {
      this.options.logger.debug({ cause: String(error) }, 'the states of runs could not be read');
    } finally {
      // Idle, nobody is asked; the next use begins to look again.
      const isUsed = [...this.entries.values()].some(({ users }) => users.size > 0);
      const goesOn = isUsed && !this.closing.signal.aborted;
      this.timer = goesOn ? setTimeout(() => void this.look(), LOOK_MS).unref() : null;
    }
  }

  private async open(run: string): Promise<OpenRun> {
    const { runStore, config, logger, openPipeline: open = openPipeline } = this.options;
    try {
      const record = await requireRun(runStore, run);
      const pipeline = await open(record.request, config, { signal: this.closing.signal, logger });
      const update = record.mode?.update ?? null;
      return {
        record,
        plan: planOfRun(record.request, update),
        pipeline,
        baseline: update === null ? undefined : createFindBaseline(pipeline.store, update),
        takeIo: createIoMeter(pipeline.counters),
      };
    } catch (error) {
      this.entries.delete(run);
      throw error;
    }
  }

  private async closeIdle(keep: number): Promise<void> {
    const idle = [...this.entries].filter(([, entry]) => entry.users.size === 0);
    for (const [run, entry] of idle.slice(0, Math.max(0, idle.length - keep))) {
      this.entries.delete(run);
      const open = await entry.opening.catch(() => null);
      await open?.pipeline[Symbol.asyncDispose]();
    }
  }
}
