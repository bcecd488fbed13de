import { createIoCounters } from '../src/observe.ts';
import type { IoCounters } from '../src/observe.ts';
import { createLeftOutTally } from '../src/render/left-out.ts';
import type { LeftOut, TileFailure } from '../src/render/tile-renderer.ts';
import { MANIFEST_LEFT_OUT } from './manifest.ts';
import { addIo } from './metatile-result.ts';
import type { MetatileResult } from './metatile-result.ts';
import type { ProgressState } from './progress.ts';

/** Failures kept in memory; further ones are only counted. */
const MAX_FAILURES_KEPT = 10_000;

/** Adds up what a local run has come to. */
export interface RunTally {
  readonly io: IoCounters;
  readonly failures: readonly TileFailure[];
  state(): ProgressState;
  /** What tiles had to do without; at most `MANIFEST_LEFT_OUT` scenes are kept. */
  leftOut(): LeftOut;
  /** Counts a metatile that an earlier process of the run finished. */
  addEarlier(tiles: number, rendered: number): void;
  /** Counts what the metatiles of an earlier process had to do without. */
  addEarlierLeftOut(leftOut: LeftOut): void;
  /** Counts a settled metatile: done, or failed for good. Its outside work is counted by `addIo`. */
  addSettled(result: Pick<MetatileResult, 'rendered' | 'empty' | 'failures' | 'leftOut'>): void;
  addIo(io: IoCounters): void;
}

/** Creates a tally of nothing. `total` is in tiles. */
export function createRunTally(total: number): RunTally {
  const io = createIoCounters();
  const failures: TileFailure[] = [];
  const leftOut = createLeftOutTally(MANIFEST_LEFT_OUT);
  let rendered = 0;
  let empty = 0;
  let failed = 0;
  return {
    io,
    failures,
    state: () => ({ total, rendered, empty, failed }),
    addEarlier(tiles, earlier) {
      rendered += earlier;
      empty += tiles - earlier;
    },
    leftOut: () => leftOut.total(),
    addEarlierLeftOut: (earlier) => leftOut.add(earlier),
    addSettled(result) {
      leftOut.add(result.leftOut);
      rendered += result.rendered;
      empty += result.empty;
      failed += result.failures.length;
      failures.push(...result.failures.slice(0, MAX_FAILURES_KEPT - failures.length));
    },
    addIo: (more) => addIo(io, more),
  };
}
