/** Indices of metatiles from `from` to `to - 1`. */
export interface IndexRange {
  readonly from: number;
  readonly to: number;
}

/** Ranges in ascending order that neither overlap nor meet. */
export type IndexRanges = readonly IndexRange[];

/** The indices of all the given ranges, which may overlap and come in any order; empty ones are left out. */
export function unionRanges(...lists: readonly (readonly IndexRange[])[]): IndexRanges {
  const sorted = lists.flat().sort((a, b) => a.from - b.from);
  const result: { from: number; to: number }[] = [];
  for (const { from, to } of sorted) {
    if (from >= to) continue;
    const last = result.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else result.push({ from, to });
  }
  return result;
}

/** How many indices there are in ranges that do not overlap. */
export function countIndices(ranges: IndexRanges): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from, 0);
}

/** True if one of the ranges has an index from `from` to `to - 1`. Cost: the logarithm of their number. */
export function meetsRanges(ranges: IndexRanges, from: number, to: number): boolean {
  const range = firstBeyond(ranges, from);
  return range !== undefined && range.from < to && from < to;
}

/** True if one of the ranges has all indices from `from` to `to - 1`. Cost: the logarithm of their number. */
export function holdsRange(ranges: IndexRanges, from: number, to: number): boolean {
  const range = firstBeyond(ranges, from);
  return range !== undefined && range.from <= from && range.to >= to;
}

/** The first range that ends after an index. */
function firstBeyond(ranges: IndexRanges, index: number): IndexRange | undefined {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[middle]!.to <= index) low = middle + 1;
    else high = middle;
  }
  return ranges[low];
}

/**
 * At most `most` ranges that hold all indices of the given ones: the smallest gaps are closed first. For documents and
 * messages of bounded size.
 */
export function coarsenRanges(ranges: IndexRanges, most: number): IndexRanges {
  if (ranges.length <= most) return ranges;
  const gaps = ranges.slice(1).map(({ from }, i) => from - ranges[i]!.to);
  const kept = new Set(
    gaps
      .map((gap, i) => ({ gap, i }))
      .sort((a, b) => b.gap - a.gap || a.i - b.i)
      .slice(0, Math.max(0, most - 1))
      .map(({ i }) => i),
  );
  const result: { from: number; to: number }[] = [];
  for (const [i, { from, to }] of ranges.entries()) {
    const last = result.at(-1);
    if (last === undefined || kept.has(i - 1)) result.push({ from, to });
    else last.to = to;
  }
  return result;
}
