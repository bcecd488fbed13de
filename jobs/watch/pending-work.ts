import * as z from 'zod';
import { coarsenRanges, unionRanges } from '../../src/tms/index-ranges.ts';
import type { IndexRanges } from '../../src/tms/index-ranges.ts';
import { rangesFromText, rangesToText } from '../../src/tms/ranges-text.ts';
import { isTilerError } from '../../src/errors.ts';

/** Ranges that are kept at most: with more, the smallest gaps between them are closed. */
export const MAX_RANGES = 10_000;

/** Items that were named and not looked at yet; with more, all metatiles are looked at. */
const MAX_IDS = 10_000;

/** What is to be looked at by the next update. */
export interface PendingWork {
  /** Metatiles by their indices in the plan of the tileset; null = all. */
  readonly ranges: IndexRanges | null;
  /** Items that somebody said to have changed, by ID. */
  readonly ids: readonly string[];
}

export const NOTHING: PendingWork = { ranges: [], ids: [] };
export const EVERYTHING: PendingWork = { ranges: null, ids: [] };

/** Pending work in a document: ranges as `rangesToText` writes them. */
export const PendingSchema = z.strictObject({
  ranges: z.string().nullable(),
  ids: z.array(z.string().min(1).max(1024)).max(MAX_IDS),
});

/** All of some work. More than can be kept becomes more than was asked for, never less. */
export function joinWork(...works: readonly PendingWork[]): PendingWork {
  const ids = [...new Set(works.flatMap((work) => work.ids))];
  if (ids.length > MAX_IDS || works.some(({ ranges }) => ranges === null)) return EVERYTHING;
  const ranges = unionRanges(...works.map((work) => work.ranges ?? []));
  return { ranges: coarsenRanges(ranges, MAX_RANGES), ids };
}

export function isNothing({ ranges, ids }: PendingWork): boolean {
  return ranges !== null && ranges.length === 0 && ids.length === 0;
}

export function pendingToDocument({ ranges, ids }: PendingWork): z.output<typeof PendingSchema> {
  return { ranges: ranges === null ? null : rangesToText(ranges), ids: [...ids] };
}

/** Work out of a document; ranges that cannot be read are all of them. */
export function pendingFromDocument({ ranges, ids }: z.output<typeof PendingSchema>): PendingWork {
  if (ranges === null) return EVERYTHING;
  try {
    return { ranges: rangesFromText(ranges), ids };
  } catch (error) {
    if (!isTilerError(error)) throw error;
    return EVERYTHING;
  }
}
