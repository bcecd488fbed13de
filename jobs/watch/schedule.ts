import { setTimeout as delay } from 'node:timers/promises';
import { isAbortError } from '../../src/errors.ts';
import { parseCron } from './cron.ts';

/** When to look: at intervals, or at times in UTC as cron writes them. */
export type Times = { readonly everyMs: number } | { readonly cron: string };

/** Looks when it is time, one look at a time, until it is told to stop. */
export interface Schedule {
  /** Resolves when the signal is aborted; rejects with what a look throws. */
  run(look: () => Promise<void>, options: { readonly signal: AbortSignal }): Promise<void>;
  /** Looks soon: events that come close together are one look. */
  wake(): Promise<void>;
}

/** What comes within this time is one look. */
export const DEBOUNCE_MS = 5_000;

/** Timers of Node take no longer times; whoever is woken early looks at the clock again. */
const MAX_WAIT_MS = 2 ** 31 - 1;

/** A schedule of this process alone. The first look is at once. */
export function createLocalSchedule(
  times: Times,
  {
    now = () => new Date(),
    debounceMs = DEBOUNCE_MS,
  }: { readonly now?: () => Date; readonly debounceMs?: number } = {},
): Schedule {
  const cron = 'cron' in times ? parseCron(times.cron) : null;
  let wakeUp = new AbortController();
  /** When to look because of events; null = for no event. */
  let eventAtMs: number | null = null;
  const nextAfter = (fromMs: number): number =>
    'everyMs' in times ? fromMs + times.everyMs : (cron?.next(now()).getTime() ?? fromMs);
  return {
    async run(look, { signal }) {
      while (!signal.aborted) {
        const startedMs = now().getTime();
        eventAtMs = null;
        await look();
        const dueMs = nextAfter(startedMs);
        while (!signal.aborted) {
          const waitMs = Math.min(dueMs, eventAtMs ?? Infinity) - now().getTime();
          if (waitMs <= 0) break;
          wakeUp = new AbortController();
          await waitFor(Math.min(waitMs, MAX_WAIT_MS), [signal, wakeUp.signal]);
        }
      }
    },
    async wake() {
      eventAtMs ??= now().getTime() + debounceMs;
      wakeUp.abort();
      await Promise.resolve();
    },
  };
}

async function waitFor(ms: number, signals: readonly AbortSignal[]): Promise<void> {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  for (const signal of signals) signal.addEventListener('abort', stop, { once: true });
  try {
    if (signals.some(({ aborted }) => aborted)) return;
    await delay(ms, undefined, { signal: controller.signal });
  } catch (error) {
    if (!isAbortError(error)) throw error;
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', stop);
  }
}
