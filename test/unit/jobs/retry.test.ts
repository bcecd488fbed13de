import { describe, expect, test } from 'vitest';
import { MAX_FREE_WAITS, backoffMs, decideRetry, failTiles, failureOf } from '../../../jobs/retry.ts';
import type { Failure } from '../../../jobs/retry.ts';
import { ERROR_CODES, TilerError } from '../../../src/errors.ts';
import type { ErrorCode } from '../../../src/errors.ts';

const SETTINGS = { attempts: 5, backoffMs: 1_000 };
const HALF = (): number => 0.5;
const FIRST = { attempt: 1, waits: 0 };
const LAST = { attempt: 5, waits: 0 };
const FAILED = { kind: 'failed' };

const failure = (code: ErrorCode, retryAfterMs?: number): Failure =>
  failureOf(new TilerError(code, 'x', retryAfterMs === undefined ? {} : { retryAfterMs }));

/** What becomes of a metatile by the code of its failure; the README's table says the same. */
const PASSING: Partial<Record<ErrorCode, 'again' | 'wait'>> = {
  ASSET_CHANGED: 'again',
  SOURCE_UNAVAILABLE: 'again',
  SOURCE_THROTTLED: 'wait',
  STAC_UNAVAILABLE: 'again',
  STAC_THROTTLED: 'wait',
  STORE_UNAVAILABLE: 'again',
  STORE_THROTTLED: 'wait',
  QUEUE_UNAVAILABLE: 'again',
  JOB_TIMEOUT: 'again',
  WORKER_LOST: 'again',
};

describe.each(ERROR_CODES)('%s', (code) => {
  const expected = PASSING[code];

  test('by its code: never, a back-off, or a wait that uses up no attempt', () => {
    const decision = decideRetry([failure(code)], FIRST, SETTINGS, HALF);
    expect(decision).toStrictEqual(expected === undefined ? FAILED : { kind: expected, afterMs: 750 });
  });

  test('with Retry-After: never, or a wait of that length', () => {
    const decision = decideRetry([failure(code, 7_000)], FIRST, SETTINGS);
    expect(decision).toStrictEqual(expected === undefined ? FAILED : { kind: 'wait', afterMs: 7_000 });
  });

  test('in the last attempt: only a host that takes no more is waited for', () => {
    expect(decideRetry([failure(code)], LAST, SETTINGS).kind).toBe(expected === 'wait' ? 'wait' : 'failed');
  });

  test('after many waits: each further one is an attempt, and the last is the last', () => {
    const waits = MAX_FREE_WAITS;
    const kindOf = (attempt: number) => decideRetry([failure(code, 10)], { attempt, waits }, SETTINGS).kind;
    const again = expected === undefined ? 'failed' : 'again';
    expect([1, 4, 5].map(kindOf)).toStrictEqual([again, again, 'failed']);
  });
});

describe('decideRetry', () => {
  test('the back-off doubles, with jitter, up to a minute', () => {
    const waits = [1, 2, 3, 4].map((attempt) =>
      decideRetry([failure('SOURCE_UNAVAILABLE')], { attempt, waits: 0 }, SETTINGS, HALF),
    );
    expect(waits).toStrictEqual([750, 1_500, 3_000, 6_000].map((afterMs) => ({ kind: 'again', afterMs })));
    expect(backoffMs(1, SETTINGS, () => 0)).toBe(500);
    expect(backoffMs(30, SETTINGS, () => 0.999_999)).toBe(60_000);
  });

  test('waits for a host that does not say how long grow from one to the next', () => {
    const waits = [0, 1, 2].map((waits) =>
      decideRetry([failure('STORE_THROTTLED')], { attempt: 1, waits }, SETTINGS, HALF),
    );
    expect(waits).toStrictEqual([750, 1_500, 3_000].map((afterMs) => ({ kind: 'wait', afterMs })));
  });

  test('no answer stops a metatile for longer than is reasonable', () => {
    expect(decideRetry([failure('STAC_THROTTLED', 1e12)], FIRST, SETTINGS)).toStrictEqual({
      kind: 'wait',
      afterMs: 900_000,
    });
  });

  test('one failure that may pass is enough, the longest wait counts, and it is free only if all that pass are', () => {
    const throttled = [failure('ASSET_CORRUPT'), failure('SOURCE_THROTTLED', 4_000)];
    expect(decideRetry(throttled, FIRST, SETTINGS)).toStrictEqual({ kind: 'wait', afterMs: 4_000 });
    const both = [...throttled, failure('SOURCE_UNAVAILABLE')];
    expect(decideRetry(both, FIRST, SETTINGS, HALF)).toStrictEqual({ kind: 'again', afterMs: 4_000 });
    expect(decideRetry(both, LAST, SETTINGS, HALF)).toStrictEqual(FAILED);
  });

  test('nothing failed', () => {
    expect(decideRetry([], FIRST, SETTINGS)).toStrictEqual(FAILED);
  });
});

describe('failureOf', () => {
  test('what is no TilerError is a fault in the program and is never tried again', () => {
    const failure = failureOf(new TypeError('x is not a function'));
    expect(failure).toStrictEqual({
      code: 'INTERNAL',
      message: 'TypeError: x is not a function',
      retryAfterMs: null,
      asset: null,
    });
    expect(decideRetry([failure], FIRST, SETTINGS)).toStrictEqual({ kind: 'failed' });
  });

  test('a failure of a metatile is one of each of its tiles', () => {
    const tiles = [
      { z: 1, x: 0, y: 0 },
      { z: 1, x: 1, y: 0 },
    ];
    const failure = failureOf(new TilerError('STAC_FORBIDDEN', 'no'));
    expect(failTiles(tiles, failure)).toStrictEqual(tiles.map((tile) => ({ tile, ...failure })));
  });
});
