import { setTimeout as sleep } from 'node:timers/promises';
import { isTilerError, TilerError } from '../errors.ts';
import { hostOfBucket } from '../host-gate.ts';
import type { HostGate } from '../host-gate.ts';
import { allowListeners, runWithin, TimeoutReached, withRetries } from '../retry.ts';
import type { RetryOptions } from '../retry.ts';
import { fromAwsError } from './aws-error.ts';
import type { StoreCallOptions } from './tile-store.ts';

/**
 * One request with its time-out, its retries, and its errors in this project's words.
 *
 * @param attempted - what is done to what, for messages
 */
export type S3Request = <T>(
  attempted: string,
  options: StoreCallOptions & {
    /** In place of the longest time for other requests. */
    readonly timeoutMs?: number;
  },
  send: (signal: AbortSignal) => Promise<T>,
) => Promise<T>;

export interface S3RequestsOptions {
  readonly bucket: string;
  /** Longest time for one request, answer included. */
  readonly timeoutMs: number;
  readonly retry?: RetryOptions;
  readonly gate?: HostGate | undefined;
  /** Default 0: as many as go. */
  readonly requestsPerSecond?: number;
}

/** Five attempts within about two seconds: what is not over by then is for the queue, which can wait without a worker. */
const DEFAULT_RETRY: RetryOptions = { attempts: 5, baseMs: 100, maxMs: 2000 };

/** After a time without requests, those of so many milliseconds go at once. */
const BURST_MS = 100;

/** Creates the way in which all requests to a bucket are made. */
export function createS3Requests(options: S3RequestsOptions): S3Request {
  const { bucket, gate, retry = DEFAULT_RETRY } = options;
  const host = hostOfBucket(bucket);
  const pace = createPace(options.requestsPerSecond ?? 0);
  return async (attempted, { signal, timeoutMs = options.timeoutMs }, send) => {
    const attempt = async (): Promise<Awaited<ReturnType<typeof send>>> => {
      await pace(signal);
      try {
        return await runWithin({ signal, timeoutMs }, send);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof TimeoutReached) {
          throw new TilerError('STORE_UNAVAILABLE', `${attempted}: ${error.message}`, { cause: error });
        }
        throw isTilerError(error) ? error : fromAwsError(error, attempted);
      }
    };
    const refuse = (found: string, retryAfterMs: number): TilerError =>
      new TilerError('STORE_THROTTLED', `${attempted}: ${found}`, { retryAfterMs });
    const passing = { signal, maxWaitMs: retry.maxMs, refuse };
    const pass = (): ReturnType<typeof attempt> => (gate === undefined ? attempt() : gate.pass(host, attempt, passing));
    return await withRetries(pass, retry, { signal });
  };
}

/**
 * Spaces requests evenly, after a burst of a tenth of a second's. Each attempt counts, as the server counts it.
 *
 * @returns waits for the next one's turn
 */
function createPace(perSecond: number): (signal: AbortSignal) => Promise<void> {
  if (perSecond === 0) return async () => await Promise.resolve();
  let nextMs = 0;
  return async (signal) => {
    const nowMs = performance.now();
    const atMs = Math.max(nextMs, nowMs - BURST_MS);
    nextMs = atMs + 1000 / perSecond;
    if (atMs <= nowMs) return;
    allowListeners(signal);
    await sleep(atMs - nowMs, undefined, { signal });
  };
}
