import type { IoCounters } from '../../src/observe.ts';
import { createLeftOutTally, leftOutKey } from '../../src/render/left-out.ts';
import type { LeftOut, TileFailure } from '../../src/render/tile-renderer.ts';
import { failureFromText, textFromFailure } from './failure-text.ts';
import { MANIFEST_FAILURES, MANIFEST_LEFT_OUT } from '../manifest.ts';
import { IO_KEYS } from '../metatile-result.ts';
import type { MetatileResult } from '../metatile-result.ts';
import type { RedisConnection } from './redis.ts';
import { RunBits, repliesOf } from './run-bits.ts';
import { QueueTurns } from './queue-turns.ts';
import { RunKeys } from './run-keys.ts';
import { lockRun } from './run-lock.ts';
import { PROGRESS_FIELDS, fieldsOf, leftOutFromFields, progressFromValues, recordFromFields } from './run-record.ts';
import type { RunOptions, RunProgress, RunRecord, RunState, RunTreatment, Settling } from './run-record.ts';
import * as scripts from './run-scripts.ts';
import { parseMaxFailures } from '../run-status.ts';
import { readRunView } from './run-view.ts';
import type { RunView } from './run-view.ts';

/** What a worker is to do with a metatile that it was given; `outside` = the run has no such index. */
export type Claim = 'todo' | 'settled' | 'unknown' | 'outside' | Exclude<RunState, 'running'>;

/** What a settled metatile came to; without `leftOut`, nothing was left out. */
type Settled = Pick<MetatileResult, 'index' | 'rendered' | 'empty' | 'unchanged'> & {
  readonly leftOut?: LeftOut | undefined;
};

const KEEP_ENDED_S = 30 * 24 * 3600;
/** Longer than any run: only an output that is never rendered to again lets it pass. */
const KEEP_OUTPUT_S = 365 * 24 * 3600;
/** One each few seconds: some minutes. */
const KEEP_SAMPLES = 30;

/**
 * The records of runs in Redis: what each is, which of its metatiles are done or failed (one bit each), and what it came
 * to. A run of any size takes two bitmaps (0.25 MB for a million metatiles), one hash, at most
 * `MANIFEST_FAILURES` failures, a count for each error code, some samples of its progress, and at most twice
 * `MANIFEST_LEFT_OUT` scenes left out.
 */
export class RunStore {
  readonly bits: RunBits;
  readonly turns: QueueTurns;
  private readonly redis: RedisConnection;
  private readonly keys: RunKeys;

  constructor(redis: RedisConnection, prefix: string) {
    this.redis = redis;
    this.keys = new RunKeys(prefix);
    this.bits = new RunBits(redis, this.keys);
    this.turns = new QueueTurns(redis, this.keys);
  }

  /** Creates a run that is running; false if there is one of that name. */
  async create(record: RunRecord, options: RunOptions = {}): Promise<boolean> {
    const { run } = record;
    const args = Object.entries(fieldsOf(record, options)).flat();
    const keys = [this.keys.record(run), this.keys.runs, this.keys.open];
    return (await this.redis.eval(scripts.CREATE_RUN, 3, ...keys, run, ...args)) === 1;
  }

  /** The run, or null if there is none of that name. */
  async get(run: string): Promise<RunRecord | null> {
    return recordFromFields(run, await this.redis.hgetall(this.keys.record(run)));
  }

  /** Metatiles of a run's plan, and so bits of its bitmaps; null if there is none of that name. */
  async indexCount(run: string): Promise<number | null> {
    const count = await this.redis.hget(this.keys.record(run), 'indexCount');
    return count === null ? null : Number(count);
  }

  /** Waits until no other producer begins the run. It is to be disposed of. */
  async lock(run: string, signal: AbortSignal): Promise<AsyncDisposable> {
    return await lockRun(this.redis, this.keys.lock(run), signal);
  }

  /** Notes the version that a run has made, or why it could not be finished. */
  async note(run: string, field: 'version' | 'reason', text: string): Promise<void> {
    await this.redis.eval(scripts.NOTE, 1, this.keys.record(run), field, text);
  }

