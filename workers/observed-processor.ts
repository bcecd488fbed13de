import { DelayedError, UnrecoverableError, WaitingError } from 'bullmq';
import type { Job } from 'bullmq';
import type { MetatileResult } from '../jobs/metatile-result.ts';
import { RetryLater } from './error-policy.ts';
import { withLogFields } from './logger.ts';
import type { WorkFields } from './logger.ts';
import type { MetatileOutcome, WorkerMetrics } from './metrics.ts';

type Processor<Payload> = (job: Job<Payload>, token?: string, signal?: AbortSignal) => Promise<void>;

/** Told what rendering came to, before the metatile is settled. */
export type OnMetatileResult = (job: Pick<Job, 'id'>, result: MetatileResult) => void;

/** Lets every line that a processor logs, or what it calls, say the run and the metatile. */
export function withJobLogFields<Payload extends object>(process: Processor<Payload>): Processor<Payload> {
  // Three parameters, as BullMQ passes the signal to no function with fewer.
  return async (job, token, signal) => await withLogFields(fieldsOf(job.data), () => process(job, token, signal));
}

/** Counts what becomes of metatile jobs. `create` makes their processor. */
export function withMetrics<Payload>(
  create: (onResult: OnMetatileResult) => Processor<Payload>,
  metrics: WorkerMetrics,
): Processor<Payload> {
  const results = new Map<string | undefined, MetatileResult>();
  const process = create((job, result) => void results.set(job.id, result));
  return async (job, token, signal) => {
    metrics.begin();
    let outcome: MetatileOutcome = 'done';
    try {
      await process(job, token, signal);
      const result = results.get(job.id);
      if (result === undefined) outcome = 'dropped';
      else if (result.unchanged === true) outcome = 'unchanged';
    } catch (error) {
      outcome = outcomeOf(error);
      throw error;
    } finally {
      metrics.end(outcome, results.get(job.id) ?? null);
      results.delete(job.id);
    }
  };
}

function outcomeOf(error: unknown): MetatileOutcome {
  if (error instanceof WaitingError) return 'handed_back';
  if (error instanceof DelayedError) return 'postponed';
  return error instanceof RetryLater || !(error instanceof UnrecoverableError) ? 'retried' : 'failed';
}

/** What can be said of a payload that was not checked yet. */
export function fieldsOf(payload: object): WorkFields {
  const { run, index } = payload as { readonly run?: unknown; readonly index?: unknown };
  return {
    ...(typeof run === 'string' ? { run } : {}),
    ...(typeof index === 'number' ? { metatile: index } : {}),
  };
}
