import { createStretches } from './stretches.ts';

/** A metatile to render now. */
export interface ScheduledMetatile {
  readonly index: number;
  /** The process that renders it gets nothing else meanwhile: it may be what killed the one before. */
  readonly alone: boolean;
}

interface Waiting extends ScheduledMetatile {
  readonly dueMs: number;
}

interface Tries {
  attempts: number;
  losses: number;
}

/**
 * Hands out the metatiles of a local run: those of the plan in stretches (`Stretches`), and before them those whose wait
 * for another attempt is over. Holds the metatiles that are to come next, waiting or were tried in vain, never the plan.
 *
 * States of a metatile: to come (in the iterator, in a stretch, or not ready), out (handed out), waiting (`retry`, `lost`), settled (`settle`).
 */
export interface MetatileSchedule {
  /**
   * The next metatile for a process; null = none now. Metatiles that must be alone are only given to an idle process.
   *
   * @param slot - which process asks; one that takes the place of another goes on with its stretch
   */
  next(idle: boolean, slot?: number): ScheduledMetatile | null;
  /** Counts one more failed execution; the result is the number of executions so far. */
  failed(index: number): number;
  /** Counts one more process lost under it; the result is the number of losses so far. */
  lost(index: number): number;
  /** Puts a metatile back, to be handed out after a wait. */
  retry(index: number, afterMs: number): void;
  settle(index: number): void;
  /** Milliseconds until the first waiting metatile is due; null = none waits. */
  nextDueInMs(): number | null;
  /** Nothing will be handed out any more unless something is put back. */
  isExhausted(): boolean;
}

export interface ScheduleOptions {
  /** False while a metatile must wait for others that are to come, out or waiting. Default: none must. */
  readonly isReady?: (index: number) => boolean;
  /** Milliseconds that only grow; replaced in tests. */
  readonly now?: () => number;
}

/** Creates a schedule over the indices still to do, read lazily. */
export function createMetatileSchedule(
  indices: Iterable<number>,
  { isReady = () => true, now = () => performance.now() }: ScheduleOptions = {},
): MetatileSchedule {
  const stretches = createStretches(indices, isReady);
  const tries = new Map<number, Tries>();
  const waiting: Waiting[] = [];

  const triesOf = (index: number): Tries => {
    const known = tries.get(index);
    if (known !== undefined) return known;
    const fresh = { attempts: 0, losses: 0 };
    tries.set(index, fresh);
    return fresh;
  };

  return {
    next(idle, slot = 0) {
      const nowMs = now();
      const at = waiting.findIndex((entry) => entry.dueMs <= nowMs && (idle || !entry.alone));
      const [due] = at < 0 ? [] : waiting.splice(at, 1);
      if (due !== undefined) return { index: due.index, alone: due.alone };
      const index = stretches.next(slot);
      return index === null ? null : { index, alone: false };
    },
    failed: (index) => ++triesOf(index).attempts,
    lost: (index) => ++triesOf(index).losses,
    retry(index, afterMs) {
      waiting.push({ index, dueMs: now() + afterMs, alone: triesOf(index).losses > 0 });
      waiting.sort((a, b) => a.dueMs - b.dueMs || a.index - b.index);
    },
    settle: (index) => void tries.delete(index),
    nextDueInMs: () => (waiting[0] === undefined ? null : Math.max(0, waiting[0].dueMs - now())),
    isExhausted: () => waiting.length === 0 && stretches.isExhausted(),
  };
}