  /** Names of all runs, sorted. */
  async list(): Promise<readonly string[]> {
    const runs = (await this.redis.smembers(this.keys.runs)).sort();
    const states = await this.states(runs);
    const gone = runs.filter((_, i) => states[i] === null);
    if (gone.length > 0) {
      await this.redis.srem(this.keys.runs, ...gone);
      await this.redis.srem(this.keys.open, ...gone);
    }
    return runs.filter((_, i) => states[i] !== null);
  }

  /** Names of the runs that are running. */
  async listOpen(): Promise<readonly string[]> {
    return (await this.redis.smembers(this.keys.open)).sort();
  }

  /** The states of some runs, in one round trip; null = there is none of that name. */
  async states(runs: readonly string[]): Promise<readonly (RunState | null)[]> {
    if (runs.length === 0) return [];
    const pipeline = this.redis.pipeline();
    for (const run of runs) pipeline.hget(this.keys.record(run), 'state');
    return repliesOf(await pipeline.exec()) as (RunState | null)[];
  }

  /** Forgets a run, whatever its state. */
  async remove(run: string): Promise<void> {
    await this.removeIf(run, '');
  }

  /** Forgets a run that ended and has not changed for so long; false if there is no such run. */
  async removeEnded(run: string, olderThanMs: number): Promise<boolean> {
    return await this.removeIf(run, Math.max(0, olderThanMs));
  }

  async claim(run: string, index: number): Promise<Claim> {
    const keys = [this.keys.record(run), this.keys.part(run, 'done'), this.keys.part(run, 'failed')];
    return (await this.redis.eval(scripts.CLAIM_METATILE, 3, ...keys, index)) as Claim;
  }

  /** Counts a metatile as done, once. Its tiles must be in place. */
  async complete(run: string, { index, rendered, empty, leftOut, unchanged }: Settled): Promise<Settling> {
    const counts = { doneMetatiles: 1, rendered, empty, incomplete: leftOut?.tiles ?? 0 };
    const counters = unchanged === true ? { ...counts, unchangedMetatiles: 1 } : counts;
    return await this.settle(run, index, 'done', counters, { leftOut });
  }

  /** Counts a metatile as failed for good, once; some of its tiles may be in place. May use up the failure budget. */
  async fail(
    run: string,
    { index, rendered, empty, failures, leftOut }: Settled & Pick<MetatileResult, 'failures'>,
  ): Promise<Settling> {
    const counters = {
      failedMetatiles: 1,
      failed: failures.length,
      failedRendered: rendered,
      failedEmpty: empty,
      failedIncomplete: leftOut?.tiles ?? 0,
    };
    return await this.settle(run, index, 'failed', counters, { failures, leftOut });
  }

  /** Adds to the outside work of a run; every execution counts, also one that failed. */
  async addIo(run: string, io: IoCounters): Promise<void> {
    const pipeline = this.redis.pipeline();
    for (const key of IO_KEYS) if (io[key] > 0) pipeline.hincrby(this.keys.record(run), key, io[key]);
    if (pipeline.length > 0) repliesOf(await pipeline.exec());
  }

  /** How far a run is; null if there is none of that name. Costs the same for a run of any size. */
  async progress(run: string): Promise<RunProgress | null> {
    return progressFromValues(await this.redis.hmget(this.keys.record(run), ...PROGRESS_FIELDS));
  }

  /** A run as it is shown; null if there is none of that name. */
  async view(run: string): Promise<RunView | null> {
    return await readRunView(this.redis, this.keys, run);
  }

  /** Notes how far a running run is, for its pace. */
  async sample(run: string): Promise<void> {
    await this.redis.eval(scripts.SAMPLE_RUN, 2, this.keys.record(run), this.keys.part(run, 'samples'), KEEP_SAMPLES);
  }

  /** Tiles that failed, sorted; at most `MANIFEST_FAILURES` are kept. */
  async failures(run: string): Promise<readonly TileFailure[]> {
    const kept = await this.redis.hvals(this.keys.part(run, 'failures'));
    const failures = kept.flatMap((text) => failureFromText(text) ?? []);
    return failures.sort(({ tile: a }, { tile: b }) => a.z - b.z || a.x - b.x || a.y - b.y);
  }

