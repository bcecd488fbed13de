import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { isTilerError } from './errors.ts';
import type { TilerError } from './errors.ts';

/** How often, and after which waits, something is tried again by the one who tried it. */
export interface RetryOptions {
  /** How often something is tried, the first time counted; 1 = no retry. */
  readonly attempts: number;
  /** The wait before the second attempt; it doubles from attempt to attempt. Half of each wait is by chance. */
  readonly baseMs: number;
  /** No wait is longer. If the other side asks for more, the error goes up at once, and the queue waits. */
  readonly maxMs: number;
}

/** Waits; rejects when the signal is aborted. */
export type Wait = (delayMs: number, signal: AbortSignal) => Promise<unknown>;

/** An attempt that failed and is followed by another. */
export interface RetryNotice {
  readonly error: TilerError;
  /** The one that failed, 1 = the first. */
  readonly attempt: number;
  readonly delayMs: number;
}

export interface RetryCallOptions {
  readonly signal: AbortSignal;
  /** Called before each wait. */
  readonly onRetry?: (notice: RetryNotice) => void;
  /** True for an error that only the queue may try again, although its code can pass. */
  readonly isFinal?: (error: TilerError) => boolean;
  /** How to wait; by default until the time is over. */
  readonly wait?: Wait;
}

const waitFor: Wait = (delayMs, signal) => sleep(delayMs, undefined, { signal });

/**
 * Does something again while it fails with an error that can pass: after a back-off that grows, or after the time that
 * the other side asks for. The last error is thrown as it is; what is no `TilerError` is a fault and is thrown at once.
 *
 * @throws the caller's abort reason, also in the middle of a wait
 */
export async function withRetries<T>(
  work: () => Promise<T>,
  options: RetryOptions,
  { signal, onRetry, isFinal, wait = waitFor }: RetryCallOptions,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!isTilerError(error) || isFinal?.(error) === true) throw error;
      const delayMs = delayBeforeRetry(error, attempt, options);
      if (delayMs === null) throw error;
      signal.throwIfAborted();
      onRetry?.({ error, attempt, delayMs });
      await waitOrAbort(delayMs, signal, wait);
    }
  }
}

/** A timer reports an abort with an error of its own, which hides the reason. */
async function waitOrAbort(delayMs: number, signal: AbortSignal, wait: Wait): Promise<void> {
  allowListeners(signal);
  try {
    await wait(delayMs, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/**
 * Milliseconds to wait after the `attempt`-th attempt (1 = the first) failed with an error; null if there must be no
 * further one, because the error cannot pass, the attempts are used up, or the other side asks for longer than `maxMs`.
 *
 * The back-off lies between half of `baseMs · 2^(attempt - 1)`, at most `maxMs`, and the whole of it: the chance keeps
 * workers that failed together from coming back together.
 *
 * @param random - in [0, 1)
 */
export function delayBeforeRetry(
  error: TilerError,
  attempt: number,
  options: RetryOptions,
  random: () => number = Math.random,
): number | null {
  if (error.retry === 'never' || attempt >= options.attempts) return null;
  if (error.retryAfterMs !== null) return error.retryAfterMs <= options.maxMs ? error.retryAfterMs : null;
  return growingBackoffMs(attempt, options, random);
}

/**
 * The back-off after the `attempt`-th attempt (1 = the first), in whole milliseconds.
 *
 * @param random - in [0, 1)
 */
export function growingBackoffMs(
  attempt: number,
  { baseMs, maxMs }: Pick<RetryOptions, 'baseMs' | 'maxMs'>,
  random: () => number,
): number {
  return Math.round(Math.min(maxMs, baseMs * 2 ** (attempt - 1)) * (0.5 + random() / 2));
}

/**
 * Milliseconds that a `Retry-After` header asks for: whole seconds, or a date. Null where there is none or it cannot be
 * read; 0 for a date gone by.
 *
 * @see RFC 9110 section 10.2.3
 */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | null {
  const text = header?.trim() ?? '';
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, Number.MAX_SAFE_INTEGER);
  // Without a time of day it is no date: `Date.parse` takes "-5" for a month.
  const atMs = /\d:\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}

/** How long something may last, and what ends it early. */
export interface WaitLimit {
  readonly signal: AbortSignal;
  /** Infinity = only the signal ends it. */
  readonly timeoutMs: number;
}

/** What `runWithin` throws when the time is over. Each layer makes an error of its own from it. */
export class TimeoutReached extends Error {
  /** As the sockets of Node name it. */
  readonly code = 'ETIMEDOUT';
}

/**
 * Runs work under a signal of its own, which is aborted with the caller's signal or when the time is over. The result
 * settles then too, also if the work does not listen, and with that reason, whatever the work makes of it. Nothing stays
 * attached to the caller's signal, which may live as long as the process. (`AbortSignal.any` keeps every derived signal
 * as long as its source in some Node releases.)
 *
 * @throws the caller's abort reason; `TimeoutReached`
 */
export async function runWithin<T>(
  { signal, timeoutMs }: WaitLimit,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  let end = (_reason: unknown): void => {};
  const ended = new Promise<never>((_, reject) => {
    end = (reason) => {
      reject(reason);
      controller.abort(reason);
    };
  });
  const onAbort = (): void => end(signal.reason);
  allowListeners(signal);
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = Number.isFinite(timeoutMs)
    ? setTimeout(() => end(new TimeoutReached(`no answer within ${timeoutMs} ms`)), timeoutMs)
    : undefined;
  try {
    return await Promise.race([ended, work(controller.signal)]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** One signal ends all work of a job at once; Node would take more than ten listeners for a leak. */
export function allowListeners(signal: AbortSignal): void {
  setMaxListeners(0, signal);
}
