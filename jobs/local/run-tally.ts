import { createIoCounters } from '../../src/observe.ts';
import type { IoCounters } from '../../src/observe.ts';
import { createLeftOutTally } from '../../src/render/left-out.ts';
import type { LeftOut, TileFailure } from '../../src/render/tile-renderer.ts';
import { zoomOfIndex } from '../../src/tms/cover.ts';
import { MANIFEST_LEFT_OUT } from '../manifest.ts';
import type { DoneMetatile } from './journal.ts';
import { addIo } from '../metatile-result.ts';
import type { MetatileResult } from '../metatile-result.ts';
import type { ProgressState } from '../progress.ts';
import type { ZoomRange } from '../run-status.ts';

/** Failures kept in memory; further ones are only counted. */
const MAX_FAILURES_KEPT = 10_000;

/** How far the metatiles of a run are. */
interface MetatileTally {
  readonly settledMetatiles: number;
  readonly failedMetatiles: number;
  /** Of an update: those whose tiles are as they were. */
  readonly unchangedMetatiles: number;
  /** In the order in which they were given. */
  readonly zooms: readonly (ZoomRange & { readonly done: number; readonly failed: number })[];
  /** Failed tiles by error code. */
  readonly failuresByCode: Readonly<Record<string, number>>;
}

/** Adds up what a local run has come to. */
export interface RunTally {
  readonly io: IoCounters;
  readonly failures: readonly TileFailure[];
  state(): ProgressState;
  metatiles(): MetatileTally;
  /** Tiles that an earlier process of the run had done. */
  earlierTiles(): number;
  /** What tiles had to do without; at most `MANIFEST_LEFT_OUT` scenes are kept. */
  leftOut(): LeftOut;
  /** Counts a metatile that an earlier process of the run finished. */
  addEarlier(index: number, tiles: number, done: DoneMetatile): void;
  /** Counts what the metatiles of an earlier process had to do without. */
  addEarlierLeftOut(leftOut: LeftOut): void;
  /** Counts a settled metatile: done, or failed for good. Its outside work is counted by `addIo`. */
  addSettled(result: Omit<MetatileResult, 'io' | 'ms'>): void;
  addIo(io: IoCounters): void;
}

/** Creates a tally of nothing. `total` is in tiles. */
export function createRunTally(total: number, zooms: readonly ZoomRange[] = []): RunTally {
  const io = createIoCounters();
  const failures: TileFailure[] = [];
  const failuresByCode: Record<string, number> = {};
  const leftOut = createLeftOutTally(MANIFEST_LEFT_OUT);
  const perZoom = zooms.map((zoom) => ({ ...zoom, done: 0, failed: 0 }));
  let [rendered, empty, failed, earlier] = [0, 0, 0, 0];
  let [settledMetatiles, failedMetatiles, unchangedMetatiles] = [0, 0, 0];

  const addMetatile = (index: number, hasFailed: boolean, unchanged: boolean): void => {
    settledMetatiles++;
    if (hasFailed) failedMetatiles++;
    if (unchanged) unchangedMetatiles++;
    const zoom = zoomOfIndex(perZoom, index);
    if (zoom !== undefined) zoom[hasFailed ? 'failed' : 'done']++;
  };

  return {
    io,
    failures,
    state: () => ({ total, rendered, empty, failed }),
    metatiles: () => ({ settledMetatiles, failedMetatiles, unchangedMetatiles, zooms: perZoom, failuresByCode }),
    earlierTiles: () => earlier,
    addEarlier(index, tiles, done) {
      addMetatile(index, false, done.unchanged);
      earlier += tiles;
      rendered += done.rendered;
      empty += tiles - done.rendered;
    },
    leftOut: () => leftOut.total(),
    addEarlierLeftOut: (more) => leftOut.add(more),
    addSettled(result) {
      addMetatile(result.index, result.failures.length > 0, result.unchanged === true);
      leftOut.add(result.leftOut);
      rendered += result.rendered;
      empty += result.empty;
      failed += result.failures.length;
      for (const { code } of result.failures) failuresByCode[code] = (failuresByCode[code] ?? 0) + 1;
      failures.push(...result.failures.slice(0, MAX_FAILURES_KEPT - failures.length));
    },
    addIo: (more) => addIo(io, more),
  };
}
