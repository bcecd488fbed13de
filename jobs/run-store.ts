import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { IoCounters } from '../src/observe.ts';
import { createLeftOutTally, leftOutKey } from '../src/render/left-out.ts';
import type { LeftOut, TileFailure } from '../src/render/tile-renderer.ts';
import { keyPrefix } from './catalog.ts';
import { MANIFEST_FAILURES, MANIFEST_LEFT_OUT } from './manifest.ts';
import { IO_KEYS } from './metatile-result.ts';
import type { MetatileResult } from './metatile-result.ts';
import { PROGRESS_FIELDS, leftOutFromFields, progressFromValues, recordFromFields } from './run-record.ts';
import type { RunProgress, RunRecord, RunState } from './run-record.ts';
import { CHANGE_STATE, CLAIM_METATILE, CREATE_RUN, REOPEN_RUN, SETTLE_METATILE } from './run-scripts.ts';

/** What a worker is to do with a metatile that it was given. */
export type Claim = 'todo' | 'settled' | 'unknown' | Exclude<RunState, 'running'>;

/** What a settled metatile came to; without `leftOut`, nothing was left out. */
type Settled = Pick<MetatileResult, 'index' | 'rendered' | 'empty'> & {
  readonly leftOut?: LeftOut | undefined;
};

/** Bits read at a time in the search for missing ones: 8 KiB of each bitmap. */
const BITMAP_STEP_BYTES = 8_192;
const KEEP_ENDED_S = 30 * 24 * 3600;
const MAX_MESSAGE_LENGTH = 500;

/**
 * The records of runs in Redis: what each is, which of its metatiles are done or failed (one bit each), and what it came
 * to. A run of any size takes two bitmaps (0.25 MB for a million metatiles), one hash, at most
 * `MANIFEST_FAILURES` failures, and at most twice `MANIFEST_LEFT_OUT` scenes left out.
 */
export class RunStore {
  private readonly redis: Redis;
  private readonly prefix: string;

  constructor(redis: Redis, prefix: string) {
    this.redis = redis;
    this.prefix = keyPrefix(prefix);
  }

  /** Creates a run; false if there is one of that name. */
  async create({ run, request, ...rest }: RunRecord): Promise<boolean> {
    const fields = {
      v: 1,
      state: 'running',
      opened: 1,
      request: JSON.stringify(request),
      ...rest,
      overwrite: rest.overwrite ? 1 : 0,
    };
    const args = Object.entries(fields).flatMap(([field, value]) => [field, String(value)]);
    return (await this.redis.eval(CREATE_RUN, 2, this.key(run), this.runsKey, run, ...args)) === 1;
  }

  /** The run, or null if there is none of that name. */
  async get(run: string): Promise<RunRecord | null> {
    return recordFromFields(run, await this.redis.hgetall(this.key(run)));
  }

  /** Names of all runs, sorted. */
  async list(): Promise<readonly string[]> {
    const runs = (await this.redis.smembers(this.runsKey)).sort();
    const states = await Promise.all(runs.map((run) => this.redis.exists(this.key(run))));
    const gone = runs.filter((_, i) => states[i] === 0);
    if (gone.length > 0) await this.redis.srem(this.runsKey, ...gone);
    return runs.filter((_, i) => states[i] === 1);
  }

  /** Forgets a run. */
  async remove(run: string): Promise<void> {
    await this.redis.del(...this.keys(run));
    await this.redis.srem(this.runsKey, run);
  }

  async claim(run: string, index: number): Promise<Claim> {
    const keys = [this.key(run), this.key(run, 'done'), this.key(run, 'failed')];
    return (await this.redis.eval(CLAIM_METATILE, 3, ...keys, index)) as Claim;
  }

  /** Counts a metatile as done, once. Its tiles must be in place. */
  async complete(run: string, { index, rendered, empty, leftOut }: Settled): Promise<boolean> {
    return await this.settle(run, index, 'done', { rendered, empty, incomplete: leftOut?.tiles ?? 0 }, { leftOut });
  }

