import type { LossCause } from './process-watch.ts';
import type { Tries } from '../retry.ts';
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

interface Known {
  attempts: number;
  waits: number;
  readonly losses: LossCause[];
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
  /** What a metatile has been through, with the execution that has just ended. */
  tries(index: number): Tries;
  /** Notes one more process lost under it; the result is what became of all so far. */
  lost(index: number, cause: LossCause): readonly LossCause[];
  /** Puts a metatile back, to be handed out after a wait; its execution counts as an attempt, a wait, or not at all. */
  retry(index: number, afterMs: number, counts?: 'attempt' | 'wait'): void;
  settle(index: number): void;
  /** Milliseconds until the first waiting metatile is due; null = none waits. */
  nextDueInMs(): number | null;
  /** Nothing will be handed out any more unless something is put back. */
  isExhausted(): boolean;
}

export interface ScheduleOptions {
  /** False while a metatile must wait for others that are to come, out or waiting. Default: none must. */
  readonly isReady?: (index: number) => boolean;
  /** How many each process would have; stretches are no longer than that. Default: they are as short as can be. */
  readonly share?: number;
  /** Milliseconds that only grow; replaced in tests. */
  readonly now?: () => number;
}

/** Creates a schedule over the indices still to do, read lazily. */
export function createMetatileSchedule(
  indices: Iterable<number>,
  { isReady = () => true, share, now = () => performance.now() }: ScheduleOptions = {},
): MetatileSchedule {
  const stretches = createStretches(indices, isReady, share);
  const tries = new Map<number, Known>();
  const waiting: Waiting[] = [];

  const knownOf = (index: number): Known => {
    const known = tries.get(index);
    if (known !== undefined) return known;
    const fresh = { attempts: 0, waits: 0, losses: [] };
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
    tries(index) {
      const { attempts, waits } = knownOf(index);
      return { attempt: attempts + 1, waits };
    },
    lost(index, cause) {
      const { losses } = knownOf(index);
      losses.push(cause);
      return losses;
    },
    retry(index, afterMs, counts) {
      const known = knownOf(index);
      if (counts === 'attempt') known.attempts++;
      if (counts === 'wait') known.waits++;
      waiting.push({ index, dueMs: now() + afterMs, alone: known.losses.length > 0 });
      waiting.sort((a, b) => a.dueMs - b.dueMs || a.index - b.index);
    },
    settle: (index) => void tries.delete(index),
    nextDueInMs: () => (waiting[0] === undefined ? null : Math.max(0, waiting[0].dueMs - now())),
    isExhausted: () => waiting.length === 0 && stretches.isExhausted(),
  };
}
