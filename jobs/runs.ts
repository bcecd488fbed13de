import type { IoCounters } from '../src/observe.ts';
import type { TileFailure } from '../src/render/tile-renderer.ts';
import type { TilesetRequest } from './request/tileset-request.ts';

/**
 * running ⇄ paused → complete, failed (ended with failed tiles, or its failure budget used up) or cancelled; the last two
 * may be taken up again. `interrupted` = a local run whose process is gone.
 */
export type ShownState = 'running' | 'paused' | 'complete' | 'failed' | 'cancelled' | 'interrupted';

/** How far the metatiles of one zoom are: those whose largest zoom it is. */
export interface ZoomStatus {
  readonly z: number;
  readonly metatiles: number;
  readonly done: number;
  readonly failed: number;
}

/** What is known of a run, the same for both engines. Times are ISO 8601, in UTC. */
export interface RunStatus {
  readonly run: string;
  readonly engine: 'queue' | 'local';
  readonly name: string | null;
  readonly output: string;
  readonly state: ShownState;
  /** Of a run of the queue: whether it goes before those of the normal lane. */
  readonly lane?: 'hot' | 'normal';
  /** Why a run ended without its tileset: its failure budget, or what kept it from being finished; null = it did not. */
  readonly reason: string | null;
  readonly tiles: number;
  readonly rendered: number;
  readonly empty: number;
  readonly failed: number;
  readonly metatiles: number;
  readonly settledMetatiles: number;
  readonly failedMetatiles: number;
  /** Of an update: those whose inputs are as they were, so that nothing was rendered. */
  readonly unchangedMetatiles: number;
  /** Ascending. */
  readonly zooms: readonly ZoomStatus[];
  /** Of about the last minute; null = not known, or it does not run. */
  readonly tilesPerSecond: number | null;
  /** Null = not known, or it does not run. */
  readonly etaSeconds: number | null;
  /** Failed tiles by error code. */
  readonly failuresByCode: Readonly<Record<string, number>>;
  /** As it was given: `100` or `1%`; null = no budget. */
  readonly maxFailures: string | null;
  readonly startedAt: string | null;
  readonly updatedAt: string | null;
  readonly endedAt: string | null;
  readonly io: IoCounters;
}

/** Bits of a range of metatiles, highest bit of a byte first, from an index that is a multiple of 8. */
export interface MetatileBits {
  readonly fromIndex: number;
  readonly done: Uint8Array;
  readonly failed: Uint8Array;
}

/** What `retry` or `resume` did: `continued` = it runs; `here` = whoever asked must render it, as no process would. */
export type TakenUp = 'continued' | 'here';

/** The runs of one engine, as commands and the dashboard see and steer them. */
export interface Runs extends AsyncDisposable {
  /** All runs that are known, newest first. */
  list(): Promise<readonly RunStatus[]>;
  /** Null if there is none of that name. */
  status(run: string): Promise<RunStatus | null>;
  /** Failed tiles, sorted by zoom, column and row. */
  failures(run: string): Promise<readonly TileFailure[]>;
  /** Null if there is none of that name. */
  request(run: string): Promise<TilesetRequest | null>;
  /** State of `count` metatiles from an index on, which is a multiple of 8; null if there is no such run. */
  metatileBits(run: string, fromIndex: number, count: number): Promise<MetatileBits | null>;
  /** Begins nothing more; what is under way is finished. @throws TilerError `RUN_UNKNOWN`, `REQUEST_INVALID` unless it is running */
  pause(run: string): Promise<void>;
  /** @throws TilerError `RUN_UNKNOWN`, `REQUEST_INVALID` unless it is paused */
  resume(run: string): Promise<TakenUp>;
  /** Ends it within seconds, also what is under way. @throws TilerError `RUN_UNKNOWN`, `REQUEST_INVALID` unless it is running or paused */
  cancel(run: string): Promise<void>;
  /** Takes up what failed or is missing. @throws TilerError `RUN_UNKNOWN`, `REQUEST_INVALID` unless it failed, was cancelled or interrupted */
  retry(run: string): Promise<TakenUp>;
  /** Forgets ended runs whose last change is older than `olderThanMs`, and what they left; tiles stay. @returns their names */
  clean(options: { readonly olderThanMs: number }): Promise<readonly string[]>;
}
