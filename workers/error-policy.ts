import { UnrecoverableError } from 'bullmq';
import type { Job } from 'bullmq';
import { backoffMs, decideRetry, failureOf } from '../jobs/retry.ts';
import type { Failure, RetrySettings } from '../jobs/retry.ts';

/** Thrown to BullMQ for a job that is to be executed again after a wait. */
export class RetryLater extends Error {
  override readonly name = 'RetryLater';
  readonly afterMs: number;

  constructor(failure: Failure, afterMs: number) {
    super(`${failure.code}: ${failure.message}`);
    this.afterMs = afterMs;
  }
}

/**
 * What BullMQ is told about a job that failed: retry class `never`, or no attempt left → `UnrecoverableError`; `backoff`
 * and a stated wait → `RetryLater`, whose wait the worker's back-off strategy reads.
 *
 * @param attempt - executions so far, this one counted
 */
export function toQueueError(
  failures: readonly Failure[],
  attempt: number,
  settings: RetrySettings,
): RetryLater | UnrecoverableError {
  const [first = failureOf(new Error('no failure was stated'))] = failures;
  const decision = decideRetry(failures, attempt, settings);
  if (decision.kind === 'again') return new RetryLater(first, decision.afterMs);
  return new UnrecoverableError(`${first.code}: ${first.message}`);
}

/** The worker's back-off strategy: the wait that the error states, else exponential with jitter. */
export function createBackoffStrategy(
  settings: RetrySettings,
): (attemptsMade: number, type?: string, error?: Error) => number {
  return (attemptsMade, _type, error) =>
    error instanceof RetryLater ? error.afterMs : backoffMs(Math.max(1, attemptsMade), settings);
}

/** Executions of a job so far, the present one counted; those that ended with the death of their process are not. */
export function attemptOf(job: Pick<Job, 'attemptsMade'>): number {
  return job.attemptsMade + 1;
}
