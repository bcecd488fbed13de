import type { ChildProcess } from 'node:child_process';
import type { Config } from '../src/config.ts';
import { TilerError } from '../src/errors.ts';
import { NOTHING_LEFT_OUT } from '../src/render/left-out.ts';
import type { Journal } from './journal.ts';
import { allTilesOf } from '../src/tms/metatile.ts';
import { createMetatileSchedule } from './metatile-schedule.ts';
import type { MetatileSchedule } from './metatile-schedule.ts';
import type { MetatileResult } from './metatile-result.ts';
import type { TilesetPlan } from './plan-jobs.ts';
import type { Progress } from './progress.ts';
import { RenderPool } from './render-pool.ts';
import { decideRetry, failTiles } from './retry.ts';
import type { Failure } from './retry.ts';
import type { RunTally } from './run-tally.ts';
import type { TilesetRequest } from './tileset-request.ts';

export interface LocalRunOptions {
  readonly request: TilesetRequest;
  readonly plan: TilesetPlan;
  readonly config: Config;
  readonly processes: number;
  /** The process that asked the sources, the first time; null = none did. */
  readonly takeFirst: () => ChildProcess | null;
  readonly overwrite: boolean;
  /** Called once, when rendering can begin: nothing is written before. */
  readonly begin: () => Promise<Journal>;
  readonly tally: RunTally;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

type Executed = Pick<MetatileResult, 'rendered' | 'empty' | 'failures' | 'leftOut'>;

/** An idle process closes its files and connections in milliseconds; one that does not is killed. */
const CLOSE_GRACE_MS = 2_000;

/**
 * Feeds every metatile that the journal does not know to the processes until each is done or has failed for good.
 *
 * @returns true if it was interrupted before that
 * @throws TilerError `WORKER_LOST`, or what keeps the processes from opening their pipeline
 */
export async function runMetatiles(options: LocalRunOptions): Promise<boolean> {
  return await new LocalRun(options).execute();
}

/** Indices of the metatiles still to do, in the plan's order; those that the journal knows are counted on the way. */
function* indicesToDo(plan: TilesetPlan, journal: Journal, tally: RunTally): Generator<number> {
  for (const work of plan.works()) {
    const rendered = journal.renderedOf(work.index);
    if (rendered === null) yield work.index;
    else tally.addEarlier(allTilesOf(work).length, rendered);
  }
}

/**
 * States: starting (no process is ready) → running → stopping (`signal` aborted: nothing new is begun) → ended. It ends when nothing is left to hand out
 * and nothing is out, when what was out has ended after an abort, when the grace is over, or with an error.
 */
class LocalRun {
  private readonly options: LocalRunOptions;
  private schedule: MetatileSchedule = createMetatileSchedule([]);
  private journal: Journal | null = null;
  private readonly pool: RenderPool;
  /** Metatiles that failed for good. */
  private readonly failed = new Set<number>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly journalWrites = new Set<Promise<void>>();
  private ended = false;
  private resolve: (interrupted: boolean) => void = () => {};
  private reject: (error: unknown) => void = () => {};

  constructor(options: LocalRunOptions) {
    const { request, config, overwrite, plan } = options;
    this.options = options;
    this.pool = new RenderPool({
      processes: Math.max(1, Math.min(options.processes, plan.indexCount)),
      takeFirst: options.takeFirst,
      open: { kind: 'open', request, config, overwrite },
      onReady: () => void this.begin().catch((error: unknown) => this.reject(error)),
      next: (idle, slot) => {
        const metatile = this.schedule.next(idle, slot);
        if (metatile === null) queueMicrotask(() => this.endIfDone());
        return metatile;
      },
      onResult: (result) => {
        options.tally.addIo(result.io);
        this.afterExecution(result.index, result);
      },
      onError: (index, failure) => this.afterExecution(index, this.allFailed(index, failure)),
      onLost: (index) => this.afterLoss(index),
      onFatal: ({ code, message }) => this.reject(new TilerError(code, message)),
    });
  }

