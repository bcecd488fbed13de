import type { Config } from '../src/config.ts';
import type { Logger } from '../src/observe.ts';
import { createIoMeter } from '../jobs/metatile-result.ts';
import type { IoCounters } from '../src/observe.ts';
import { openPipeline } from '../jobs/pipeline.ts';
import type { Pipeline } from '../jobs/pipeline.ts';
import { createPlan } from '../jobs/plan-jobs.ts';
import type { TilesetPlan } from '../jobs/plan-jobs.ts';
import { requireRun } from '../jobs/producer.ts';
import type { RunRecord } from '../jobs/run-record.ts';
import type { RunStore } from '../jobs/run-store.ts';

/** A run as this process works on it. */
export interface OpenRun {
  readonly record: RunRecord;
  readonly plan: TilesetPlan;
  readonly pipeline: Pipeline;
  readonly takeIo: () => IoCounters;
}

interface Entry {
  readonly opening: Promise<OpenRun>;
  users: number;
}

/** Pipelines of idle runs kept open, each with a block cache of its own. */
const MAX_IDLE = 1;

/**
 * The runs that this process works on, opened at their first job. A pipeline in use is never closed; of those that are
 * not, the least recently used go first. A run that could not be opened is not kept.
 */
export class RunCache implements AsyncDisposable {
  private readonly entries = new Map<string, Entry>();
  private readonly options: { readonly runStore: RunStore; readonly config: Config; readonly logger: Logger };
  private readonly closing = new AbortController();

  constructor(options: { readonly runStore: RunStore; readonly config: Config; readonly logger: Logger }) {
    this.options = options;
  }

  /** Calls `work` with the open run and keeps it open meanwhile. */
  async use<T>(run: string, work: (open: OpenRun) => Promise<T>): Promise<T> {
    const entry = this.entries.get(run) ?? { opening: this.open(run), users: 0 };
    // Last in the map = most recently used.
    this.entries.delete(run);
    this.entries.set(run, entry);
    entry.users++;
    try {
      return await work(await entry.opening);
    } finally {
      entry.users--;
      await this.closeIdle(MAX_IDLE);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closing.abort();
    await this.closeIdle(0);
  }

  private async open(run: string): Promise<OpenRun> {
    const { runStore, config, logger } = this.options;
    try {
      const record = await requireRun(runStore, run);
      const pipeline = await openPipeline(record.request, config, { signal: this.closing.signal, logger });
      return { record, pipeline, plan: createPlan(record.request), takeIo: createIoMeter(pipeline.counters) };
    } catch (error) {
      this.entries.delete(run);
      throw error;
    }
  }

  private async closeIdle(keep: number): Promise<void> {
    const idle = [...this.entries].filter(([, entry]) => entry.users === 0);
    for (const [run, entry] of idle.slice(0, Math.max(0, idle.length - keep))) {
      this.entries.delete(run);
      const open = await entry.opening.catch(() => null);
      await open?.pipeline[Symbol.asyncDispose]();
    }
  }
}
