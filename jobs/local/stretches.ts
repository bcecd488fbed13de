import { STRETCH } from '../plan-jobs.ts';

/**
 * The metatiles of a plan, divided among processes as they go: to each stretches of the plan, in their order. Metatiles
 * that follow each other lie side by side and share blocks, which processes that took turns would decode twice. When the
 * plan has come to its end, a process without a stretch takes the last of another's, so that none is idle while there is
 * something to do.
 *
 * Holds the metatiles of these stretches and those that are not ready, never the plan.
 */
export interface Stretches {
  /**
   * The next index for a process; null = none is ready.
   *
   * @param slot - which process asks; one that takes the place of another goes on with its stretch
   */
  next(slot: number): number | null;
  /** All have been handed out. */
  isExhausted(): boolean;
}

/** Metatiles of a stretch at most, as their indices are held; the shorter stretches are, the more is decoded twice at their borders. */
const MAX_STRETCH = 256;

/** Metatiles that are looked at for one that is ready: those that come first wait for the least. */
const MAX_BLOCKED = 64;

/**
 * Divides indices, read lazily.
 *
 * @param isReady - false while a metatile must wait for others; it goes before what follows once it is
 * @param share - how many each process would have: so long is a stretch, within bounds, for as few borders as can be
 */
export function createStretches(
  indices: Iterable<number>,
  isReady: (index: number) => boolean,
  share = STRETCH,
): Stretches {
  const length = Math.min(Math.max(Math.ceil(share), STRETCH), MAX_STRETCH);
  const source = indices[Symbol.iterator]();
  /** Read from the plan and ready, by process. */
  const stretches = new Map<number, number[]>();
  /** Read from the plan, and not ready when they were last looked at. */
  const blocked: number[] = [];
  let ended = false;

  const read = (): number[] => {
    const stretch: number[] = [];
    while (!ended && stretch.length < length && blocked.length < MAX_BLOCKED) {
      const step = source.next();
      if (step.done === true) ended = true;
      else if (isReady(step.value)) stretch.push(step.value);
      else blocked.push(step.value);
    }
    return stretch;
  };

  const takeFromLongest = (): number | null => {
    let longest: number[] = [];
    for (const stretch of stretches.values()) if (stretch.length > longest.length) longest = stretch;
    return longest.pop() ?? null;
  };

  return {
    next(slot) {
      const at = blocked.findIndex(isReady);
      if (at >= 0) return blocked.splice(at, 1)[0] ?? null;
      let stretch = stretches.get(slot);
      if (stretch === undefined || stretch.length === 0) {
        stretch = read();
        stretches.set(slot, stretch);
      }
      return stretch.shift() ?? takeFromLongest();
    },
    isExhausted: () => ended && blocked.length === 0 && [...stretches.values()].every(({ length }) => length === 0),
  };
}
