import { createIoCounters } from '../src/observe.ts';
import type { IoCounters } from '../src/observe.ts';
import type { LeftOut, TileFailure } from '../src/render/tile-renderer.ts';

/**
 * What one execution of one metatile came to. Every tile of its work is counted in exactly one of the three; those of one
 * that is unchanged as they were when it was rendered.
 */
export interface MetatileResult {
  readonly index: number;
  readonly rendered: number;
  readonly empty: number;
  readonly failures: readonly TileFailure[];
  /** What the tiles that are rendered or empty had to do without. */
  readonly leftOut: LeftOut;
  /** Nothing was rendered: its tiles are those of the version that the update began with. Absent = it was rendered. */
  readonly unchanged?: true;
  /**
   * Outside work of the process since its last result. Metatiles of one process overlap, so this belongs to the process
   * and not to the metatile; the sum over all results is exact.
   */
  readonly io: IoCounters;
  readonly ms: number;
}

/** Gives the growth of some counters since it was last asked, at first all that they say. */
export function createIoMeter(counters: Readonly<IoCounters>): () => IoCounters {
  let last = createIoCounters();
  return () => {
    const now = { ...counters };
    const growth = subtractIo(now, last);
    last = now;
    return growth;
  };
}

/** Adds `more` to `total` in place. */
export function addIo(total: IoCounters, more: IoCounters): void {
  for (const key of IO_KEYS) total[key] += more[key];
}

/** Names of all counters. */
export const IO_KEYS = Object.keys(createIoCounters()) as readonly (keyof IoCounters)[];

function subtractIo(a: IoCounters, b: IoCounters): IoCounters {
  const result = createIoCounters();
  for (const key of IO_KEYS) result[key] = a[key] - b[key];
  return result;
}
