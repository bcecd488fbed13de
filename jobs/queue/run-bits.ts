import { TilerError } from '../../src/errors.ts';
import type { RedisConnection } from './redis.ts';
import type { RunKeys } from './run-keys.ts';
import { RECOUNT_RUN } from './run-scripts.ts';
import { bitSpan, bitsOf, zoomStatusesOf } from '../run-status.ts';
import type { ZoomRange } from '../run-status.ts';
import type { MetatileBits, ZoomStatus } from '../runs.ts';

/** Bits read at a time in the search for missing ones: 8 KiB of each bitmap. */
const STEP_BYTES = 8_192;

/** At most so many steps and questions to the plan in one search: some tens of milliseconds. */
const MAX_STEPS = 64;
const MAX_QUESTIONS = 1_000;

const OUTCOMES = ['done', 'failed'] as const;

/** Where to look for missing metatiles. */
export interface MissingSearch {
  readonly from: number;
  readonly limit: number;
  /** The first index from this one on that stands for a metatile; null = there is none. */
  readonly nextWork: (index: number) => number | null;
}

/** The bitmaps of runs: which metatiles are done, and which failed. Redis counts bits from the highest of a byte. */
export class RunBits {
  private readonly redis: RedisConnection;
  private readonly keys: RunKeys;

  constructor(redis: RedisConnection, keys: RunKeys) {
    this.redis = redis;
    this.keys = keys;
  }

  /** The bits of some metatiles from an index on, which is a multiple of 8; what is not set reads as 0. */
  async range(run: string, fromIndex: number, count: number): Promise<MetatileBits> {
    const start = fromIndex / 8;
    if (!Number.isInteger(start)) throw new RangeError(`Bits from ${fromIndex} on, expected a multiple of 8`);
    const length = Math.max(0, Math.ceil(count / 8));
    const [done, failed] = await this.bytes(run, start, length);
    return { fromIndex, done, failed };
  }

  /**
   * Looks for indices whose metatiles are neither done nor failed, from `from` on. A search is bounded, so it may end
   * before it found `limit` of them or the end.
   *
   * @returns at most `limit` indices, and where to go on; `next` = `indexCount` when the end was reached
   */
  async missing(
    { run, indexCount }: { readonly run: string; readonly indexCount: number },
    { from, limit, nextWork }: MissingSearch,
  ): Promise<{ readonly indices: readonly number[]; readonly next: number }> {
    const indices: number[] = [];
    let index = from;
    let questions = 0;
    for (let step = 0; step < MAX_STEPS && index < indexCount; step++) {
      const start = Math.floor(index / 8);
      const [done, failed] = await this.bytes(run, start, STEP_BYTES);
      const stop = Math.min(indexCount, (start + STEP_BYTES) * 8);
      while (index < stop) {
        if (indices.length >= limit || questions >= MAX_QUESTIONS) return { indices, next: index };
        const at = Math.floor(index / 8) - start;
        const settled = done[at]! | failed[at]!;
        if (settled === 0xff) {
          index = (start + at + 1) * 8;
        } else if ((settled & (0x80 >> (index % 8))) !== 0) {
          index++;
        } else {
          questions++;
          const work = nextWork(index) ?? indexCount;
          if (work === index) indices.push(index);
          index = work === index ? index + 1 : work;
        }
      }
      index = Math.min(index, indexCount);
    }
    return { indices, next: index };
  }

  /** Those of some metatiles that are neither done nor failed, in the same order. */
  async unsettled(run: string, indices: readonly number[]): Promise<readonly number[]> {
    if (indices.length === 0) return [];
    const first = Math.floor(indices.reduce((least, index) => Math.min(least, index)) / 8);
    const last = Math.floor(indices.reduce((most, index) => Math.max(most, index)) / 8);
    // Neighbours, as nearly always; metatiles far apart are asked for one by one.
    if (last - first < STEP_BYTES) {
      const [done, failed] = await this.bytes(run, first, last - first + 1);
      return indices.filter((index) => {
        const at = Math.floor(index / 8) - first;
        return ((done[at]! | failed[at]!) & (0x80 >> (index % 8))) === 0;
      });
    }
    const pipeline = this.redis.pipeline();
    for (const index of indices) {
      for (const outcome of OUTCOMES) pipeline.getbit(this.keys.part(run, outcome), index);
    }
    const bits = repliesOf(await pipeline.exec());
    return indices.filter((_, i) => bits[2 * i] === 0 && bits[2 * i + 1] === 0);
  }

  /**
   * How far each zoom is. Redis counts whole bytes, and single bytes at the ends of a zoom are read: not every server can
   * count from bit to bit.
   */
  async zooms(run: string, zooms: readonly ZoomRange[]): Promise<readonly ZoomStatus[]> {
    const spans = zooms.map(({ firstIndex, indexCount }) => bitSpan(firstIndex, indexCount));
    // In one transaction, so that no metatile is in both.
    const multi = this.redis.multi();
    for (const outcome of OUTCOMES) {
      const key = this.keys.part(run, outcome);
      for (const { start, end, edges } of spans) {
        if (start < end) multi.bitcount(key, start, end - 1);
        for (const { byte } of edges) multi.getrangeBuffer(key, byte, byte);
      }
    }
    const replies = repliesOf(await multi.exec());
    let next = 0;
    const [done, failed] = OUTCOMES.map(() =>
      spans.map(({ start, end, edges }) => {
        let count = start < end ? Number(replies[next++]) : 0;
        for (const { mask } of edges) count += bitsOf(((replies[next++] as Buffer)[0] ?? 0) & mask);
        return count;
      }),
    );
    return zoomStatusesOf(
      zooms,
      zooms.map((_, i) => ({ done: done?.[i] ?? 0, failed: failed?.[i] ?? 0 })),
    );
  }

  /** Sets the counts of a run's metatiles to what the bits say. */
  async recount(run: string): Promise<void> {
    const [done, failed] = OUTCOMES.map((outcome) => this.keys.part(run, outcome)) as [string, string];
    await this.redis.eval(RECOUNT_RUN, 3, this.keys.record(run), done, failed);
  }

  private async bytes(run: string, start: number, length: number): Promise<[Uint8Array, Uint8Array]> {
    const [done, failed] = await Promise.all(
      OUTCOMES.map(async (outcome) => {
        const bytes = new Uint8Array(length);
        if (length > 0)
          bytes.set(await this.redis.getrangeBuffer(this.keys.part(run, outcome), start, start + length - 1));
        return bytes;
      }),
    );
    return [done!, failed!];
  }
}

/**
 * The replies of a pipeline or transaction.
 *
 * @throws TilerError `QUEUE_UNAVAILABLE` if a transaction was given up, which is not the same as one without replies; else
 * the first error among them
 */
export function repliesOf(replies: readonly (readonly [error: Error | null, reply: unknown])[] | null): unknown[] {
  if (replies === null) {
    throw new TilerError(
      'QUEUE_UNAVAILABLE',
      'Reading a run from Redis: the transaction was given up, expected replies',
    );
  }
  return replies.map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  });
}
