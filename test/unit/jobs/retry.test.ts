import { describe, expect, test } from 'vitest';
import { backoffMs, decideRetry, failTiles, failureOf } from '../../../jobs/retry.ts';
import { TilerError } from '../../../src/errors.ts';

const SETTINGS = { attempts: 5, backoffMs: 1_000 };
const HALF = (): number => 0.5;

describe('decideRetry', () => {
  test('never: fails at once', () => {
    expect(decideRetry([failureOf(new TilerError('ASSET_NOT_FOUND', 'x'))], 1, SETTINGS)).toStrictEqual({
      kind: 'failed',
    });
  });

  test('backoff: doubles, with jitter, up to a minute', () => {
    const failure = failureOf(new TilerError('SOURCE_UNAVAILABLE', 'x'));
    const waits = [1, 2, 3, 4].map((attempt) => decideRetry([failure], attempt, SETTINGS, HALF));
    expect(waits).toStrictEqual([750, 1_500, 3_000, 6_000].map((afterMs) => ({ kind: 'again', afterMs })));
    expect(backoffMs(1, SETTINGS, () => 0)).toBe(500);
    expect(backoffMs(30, SETTINGS, () => 0.999_999)).toBe(60_000);
  });

  test('what the other side asks for replaces the back-off, within reason', () => {
    const after = (retryAfterMs: number) => failureOf(new TilerError('STAC_THROTTLED', 'x', { retryAfterMs }));
    expect(decideRetry([after(7_000)], 1, SETTINGS)).toStrictEqual({ kind: 'again', afterMs: 7_000 });
    expect(decideRetry([after(1e12)], 1, SETTINGS)).toStrictEqual({ kind: 'again', afterMs: 900_000 });
  });

  test('one failure that may pass is enough, and the longest wait counts', () => {
    const failures = [
      failureOf(new TilerError('ASSET_CORRUPT', 'x')),
      failureOf(new TilerError('SOURCE_THROTTLED', 'x', { retryAfterMs: 4_000 })),
      failureOf(new TilerError('SOURCE_UNAVAILABLE', 'x')),
    ];
    expect(decideRetry(failures, 1, SETTINGS, HALF)).toStrictEqual({ kind: 'again', afterMs: 4_000 });
  });

  test('no attempt is left', () => {
    const failure = failureOf(new TilerError('SOURCE_UNAVAILABLE', 'x'));
    expect(decideRetry([failure], 5, SETTINGS)).toStrictEqual({ kind: 'failed' });
  });
});

describe('failureOf', () => {
  test('what is no TilerError is a fault in the program and is never tried again', () => {
    const failure = failureOf(new TypeError('x is not a function'));
    expect(failure).toStrictEqual({ code: 'INTERNAL', message: 'TypeError: x is not a function', retryAfterMs: null });
    expect(decideRetry([failure], 1, SETTINGS)).toStrictEqual({ kind: 'failed' });
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