  /** What tiles had to do without; at most `MANIFEST_LEFT_OUT` scenes are kept. */
  async leftOut(run: string): Promise<LeftOut> {
    const [counts, ...kept] = await Promise.all([
      this.redis.hmget(this.keys.record(run), 'incomplete', 'failedIncomplete'),
      this.redis.hgetall(this.keys.part(run, 'leftOut')),
      this.redis.hgetall(this.keys.part(run, 'failedLeftOut')),
    ]);
    const tally = createLeftOutTally(MANIFEST_LEFT_OUT);
    tally.add({
      tiles: counts.reduce((sum, count) => sum + Number(count ?? 0), 0),
      scenes: kept.flatMap(leftOutFromFields),
    });
    return tally.total();
  }

  /** Makes a run the one that writes to an output. @returns the run that did so before, if it is another one */
  async takeOutput(output: string, run: string): Promise<string | null> {
    const before = await this.redis.set(this.keys.output(output), run, 'EX', KEEP_OUTPUT_S, 'GET');
    return before === run ? null : before;
  }

  /** The run that was the last to write to an output; null = none that is known. */
  async runOf(output: string): Promise<string | null> {
    return await this.redis.get(this.keys.output(output));
  }

  /**
   * Changes the state if it is one of `from`; true for the one caller that did it. One that ended is forgotten after a
   * month; one that is resumed counts as opened once more.
   */
  async changeState(run: string, from: readonly RunState[], to: RunState): Promise<boolean> {
    const keys = [...this.keys.all(run), this.keys.open];
    const args = [run, to, KEEP_ENDED_S, ...from];
    return (await this.redis.eval(scripts.CHANGE_STATE, keys.length, ...keys, ...args)) === 1;
  }

  /** Takes a stopped run up again: what failed is to do once more, what is done stays done. */
  async reopen(run: string, from: readonly RunState[]): Promise<boolean> {
    const keys = [...this.keys.all(run), this.keys.open];
    return (await this.redis.eval(scripts.REOPEN_RUN, keys.length, ...keys, run, ...from)) === 1;
  }

  /**
   * Changes how a run is treated; what is not given stays.
   *
   * @throws TilerError `REQUEST_INVALID` for a failure budget that is none
   */
  async treat(run: string, { maxFailures, hot }: Partial<RunTreatment>, tiles: number): Promise<void> {
    const budget = maxFailures ?? '';
    const allowed = budget === '' ? '' : parseMaxFailures(budget, tiles);
    const lane = hot === undefined ? '' : hot ? '1' : '0';
    await this.redis.eval(scripts.CONFIGURE_RUN, 1, this.keys.record(run), allowed, budget, lane);
  }

  private async settle(
    run: string,
    index: number,
    outcome: 'done' | 'failed',
    counters: Readonly<Record<string, number>>,
    { failures = [], leftOut }: Pick<Settled, 'leftOut'> & { readonly failures?: readonly TileFailure[] },
  ): Promise<Settling> {
    const other = outcome === 'done' ? 'failed' : 'done';
    const list = outcome === 'done' ? 'leftOut' : 'failedLeftOut';
    const parts = [outcome, other, 'failures', list, `${list}Order`, 'codes'] as const;
    const keys = [this.keys.record(run), ...parts.map((part) => this.keys.part(run, part))];
    const counts = Object.entries(counters).flat();
    const texts = failures.flatMap((failure) => {
      const { z, x, y } = failure.tile;
      return [`${z}/${x}/${y}`, textFromFailure(failure)];
    });
    const codes = new Map<string, number>();
    for (const { code } of failures) codes.set(code, (codes.get(code) ?? 0) + 1);
    const lines = (leftOut?.scenes ?? []).flatMap((line) => [leftOutKey(line), line.tiles, line.message]);
    const sizes = [MANIFEST_FAILURES, MANIFEST_LEFT_OUT, counts.length / 2, texts.length / 2, codes.size];
    const args = [index, ...sizes, ...counts, ...texts, ...[...codes].flat(), ...lines];
    const reply = await this.redis.eval(scripts.SETTLE_METATILE, keys.length, ...keys, ...args);
    return reply === 0 ? 'known' : reply === 1 ? 'settled' : 'last';
  }

  private async removeIf(run: string, olderThanMs: number | ''): Promise<boolean> {
    const { open, runs } = this.keys;
    const output = await this.redis.hget(this.keys.record(run), 'output');
    const keys = [...this.keys.all(run), open, runs, this.keys.output(output ?? '')];
    return (await this.redis.eval(scripts.REMOVE_RUN, keys.length, ...keys, run, olderThanMs)) === 1;
  }
}
