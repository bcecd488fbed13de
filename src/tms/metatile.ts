import type { Tile } from './tile.ts';

/**
 * An aligned square of `size × size` tiles of one zoom, rendered by one job so that searches and reads are shared.
 * `x` and `y` count metatiles, so its tiles start at column `x · size` and row `y · size`. `size` is a power of two.
 */
export interface Metatile {
  readonly z: number;
  readonly x: number;
  readonly y: number;
  readonly size: number;
}

/** A metatile and those of its tiles that the area touches, in Hilbert order: the work of one job. */
export interface MetatileWork {
  /** Number of the metatile in its plan; its bit in the run's bitmap. */
  readonly index: number;
  readonly metatile: Metatile;
  readonly tiles: readonly Tile[];
}
