import type { ChildProcess } from 'node:child_process';
import type { Config } from '../../src/config.ts';
import { TilerError } from '../../src/errors.ts';
import { NOTHING_LEFT_OUT } from '../../src/render/left-out.ts';
import { indicesToDo } from './journal.ts';
import type { Journal } from './journal.ts';
import type { RunSteering } from './local-record.ts';
import { createMetatileSchedule } from './metatile-schedule.ts';
import type { MetatileSchedule } from './metatile-schedule.ts';
import type { MetatileResult } from '../metatile-result.ts';
import type { TilesetPlan } from '../plan-jobs.ts';
import { describeLosses } from './process-watch.ts';
import type { LossCause } from './process-watch.ts';
import type { Progress } from '../progress.ts';
import { RenderPool } from './render-pool.ts';
import { decideRetry, failTiles } from '../retry.ts';
import type { Failure } from '../retry.ts';
import { isBudgetUsedUp } from '../run-status.ts';
import type { RunTally } from './run-tally.ts';
import type { RunUpdate } from '../run-update.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';

export interface LocalRunOptions {
  readonly request: TilesetRequest;
  readonly plan: TilesetPlan;
  readonly config: Config;
  readonly processes: number;
  /** The process that asked the sources, the first time; null = none did. */
  readonly takeFirst: () => ChildProcess | null;
  readonly overwrite: boolean;
  /** Null = all metatiles are rendered. */
  readonly update: RunUpdate | null;
  /** Failed tiles that end the run: `100` or `1%`; null = it goes on to its end. */
  readonly maxFailures: string | null;
  /** Called once, when rendering can begin: nothing is written before. What it is given steers the run from then on. */
  readonly begin: (steering: RunSteering) => Promise<Journal>;
  /** Whether it hands out metatiles, or was told to pause. */
  readonly onState: (state: 'running' | 'paused') => void;
  /** Counts have changed. */
  readonly onProgress: () => void;
  /** A metatile has failed for good; those that are made of it wait until this is done. */
  readonly onFailed: (index: number) => Promise<void>;
  readonly tally: RunTally;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** `done` = each metatile is done or has failed for good; the others end it before that. */
export type RunEnd = 'done' | 'interrupted' | 'cancelled' | 'budget used up';

type Executed = Omit<MetatileResult, 'index' | 'io' | 'ms'>;

/** An idle process closes what it has open in milliseconds; one that does not is killed. */
const CLOSE_GRACE_MS = 2_000;

/**
 * Feeds every metatile that the journal does not know to the processes until each is done or has failed for good, or the
 * run ends before.
 *
 * @throws TilerError `WORKER_LOST`, or what keeps the processes from opening their pipeline
 */
export async function runMetatiles(options: LocalRunOptions): Promise<RunEnd> {
  return await new LocalRun(options).execute();
}

/**
 * States: starting (no process is ready) → running ⇄ paused (nothing new is begun, the processes stay) → stopping (`signal`
 * aborted: nothing new is begun) → ended. It ends when nothing is left to hand out and nothing is out, when what was out has
 * ended after an abort, when the grace is over, when it is cancelled or too many tiles have failed, or with an error.
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
  private isPaused = false;
  private ended = false;
  private resolve: (end: RunEnd) => void = () => {};
  private reject: (error: unknown) => void = () => {};

  constructor(options: LocalRunOptions) {
    const { request, config, overwrite, update, plan } = options;
    this.options = options;
    this.pool = new RenderPool({
      processes: Math.max(1, Math.min(options.processes, plan.counts().metatiles)),
      takeFirst: options.takeFirst,
      open: { kind: 'open', request, config, overwrite, update },
      onReady: () => void this.begin().catch((error: unknown) => this.reject(error)),
      next: (idle, slot) => {
        const metatile = this.isPaused ? null : this.schedule.next(idle, slot);
        if (metatile === null) queueMicrotask(() => this.endIfDone());
        return metatile;
      },
      onResult: (result) => {
        options.tally.addIo(result.io);
        this.afterExecution(result.index, result);
      },
      onError: (index, failure) => this.afterExecution(index, this.allFailed(index, failure)),
      onLost: (index, cause) => this.afterLoss(index, cause),
      onNote: (text) => options.progress.note(text),
      onFatal: ({ code, message }) => this.reject(new TilerError(code, message)),
    });
  }

  async execute(): Promise<RunEnd> {
    const { signal, progress, tally } = this.options;
    const onAbort = (): void => this.stop();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await new Promise<RunEnd>((resolve, reject) => {
        this.resolve = resolve;
        this.reject = reject;
        if (signal.aborted) resolve('interrupted');
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
    const journal = await this.options.begin({
      pause: () => this.setPaused(true),
      resume: () => this.setPaused(false),
      cancel: () => this.end('cancelled'),
      fail: (error) => this.reject(error),
    });
    this.journal = journal;
    if (this.ended) return;
    tally.addEarlierLeftOut(journal.leftOut);
    this.schedule = createMetatileSchedule(indicesToDo(plan, journal, tally), {
      isReady: (index) => this.isReady(index, journal),
      share: (plan.counts().metatiles - journal.resumed) / this.options.processes,
    });
    // The metatiles that were done before are counted as the first are looked for, so that they do not count as fast ones.
    this.pool.open();
    progress.update(tally.state());
  }

  private setPaused(isPaused: boolean): void {
    if (this.isPaused === isPaused || this.ended) return;
    this.isPaused = isPaused;
    const { progress, onState } = this.options;
    progress.note(isPaused ? `paused: ${this.pool.out} metatiles are being finished` : 'resumed');
    onState(isPaused ? 'paused' : 'running');
    this.pool.wake();
  }

  private stop(): void {
    this.pool.stop();
    const { progress, config } = this.options;
    if (this.pool.out > 0)
      progress.note(`stopping: ${this.pool.out} metatiles are being finished; a second signal stops at once`);
    this.later(() => this.end('interrupted'), config.shutdownGraceMs);
    this.endIfDone();
  }

  private end(end: RunEnd): void {
    this.ended = true;
    this.resolve(end);
  }

  private endIfDone(): void {
    if (this.ended || this.pool.out > 0) return;
    if (this.journal !== null && this.schedule.isExhausted()) this.end('done');
    else if (this.options.signal.aborted) this.end('interrupted');
  }

  private afterExecution(index: number, executed: Executed): void {
    if (this.ended) return;
    // Without a failure it is settled too.
    const decision = decideRetry(executed.failures, this.schedule.tries(index), this.options.config.retry);
    if (decision.kind === 'failed') this.settle(index, executed);
    else this.again(index, decision.afterMs, decision.kind === 'wait' ? 'wait' : 'attempt');
    this.endIfDone();
  }

  private afterLoss(index: number, cause: LossCause): void {
    if (this.ended) return;
    const { config } = this.options;
    const losses = this.schedule.lost(index, cause);
    if (losses.length < config.worker.maxStalled) this.again(index, 0);
    else {
      const message = `Rendering the metatile ${index}: its process ${describeLosses(losses, config)}`;
      this.settle(index, this.allFailed(index, { code: 'WORKER_LOST', message, retryAfterMs: null }));
    }
    this.endIfDone();
  }

  private again(index: number, afterMs: number, counts?: 'attempt' | 'wait'): void {
    this.schedule.retry(index, afterMs, counts);
    this.later(() => this.pool.wake(), afterMs);
  }

  private settle(index: number, executed: Executed): void {
    const { tally, progress, maxFailures, onProgress } = this.options;
    const { rendered, leftOut, failures, unchanged = false } = executed;
    this.schedule.settle(index);
    tally.addSettled({ ...executed, index });
    progress.update(tally.state());
    onProgress();
    if (isBudgetUsedUp(maxFailures, { ...tally.state(), tiles: tally.state().total })) this.end('budget used up');
    const { journal } = this;
    if (journal === null) return;
    // Its tiles are in place when a result arrives, so the journal never claims too much.
    const write = (
      failures.length > 0
        ? this.markFailed(journal, index, rendered)
        : journal.markDone(index, { rendered, unchanged }, leftOut)
    )
      .catch((error: unknown) => this.reject(error))
      .finally(() => {
        this.journalWrites.delete(write);
        // Others may be made of this one, and are ready only once the journal knows it.
        this.pool.wake();
      });
    this.journalWrites.add(write);
  }

  private async markFailed(journal: Journal, index: number, rendered: number): Promise<void> {
    await this.options.onFailed(index);
    await journal.markFailed(index, rendered);
    this.failed.add(index);
  }

  /** True if what a metatile is made of is settled: done, in this run or before, or failed. */
  private isReady(index: number, journal: Journal): boolean {
    const { plan } = this.options;
    if (!plan.isMadeOfTiles(index)) return true;
    const work = plan.workAt(index);
    return (
      work === null ||
      plan.childIndicesOf(work).every((child) => this.failed.has(child) || journal.doneOf(child) !== null)
    );
  }

  private allFailed(index: number, failure: Failure): Executed {
    const { tiles = [], parents = [] } = this.options.plan.workAt(index) ?? {};
    return { rendered: 0, empty: 0, failures: failTiles([...tiles, ...parents], failure), leftOut: NOTHING_LEFT_OUT };
  }

  private later(action: () => void, afterMs: number): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      action();
    }, afterMs);
    this.timers.add(timer);
  }
}
