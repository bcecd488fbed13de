/*
 * Who goes first in the one queue of metatiles. Hot runs add their jobs without a priority, and BullMQ serves these before
 * all others. The jobs of other runs carry a tick as their priority, the lowest first: it grows by one each few metatiles
 * of a run and starts at the tick that is being served, so that runs share equally however many metatiles they have and
 * whenever they began (start-time fair queueing).
 */

/** Metatiles of a run in one tick: neighbours, which share what they read from the sources. */
const METATILES_PER_TICK = 16;

/** The largest priority that BullMQ takes. Where it is reached, jobs are served in the order in which they were added. */
const LAST_TICK = 2_097_152;

/** Where a run is: the tick of its next metatile, and how many metatiles it has had in that tick. */
export interface Turn {
  readonly tick: number;
  readonly taken: number;
}

/** `hot`: before all others. `normal`: shares with the other normal runs. */
export type Priority = 'hot' | 'normal';

/** The lane of a run: what was asked for, or by its size. */
export function isHot(
  metatiles: number,
  { hotMetatiles }: { readonly hotMetatiles: number },
  priority: Priority | null,
): boolean {
  return priority === null ? metatiles <= hotMetatiles : priority === 'hot';
}

/** The next turn of a run that must not make up for the time when it added nothing. */
export function joinAt(turn: Turn, servedTick: number): Turn {
  return turn.tick >= servedTick ? turn : { tick: servedTick, taken: 0 };
}

/** The priority of the n-th metatile from a turn on: 1 to 2,097,152. */
export function priorityAt({ tick, taken }: Turn, n: number): number {
  return Math.min(LAST_TICK, Math.max(1, tick + Math.floor((taken + n) / METATILES_PER_TICK)));
}

/** The turn after some metatiles. */
export function advance({ tick, taken }: Turn, metatiles: number): Turn {
  const sum = taken + metatiles;
  return { tick: Math.max(1, tick) + Math.floor(sum / METATILES_PER_TICK), taken: sum % METATILES_PER_TICK };
}
