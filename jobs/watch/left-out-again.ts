import { coarsenRanges, unionRanges } from '../../src/tms/index-ranges.ts';
import type { IndexRanges } from '../../src/tms/index-ranges.ts';
import { rangesToText } from '../../src/tms/ranges-text.ts';
import { MAX_RANGES } from './pending-work.ts';

/** Metatiles of which tiles had to do without a scene that could not be read. */
export interface LeftOutMetatiles {
  readonly ranges: IndexRanges;
  /** Looks since that found no other ones. */
  readonly tries: number;
}

export const NONE_LEFT_OUT: LeftOutMetatiles = { ranges: [], tries: 0 };

/** What cannot be read for so long is broken, and is looked at when something about it changes. */
const MAX_TRIES = 5;

/** The metatiles that a look tries again although nothing about them has changed. */
export function rangesToTry({ ranges, tries }: LeftOutMetatiles): IndexRanges {
  return tries < MAX_TRIES ? ranges : [];
}

/**
 * What is to be tried again after an update.
 *
 * @param found - of the metatiles that it looked at, with those of `rangesToTry(before)` among them
 */
export function leftOutAfter(before: LeftOutMetatiles, found: IndexRanges): LeftOutMetatiles {
  const untried = before.tries < MAX_TRIES ? [] : before.ranges;
  const ranges = coarsenRanges(unionRanges(untried, found), MAX_RANGES);
  const isSame = rangesToText(ranges) === rangesToText(before.ranges);
  return { ranges, tries: isSame && ranges.length > 0 ? before.tries + 1 : 0 };
}
