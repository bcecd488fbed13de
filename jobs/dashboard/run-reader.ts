import { TilerError } from '../../src/errors.ts';
import { runWithin, TimeoutReached } from '../../src/retry.ts';
import type { Runs, RunStatus } from '../runs.ts';

/** All runs as they were at most a second ago, however many ask. */
export interface RunReader {
  /** Newest first. @throws TilerError `QUEUE_UNAVAILABLE` if the store of the runs does not answer in time */
  list(): Promise<readonly RunStatus[]>;
  /** Work on the store with a time-out. @throws TilerError `QUEUE_UNAVAILABLE` */
  within<T>(what: string, work: () => Promise<T>, timeoutMs?: number): Promise<T>;
}

const FRESH_MS = 900;
/** A queue waits for its Redis for ever; a person does not. */
const TIMEOUT_MS = 5_000;

/**
 * Reads the list of runs for many askers: those who ask at the same time share one reading, and one that is younger than
 * a second is taken as it is. A reading that does not end holds up further ones, so that they do not pile up.
 */
export function createRunReader(
  runs: Pick<Runs, 'list'>,
  { signal, timeoutMs = TIMEOUT_MS }: { readonly signal: AbortSignal; readonly timeoutMs?: number },
): RunReader {
  let known: { readonly at: number; readonly list: readonly RunStatus[] } | null = null;
  let reading: Promise<readonly RunStatus[]> | null = null;

  const within = async <T>(what: string, work: () => Promise<T>, withinMs = timeoutMs): Promise<T> => {
    try {
      return await runWithin({ signal, timeoutMs: withinMs }, work);
    } catch (cause) {
      if (!(cause instanceof TimeoutReached)) throw cause;
      throw new TilerError('QUEUE_UNAVAILABLE', `${what}: no answer within ${withinMs / 1000} s`, { cause });
    }
  };
  const read = async (): Promise<readonly RunStatus[]> => {
    try {
      const list = await runs.list();
      known = { at: performance.now(), list };
      return list;
    } finally {
      reading = null;
    }
  };
  return {
    within,
    async list() {
      if (known !== null && performance.now() - known.at < FRESH_MS) return known.list;
      const shared = (reading ??= read());
      return await within('Listing the runs', () => shared);
    },
  };
}
