import { countBits } from '../run-status.ts';
import type { MetatileBits } from '../runs.ts';
import type { CellPlan } from './plan-cells.ts';

/** The cells of a view and how many of their metatiles are done and failed. */
export interface CellStates {
  /** The zoom whose tiles are as large as the cells. */
  readonly level: number;
  /** True if only the first metatiles of every cell were looked at, as the view has too many. Counts are of those. */
  readonly sampled: boolean;
  /** False if numbers of metatiles in all are too large for some cells yet; asking again makes them right. */
  readonly isExact: boolean;
  /** Five numbers for each cell: column, row, metatiles done, failed, and in all. */
  readonly cells: readonly number[];
}

/** Reads the state of `count` metatiles from an index on, which is a multiple of 8; null if there is no such run. */
export type ReadBits = (fromIndex: number, count: number) => Promise<MetatileBits | null>;

/** Metatiles looked at in one request: 4 MiB of each bitmap. */
const MAX_BITS = 2 ** 25;
/** Metatiles read at a time, and how many between two cells are read along instead of asking twice. */
const READ_BITS = 2 ** 22;
const GAP_BITS = 2 ** 12;
const READS_AT_A_TIME = 16;

interface Slice {
  readonly from: number;
  readonly to: number;
}

/**
 * Counts the metatiles of cells that are done and failed. Reads at most `maxBits` of each bitmap, whatever the cells
 * hold, in few reads, since neighbours on the map are mostly neighbours along the curve.
 *
 * @returns null if the run is gone
 */
export async function readCells(plan: CellPlan, readBits: ReadBits, maxBits = MAX_BITS): Promise<CellStates | null> {
  const inAll = plan.cells.reduce((sum, { indexCount }) => sum + indexCount, 0);
  const sampled = inAll > maxBits;
  const most = sampled ? Math.max(8, Math.floor(maxBits / plan.cells.length)) : Infinity;
  const slices = plan.cells.map(({ firstIndex, indexCount }) => ({
    from: firstIndex,
    to: firstIndex + Math.min(indexCount, most),
  }));
  const counts = slices.map(() => ({ done: 0, failed: 0 }));
  const reads = readsOf(slices);
  for (let at = 0; at < reads.length; at += READS_AT_A_TIME) {
    const batch = reads.slice(at, at + READS_AT_A_TIME);
    const found = await Promise.all(batch.map(({ from, to }) => readBits(from, to - from)));
    for (const [i, bits] of found.entries()) {
      const read = batch[i];
      if (bits === null || read === undefined) return null;
      for (let cell = firstTouching(slices, read.from); cell < slices.length; cell++) {
        const slice = slices[cell]!;
        if (slice.from >= read.to) break;
        const from = Math.max(slice.from, read.from) - bits.fromIndex;
        const to = Math.min(slice.to, read.to) - bits.fromIndex;
        counts[cell]!.done += countBits(bits.done, from, to - from);
        counts[cell]!.failed += countBits(bits.failed, from, to - from);
      }
    }
  }
  const cells = plan.cells.flatMap(({ x, y, indexCount, metatiles }, i) => {
    const { done = 0, failed = 0 } = counts[i] ?? {};
    const total = indexCount > most ? Math.round((metatiles / indexCount) * most) : metatiles;
    return [x, y, done, failed, Math.max(total, done + failed)];
  });
  return { level: plan.level, sampled, isExact: plan.isExact, cells };
}

/** Few reads that hold all slices and do not overlap: whole bytes, none longer than `READ_BITS`. Slices ascend. */
function readsOf(slices: readonly Slice[]): readonly Slice[] {
  const reads: { readonly from: number; to: number }[] = [];
  for (const slice of slices) {
    const end = Math.ceil(slice.to / 8) * 8;
    let from = slice.from - (slice.from % 8);
    const last = reads.at(-1);
    if (last !== undefined && from - last.to <= GAP_BITS && last.to - last.from < READ_BITS) {
      last.to = Math.max(last.to, Math.min(end, last.from + READ_BITS));
    }
    if (last !== undefined) from = Math.max(from, last.to);
    for (; from < end; from += READ_BITS) reads.push({ from, to: Math.min(end, from + READ_BITS) });
  }
  return reads;
}

/** The first slice that ends beyond an index; slices ascend. */
function firstTouching(slices: readonly Slice[], index: number): number {
  let [low, high] = [0, slices.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (slices[middle]!.to > index) high = middle;
    else low = middle + 1;
  }
  return low;
}
