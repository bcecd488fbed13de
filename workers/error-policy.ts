import { DelayedError, UnrecoverableError } from 'bullmq';
import type { Job } from 'bullmq';
import { backoffMs, decideRetry, failureOf } from '../jobs/retry.ts';
import type { Failure, RetrySettings, Tries } from '../jobs/retry.ts';
import type { MetatilePayload } from '../jobs/queue/catalog.ts';

/** A job that is to be executed again after a wait, and why. */
abstract class AgainLater extends Error {
  readonly afterMs: number;

  constructor({ code, message }: Failure, afterMs: number) {
    super(`${code}: ${message}`);
    this.afterMs = afterMs;
  }
}

/** Thrown to BullMQ for a job that has used up an attempt. */
export class RetryLater extends AgainLater {
  override readonly name = 'RetryLater';
}

/** Thrown for a job that is put off because a host takes no more for now; see `putOff`. */
export class WaitForHost extends AgainLater {
  override readonly name = 'WaitForHost';
}

/**
 * What BullMQ is told about a job that failed: retry class `never`, or no attempt left → `UnrecoverableError`; `backoff`
 * → `RetryLater`, whose wait the worker's back-off strategy reads; a host that takes no more for now → `WaitForHost`.
 */
export function toQueueError(
  failures: readonly Failure[],
  tries: Tries,
  settings: RetrySettings,
): RetryLater | WaitForHost | UnrecoverableError {
  const [first = failureOf(new Error('no failure was stated'))] = failures;
  const decision = decideRetry(failures, tries, settings);
  if (decision.kind === 'wait') return new WaitForHost(first, decision.afterMs);
  if (decision.kind === 'again') return new RetryLater(first, decision.afterMs);
  return new UnrecoverableError(`${first.code}: ${first.message}`);
}

/** Reads what somebody put into a queue; what cannot be read is never tried again. @throws UnrecoverableError */
export function refusal<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const { code, message } = failureOf(error);
    throw new UnrecoverableError(`${code}: ${message}`);
  }
}

/** The worker's back-off strategy: the wait that the error states, else exponential with jitter. */
export function createBackoffStrategy(
  settings: RetrySettings,
): (attemptsMade: number, type?: string, error?: Error) => number {
  return (attemptsMade, _type, error) =>
    error instanceof RetryLater ? error.afterMs : backoffMs(Math.max(1, attemptsMade), settings);
}

/** What a job has been through; executions that ended with the death of their process, or were handed back, are not in it. */
export function triesOf({ attemptsMade, data }: Pick<Job<MetatilePayload>, 'attemptsMade' | 'data'>): Tries {
  return { attempt: attemptsMade + 1, waits: data.waits ?? 0 };
}

/** Takes a job out of the queue until its wait is over. Its attempts stay as they are; the wait is counted in its payload. */
export async function putOff(job: Job<MetatilePayload>, { afterMs }: WaitForHost, token?: string): Promise<never> {
  await job.updateData({ ...job.data, waits: triesOf(job).waits + 1 });
  await job.moveToDelayed(Date.now() + afterMs, token);
  throw new DelayedError();
}
