import { isTilerError, TilerError } from '../errors.ts';
import { hostOfBucket } from '../host-gate.ts';
import type { HostGate } from '../host-gate.ts';
import { runWithin, TimeoutReached, withRetries } from '../retry.ts';
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
  options: StoreCallOptions,
  send: (signal: AbortSignal) => Promise<T>,
) => Promise<T>;

export interface S3RequestsOptions {
  readonly bucket: string;
  /** Longest time for one request, answer included. */
  readonly timeoutMs: number;
  readonly retry?: RetryOptions;
  readonly gate?: HostGate | undefined;
}

/** Five attempts within about two seconds: what is not over by then is for the queue, which can wait without a worker. */
const DEFAULT_RETRY: RetryOptions = { attempts: 5, baseMs: 100, maxMs: 2000 };

/** Creates the way in which all requests to a bucket are made. */
export function createS3Requests({ bucket, timeoutMs, gate, retry = DEFAULT_RETRY }: S3RequestsOptions): S3Request {
  const host = hostOfBucket(bucket);
  return async (attempted, { signal }, send) => {
    const attempt = async (): Promise<Awaited<ReturnType<typeof send>>> => {
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
