import { TilerError } from '../errors.ts';
import type { IndexRange, IndexRanges } from './index-ranges.ts';

/** Gap to the end of the range before and, unless it is 1, length, in base 36. */
const RANGE = /^([0-9a-z]{1,11})(?:\.([0-9a-z]{1,11}))?$/;

/**
 * Ranges as a short text: `5.a,1` = 5 to 14 and 16. Each has the gap to the one before it and its length, in base 36; a
 * length of 1 is left out. No range at all is the empty text.
 */
export function rangesToText(ranges: IndexRanges): string {
  let end = 0;
  const parts = ranges.map(({ from, to }) => {
    const gap = (from - end).toString(36);
    end = to;
    return to - from === 1 ? gap : `${gap}.${(to - from).toString(36)}`;
  });
  return parts.join(',');
}

/** Reads what `rangesToText` wrote. @throws TilerError `REQUEST_INVALID` for another text */
export function rangesFromText(text: string): IndexRanges {
  if (text === '') return [];
  const ranges: IndexRange[] = [];
  let end = 0;
  for (const part of text.split(',')) {
    const [, gap = '', length = '1'] = RANGE.exec(part) ?? [];
    const from = end + Number.parseInt(gap, 36);
    const to = from + Number.parseInt(length, 36);
    // Ranges that meet are one.
    if (!Number.isSafeInteger(to) || to <= from || (ranges.length > 0 && from === end)) {
      throw new TilerError(
        'REQUEST_INVALID',
        `Reading ranges of metatiles: found '${part.slice(0, 40)}' at the range ${ranges.length + 1}`,
      );
    }
    ranges.push({ from, to });
    end = to;
  }
  return ranges;
}
