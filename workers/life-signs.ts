import type { LifeSign, WorkerState } from '../jobs/fleet/worker-channel.ts';

const EVERY_MS = 1_000;

export interface LifeSigns extends Disposable {
  /** Sends one at once, because the state has changed. */
  now(): void;
}

/**
 * Gives a sign of life every second for as long as the event loop turns, which is what it is a sign of. It keeps no
 * process alive by itself.
 */
export function startLifeSigns(state: () => WorkerState, give: (sign: LifeSign) => void): LifeSigns {
  let due = performance.now();
  const now = (): void => {
    const lateMs = Math.max(0, Math.round(performance.now() - due));
    give({ kind: 'life', state: state(), rssBytes: process.memoryUsage.rss(), lateMs });
  };
  const timer = setInterval(() => {
    due += EVERY_MS;
    now();
    due = performance.now();
  }, EVERY_MS).unref();
  return {
    now: () => {
      due = performance.now();
      now();
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