  async execute(): Promise<boolean> {
    const { signal, progress, tally } = this.options;
    const onAbort = (): void => this.stop();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await new Promise<boolean>((resolve, reject) => {
        this.resolve = resolve;
        this.reject = reject;
        if (signal.aborted) resolve(true);
        else this.pool.start();
      });
    } finally {
      this.ended = true;
      signal.removeEventListener('abort', onAbort);
      for (const timer of this.timers) clearTimeout(timer);
      await this.pool.close(CLOSE_GRACE_MS);
      await Promise.all(this.journalWrites);
      if (this.journal !== null) progress.update(tally.state());
      progress.end();
    }
  }

  private async begin(): Promise<void> {
    const { plan, tally, progress } = this.options;
    const journal = await this.options.begin();
    this.journal = journal;
    if (this.ended) return;
    tally.addEarlierLeftOut(journal.leftOut);
    this.schedule = createMetatileSchedule(indicesToDo(plan, journal, tally), {
      isReady: (index) => this.isReady(index, journal),
    });
    progress.update(tally.state());
    this.pool.open();
  }

  private stop(): void {
    this.pool.stop();
    const { progress, config } = this.options;
    if (this.pool.out > 0)
      progress.note(`stopping: ${this.pool.out} metatiles are being finished; a second signal stops at once`);
    this.later(() => this.end(true), config.shutdownGraceMs);
    this.endIfDone();
  }

  private end(interrupted: boolean): void {
    this.ended = true;
    this.resolve(interrupted);
  }

  private endIfDone(): void {
    if (this.ended || this.pool.out > 0) return;
    if (this.journal !== null && this.schedule.isExhausted()) this.end(false);
    else if (this.options.signal.aborted) this.end(true);
  }

  private afterExecution(index: number, executed: Executed): void {
    if (this.ended) return;
    const again =
      executed.failures.length > 0 &&
      decideRetry(executed.failures, this.schedule.failed(index), this.options.config.retry);
    if (again !== false && again.kind === 'again') this.again(index, again.afterMs);
    else this.settle(index, executed);
    this.endIfDone();
  }

  private afterLoss(index: number): void {
    if (this.ended) return;
    const losses = this.schedule.lost(index);
    if (losses < this.options.config.worker.maxStalled) this.again(index, 0);
    else {
      const message = `Rendering the metatile ${index}: its process died ${losses} times`;
      this.settle(index, this.allFailed(index, { code: 'WORKER_LOST', message, retryAfterMs: null }));
    }
    this.endIfDone();
  }

  private again(index: number, afterMs: number): void {
    this.schedule.retry(index, afterMs);
    this.later(() => this.pool.wake(), afterMs);
  }

  private settle(index: number, executed: Executed): void {
    const { tally, progress } = this.options;
    const { journal } = this;
    this.schedule.settle(index);
    tally.addSettled(executed);
    progress.update(tally.state());
    if (executed.failures.length > 0) this.failed.add(index);
    if (executed.failures.length > 0 || journal === null) return;
    // Its tiles are in place when a result arrives, so the journal never claims too much.
    const write = journal
      .markDone(index, executed.rendered, executed.leftOut)
      .catch((error: unknown) => this.reject(error))
      .finally(() => {
        this.journalWrites.delete(write);
        // Others may be made of this one, and are ready only once the journal knows it.
        this.pool.wake();
      });
    this.journalWrites.add(write);
  }

  /** True if what a metatile is made of is settled: done, in this run or before, or failed. */
  private isReady(index: number, journal: Journal): boolean {
    const { plan } = this.options;
    if (!plan.isMadeOfTiles(index)) return true;
    const work = plan.workAt(index);
    return (
      work === null ||
      plan.childIndicesOf(work).every((child) => this.failed.has(child) || journal.renderedOf(child) !== null)
    );
  }

  private allFailed(index: number, failure: Failure): Executed {
    const work = this.options.plan.workAt(index);
    const failures = failTiles(work === null ? [] : allTilesOf(work), failure);
    return { rendered: 0, empty: 0, failures, leftOut: NOTHING_LEFT_OUT };
  }

  private later(action: () => void, afterMs: number): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      action();
    }, afterMs);
    this.timers.add(timer);
  }
}