  /** Counts a metatile as failed for good, once; some of its tiles may be in place. */
  async fail(
    run: string,
    { index, rendered, empty, failures, leftOut }: Settled & Pick<MetatileResult, 'failures'>,
  ): Promise<boolean> {
    const failedIncomplete = leftOut?.tiles ?? 0;
    const counters = { failed: failures.length, failedRendered: rendered, failedEmpty: empty, failedIncomplete };
    return await this.settle(run, index, 'failed', counters, { failures, leftOut });
  }

  /** Adds to the outside work of a run; every execution counts, also one that failed. */
  async addIo(run: string, io: IoCounters): Promise<void> {
    const pipeline = this.redis.pipeline();
    for (const key of IO_KEYS) if (io[key] > 0) pipeline.hincrby(this.key(run), key, io[key]);
    if (pipeline.length > 0) await pipeline.exec();
  }

  /** How far a run is; null if there is none of that name. */
  async progress(run: string): Promise<RunProgress | null> {
    // In one transaction, so that the counts are never older than the bits.
    const replies = await this.redis
      .multi()
      .hmget(this.key(run), ...PROGRESS_FIELDS)
      .bitcount(this.key(run, 'done'))
      .bitcount(this.key(run, 'failed'))
      .exec();
    const [values, done, failedMetatiles] = (replies ?? []).map(([error, reply]) => {
      if (error !== null) throw error;
      return reply;
    }) as [(string | null)[], number, number];
    return progressFromValues(values, done, failedMetatiles);
  }

  /** Tiles that failed, sorted; at most `MANIFEST_FAILURES` are kept. */
  async failures(run: string): Promise<readonly TileFailure[]> {
    const kept = await this.redis.hvals(this.key(run, 'failures'));
    const failures = kept.map((text) => JSON.parse(text) as TileFailure);
    return failures.sort(({ tile: a }, { tile: b }) => a.z - b.z || a.x - b.x || a.y - b.y);
  }

  /** What tiles had to do without; at most `MANIFEST_LEFT_OUT` scenes are kept. */
  async leftOut(run: string): Promise<LeftOut> {
    const [counts, ...kept] = await Promise.all([
      this.redis.hmget(this.key(run), 'incomplete', 'failedIncomplete'),
      this.redis.hgetall(this.key(run, 'leftOut')),
      this.redis.hgetall(this.key(run, 'failedLeftOut')),
    ]);
    const tally = createLeftOutTally(MANIFEST_LEFT_OUT);
    tally.add({
      tiles: counts.reduce((sum, count) => sum + Number(count ?? 0), 0),
      scenes: kept.flatMap(leftOutFromFields),
    });
    return tally.total();
  }

  /**
   * Looks for indices whose metatiles are neither done nor failed, from `from` on.
   *
   * @param hasWork - false for an index that stands for no metatile
   * @returns at most `limit` indices, and where to go on; `next` = `indexCount` when the end was reached
   */
  async missing(
    { run, indexCount }: Pick<RunRecord, 'run' | 'indexCount'>,
    {
      from,
      limit,
      hasWork,
    }: { readonly from: number; readonly limit: number; readonly hasWork: (index: number) => boolean },
  ): Promise<{ readonly indices: readonly number[]; readonly next: number }> {
    const indices: number[] = [];
    let index = from;
    while (index < indexCount && indices.length < limit) {
      const start = index >>> 3;
      const end = start + BITMAP_STEP_BYTES - 1;
      const [done, failed] = await Promise.all([
        this.redis.getrangeBuffer(this.key(run, 'done'), start, end),
        this.redis.getrangeBuffer(this.key(run, 'failed'), start, end),
      ]);
      const stop = Math.min(indexCount, (end + 1) * 8);
      for (; index < stop && indices.length < limit; index++) {
        const at = (index >>> 3) - start;
        // Redis counts bits from the highest of a byte.
        const bit = 0x80 >>> (index & 7);
        if ((((done[at] ?? 0) | (failed[at] ?? 0)) & bit) === 0 && hasWork(index)) indices.push(index);
      }
    }
    return { indices, next: index };
  }

