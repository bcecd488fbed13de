import { getEventListeners } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import { TilerError } from '../../src/errors.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { delayBeforeRetry, parseRetryAfter, runWithin, TimeoutReached, withRetries } from '../../src/retry.ts';

const NEVER = { signal: new AbortController().signal };
const QUICK = { attempts: 4, baseMs: 0, maxMs: 20 };
const AN_HOUR_MS = 3_600_000;

function errorOf(code: ErrorCode, retryAfterMs?: number, message = 'it failed'): TilerError {
  return new TilerError(code, message, retryAfterMs === undefined ? {} : { retryAfterMs });
}

/** Fails with the codes given, one after the other, and then gives their number. */
function failing(codes: readonly ErrorCode[], retryAfterMs?: number): () => Promise<number> {
  let count = 0;
  return async () => {
    const code = codes[count++];
    if (code === undefined) return await Promise.resolve(codes.length);
    throw errorOf(code, retryAfterMs, `failure ${count}`);
  };
}

describe('withRetries', () => {
  test('goes on until it works, and tells of every further attempt', async () => {
    const codes = ['STORE_UNAVAILABLE', 'SOURCE_THROTTLED', 'STAC_UNAVAILABLE'] as const;
    const told: unknown[] = [];
    const onRetry = ({ error, attempt }: { readonly error: TilerError; readonly attempt: number }): void =>
      void told.push([attempt, error.code]);
    expect(await withRetries(failing(codes), QUICK, { ...NEVER, onRetry })).toBe(3);
    expect(told).toEqual(codes.map((code, i) => [i + 1, code]));
  });

  test('ends with the last error after the attempts allowed', async () => {
    const codes = Array.from({ length: 9 }, () => 'STORE_UNAVAILABLE' as const);
    await expect(withRetries(failing(codes), QUICK, NEVER)).rejects.toThrow('failure 4');
  });

  test('does nothing again that its caller calls final', async () => {
    const isFinal = ({ code }: TilerError): boolean => code === 'ASSET_CHANGED';
    const work = failing(['SOURCE_UNAVAILABLE', 'ASSET_CHANGED', 'SOURCE_UNAVAILABLE']);
    await expect(withRetries(work, QUICK, { ...NEVER, isFinal })).rejects.toThrow('failure 2');
  });

  test('does nothing again that is no TilerError', async () => {
    let count = 0;
    const broken = async (): Promise<void> => {
      count++;
      await Promise.reject(new TypeError('a fault'));
    };
    await expect(withRetries(broken, QUICK, NEVER)).rejects.toThrow(TypeError);
    expect(count).toBe(1);
  });

  test('waits as it is told to', async () => {
    const waitsMs: number[] = [];
    const wait = async (delayMs: number): Promise<void> => void waitsMs.push(delayMs);
    const slow = { attempts: 3, baseMs: AN_HOUR_MS, maxMs: AN_HOUR_MS };
    await withRetries(failing(['STORE_THROTTLED', 'STORE_THROTTLED'], 1_800_000), slow, { ...NEVER, wait });
    expect(waitsMs).toEqual([1_800_000, 1_800_000]);
  });

  test('an abort ends the wait with its reason, and leaves nothing behind', async () => {
    const controller = new AbortController();
    const slow = { attempts: 2, baseMs: AN_HOUR_MS, maxMs: AN_HOUR_MS };
    const reason = new TypeError('the reason');
    const onRetry = (): void => void setImmediate(() => controller.abort(reason));
    const waiting = withRetries(failing(['STORE_UNAVAILABLE']), slow, { signal: controller.signal, onRetry });
    await expect(waiting).rejects.toBe(reason);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  test('an aborted signal lets nothing begin', async () => {
    const work = vi.fn<() => Promise<number>>(failing([]));
    const signal = AbortSignal.abort();
    await expect(withRetries(work, QUICK, { signal })).rejects.toBe(signal.reason);
    expect(work).not.toHaveBeenCalled();
  });
});

describe('delayBeforeRetry', () => {
  const OPTIONS = { attempts: 20, baseMs: 250, maxMs: 10_000 };

  test.each([
    [1, 0, 125],
    [1, 0.999_999, 250],
    [2, 0, 250],
    [4, 0.5, 1500],
    [7, 0, 5000],
    [19, 0.999_999, 10_000],
  ])('after attempt %d, with the chance %d, is %d ms', (attempt, chance, expected) => {
    expect(delayBeforeRetry(errorOf('SOURCE_UNAVAILABLE'), attempt, OPTIONS, () => chance)).toBe(expected);
  });

  test.each([
    ['no wait', 0, 0],
    ['the longest', 10_000, 10_000],
    ['one too long', 10_001, null],
  ])('is what the other side asks for: %s', (_, retryAfterMs, expected) => {
    expect(delayBeforeRetry(errorOf('SOURCE_THROTTLED', retryAfterMs), 1, OPTIONS)).toBe(expected);
  });

  test.each(['STORE_FORBIDDEN', 'STORE_CONFLICT', 'REQUEST_INVALID', 'STAC_RESPONSE_INVALID'] as const)(
    'there is none after %s, whatever the other side asks for',
    (code) => {
      expect(delayBeforeRetry(errorOf(code), 1, OPTIONS)).toBeNull();
      expect(delayBeforeRetry(errorOf(code, 5), 1, OPTIONS)).toBeNull();
    },
  );

  test('there is none after the last attempt', () => {
    expect(delayBeforeRetry(errorOf('STORE_UNAVAILABLE'), 20, OPTIONS)).toBeNull();
    expect(delayBeforeRetry(errorOf('STORE_THROTTLED', 0), 1, { ...OPTIONS, attempts: 1 })).toBeNull();
  });
});

describe('parseRetryAfter', () => {
  const NOW = Date.parse('2026-11-22T12:00:00Z');
  test.each([
    [undefined, null],
    ['', null],
    ['3', 3000],
    [' 0 ', 0],
    ['9'.repeat(400), Number.MAX_SAFE_INTEGER],
    ['Sun, 22 Nov 2026 12:00:09 GMT', 9000],
    ['Sunday, 22-Nov-26 12:00:09 GMT', 9000],
    ['Sun, 22 Nov 2026 11:00:00 GMT', 0],
    ['soon', null],
    ['soon 5', null],
    ['-5', null],
    ['1.5', null],
  ])('%j is %j ms', (header, expected) => {
    expect(parseRetryAfter(header, NOW)).toBe(expected);
  });
});

describe('runWithin', () => {
  /** Ends when it is aborted, with words of its own. */
  const untilAborted = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) =>
      signal.addEventListener('abort', () => reject(new Error('the client words it otherwise'))),
    );
  const deaf = (): Promise<never> => new Promise(() => {});

  test.each([
    ['listens', untilAborted],
    ['does not listen', deaf],
  ])('the time-out is told apart, if the work %s', async (_, work) => {
    const waiting = runWithin({ ...NEVER, timeoutMs: 1 }, work);
    await expect(waiting).rejects.toBeInstanceOf(TimeoutReached);
    await expect(waiting).rejects.toMatchObject({ code: 'ETIMEDOUT', message: 'no answer within 1 ms' });
  });

  test.each([
    ['listens', untilAborted],
    ['does not listen', deaf],
  ])('an abort passes its reason on, if the work %s', async (_, work) => {
    for (const timeoutMs of [AN_HOUR_MS, Number.POSITIVE_INFINITY]) {
      const controller = new AbortController();
      const waiting = runWithin({ signal: controller.signal, timeoutMs }, work);
      controller.abort();
      await expect(waiting).rejects.toBe(controller.signal.reason);
    }
  });

  test('aborts the work with the reason, or the time-out', async () => {
    const controller = new AbortController();
    const signals: AbortSignal[] = [];
    const work = async (signal: AbortSignal): Promise<never> => {
      signals.push(signal);
      return await untilAborted(signal);
    };
    const aborted = runWithin({ signal: controller.signal, timeoutMs: AN_HOUR_MS }, work);
    controller.abort(new TypeError('the reason'));
    await expect(aborted).rejects.toThrow('the reason');
    await expect(runWithin({ ...NEVER, timeoutMs: 1 }, work)).rejects.toThrow('no answer');
    expect(signals[0]!.reason).toBe(controller.signal.reason);
    expect(signals[1]!.reason).toBeInstanceOf(TimeoutReached);
  });

  test('leaves results and other errors alone', async () => {
    const limit = { ...NEVER, timeoutMs: AN_HOUR_MS };
    expect(await runWithin(limit, async () => await Promise.resolve(7))).toBe(7);
    await expect(runWithin(limit, async () => await Promise.reject(new TypeError('a fault')))).rejects.toThrow(
      TypeError,
    );
    const hurried = (): Promise<never> => {
      throw new TypeError('a fault before the first wait');
    };
    await expect(runWithin(limit, hurried)).rejects.toThrow('before the first wait');
  });

  test('an aborted signal lets nothing begin', async () => {
    const work = vi.fn<() => Promise<never>>(deaf);
    const signal = AbortSignal.abort();
    await expect(runWithin({ signal, timeoutMs: 1 }, work)).rejects.toBe(signal.reason);
    expect(work).not.toHaveBeenCalled();
  });

  test('many at once hang on one signal without a warning, and none afterwards', async () => {
    const { signal } = new AbortController();
    const warned = vi.fn<(warning: Error) => void>();
    process.on('warning', warned);
    const release: (() => void)[] = [];
    const work = (): Promise<void> => new Promise((resolve) => release.push(resolve));
    const all = Array.from({ length: 30 }, () => runWithin({ signal, timeoutMs: AN_HOUR_MS }, work));
    expect(getEventListeners(signal, 'abort')).toHaveLength(30);
    for (const end of release) end();
    await Promise.all(all);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', warned);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(warned).not.toHaveBeenCalled();
  });
});