  /** Those of some metatiles that are neither done nor failed, in the same order. */
  async unsettled(run: string, indices: readonly number[]): Promise<readonly number[]> {
    const pipeline = this.redis.pipeline();
    for (const index of indices) {
      pipeline.getbit(this.key(run, 'done'), index);
      pipeline.getbit(this.key(run, 'failed'), index);
    }
    const replies = (await pipeline.exec()) ?? [];
    const bits = replies.map(([error, bit]) => {
      if (error !== null) throw error;
      return bit;
    });
    return indices.filter((_, i) => bits[2 * i] === 0 && bits[2 * i + 1] === 0);
  }

  /** Makes a run the one that writes to an output. @returns the run that did so before, if it is another one */
  async takeOutput(output: string, run: string): Promise<string | null> {
    const name = createHash('sha256').update(output).digest('hex');
    const before = await this.redis.set(`${this.prefix}:output:${name}`, run, 'GET');
    return before === run ? null : before;
  }

  /** Changes the state if it is one of `from`; true for the one caller that did it. */
  async changeState(run: string, from: readonly RunState[], to: RunState): Promise<boolean> {
    return (await this.redis.eval(CHANGE_STATE, 1, this.key(run), to, ...from)) === 1;
  }

  /** Lets the record of an ended run be forgotten after a month. */
  async expire(run: string): Promise<void> {
    const pipeline = this.redis.pipeline();
    for (const key of this.keys(run)) pipeline.expire(key, KEEP_ENDED_S);
    await pipeline.exec();
  }

  /** Takes a stopped run up again: what failed is to do once more, what is done stays done. */
  async reopen(run: string, from: readonly RunState[]): Promise<boolean> {
    return (await this.redis.eval(REOPEN_RUN, 8, ...this.keys(run), ...from)) === 1;
  }

  private async settle(
    run: string,
    index: number,
    outcome: 'done' | 'failed',
    counters: Readonly<Record<string, number>>,
    { failures = [], leftOut }: Pick<Settled, 'leftOut'> & { readonly failures?: readonly TileFailure[] },
  ): Promise<boolean> {
    const other = outcome === 'done' ? 'failed' : 'done';
    const list = outcome === 'done' ? 'leftOut' : 'failedLeftOut';
    const keys = [outcome, other, 'failures', list, `${list}Order`].map((part) => this.key(run, part));
    const counts = Object.entries(counters).flat();
    const texts = failures.flatMap((failure) => {
      const { z, x, y } = failure.tile;
      return [`${z}/${x}/${y}`, JSON.stringify({ ...failure, message: failure.message.slice(0, MAX_MESSAGE_LENGTH) })];
    });
    const lines = (leftOut?.scenes ?? []).flatMap((line) => [leftOutKey(line), line.tiles, line.message]);
    const sizes = [MANIFEST_FAILURES, MANIFEST_LEFT_OUT, counts.length / 2, texts.length / 2];
    const args = [index, ...sizes, ...counts, ...texts, ...lines];
    return (await this.redis.eval(SETTLE_METATILE, 6, this.key(run), ...keys, ...args)) === 1;
  }

  private key(run: string, part?: string): string {
    return part === undefined ? `${this.prefix}:run:${run}` : `${this.prefix}:run:${run}:${part}`;
  }

  private keys(run: string): string[] {
    const parts = ['done', 'failed', 'failures', 'failedLeftOut', 'failedLeftOutOrder', 'leftOut', 'leftOutOrder'];
    return [this.key(run), ...parts.map((part) => this.key(run, part))];
  }

  private get runsKey(): string {
    return `${this.prefix}:runs`;
  }
}
