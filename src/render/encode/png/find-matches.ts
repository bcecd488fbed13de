import { MAX_DISTANCE, MAX_MATCH } from './deflate-tables.ts';
import { matchLength, pushSequence } from './sequences.ts';
import type { Sequences } from './sequences.ts';

/** 8,192 entries stay in the first-level cache beside the pixels. */
const HASH_BITS = 13;
/** After so many literals in a row (as a power of two) every second byte is looked at, then every third … */
const SKIP_SHIFT = 5;
const MAX_STEP = 16;
/** A match of this length pays whatever its literals would have cost. */
const SURE_MATCH = 40;
/** Sixteenths of a bit that a match takes: code of its length, code and extra bits of its distance. */
const NEAR_COST = 13 * 16;
const FAR_COST = 25 * 16;
/** Matches are first tried by their first four bytes and four others, at most this far behind them. */
const MAX_TAIL = 4;

const heads = new Int32Array(1 << HASH_BITS);

/** Filtered rows, one after the other, and what is known of them. */
export interface FilteredRows {
  readonly bytes: Uint8Array;
  /** Of the same bytes. */
  readonly view: DataView;
  readonly length: number;
  /** Bytes of a pixel, and of a row with its filter byte: the distances at which pictures repeat. */
  readonly pixelBytes: number;
  readonly rowBytes: number;
  /** What a literal costs, by value and on average, in sixteenths of a bit. */
  readonly costs: Uint16Array;
  readonly meanCost: number;
}

/**
 * Splits filtered rows into literals and matches, with one look per byte: at the pixel before, at the row above, and at
 * the place where the same four bytes were seen last. The longest is taken if it is shorter than its literals would be
 * in their Huffman code, which short matches in a photograph are not. Noise is skipped over in growing steps, so that a
 * photograph costs little more than its Huffman code; a match found late is extended backwards.
 */
export function findMatches(rows: FilteredRows, sequences: Sequences): void {
  const { bytes, view, length } = rows;
  const nearTail = tailOf(NEAR_COST, rows.meanCost);
  const farTail = tailOf(FAR_COST, rows.meanCost);
  heads.fill(-MAX_DISTANCE - 1);
  sequences.count = 0;
  let start = 0;
  const last = length - 4 - MAX_TAIL;
  for (let at = 1; at <= last;) {
    const four = view.getInt32(at, true);
    const slot = Math.imul(four, 0x9e3779b1) >>> (32 - HASH_BITS);
    const match = findMatch(rows, at, four, heads[slot]!, nearTail, farTail);
    heads[slot] = at;
    if (match !== 0) {
      const distance = match & 0xffff;
      const end = at + (match >>> 16);
      let from = at;
      const first = Math.max(start, distance, end - MAX_MATCH);
      while (from > first && bytes[from - 1] === bytes[from - 1 - distance]) from--;
      if (end - from >= SURE_MATCH || isShorter(rows, from, end, distance)) {
        pushSequence(sequences, from - start, ((end - from) << 16) | distance);
        start = end;
        at = end;
        continue;
      }
    }
    at += Math.min(MAX_STEP, 1 + ((at - start) >> SKIP_SHIFT));
  }
  pushSequence(sequences, length - start, 0);
}

function tailOf(cost: number, meanCost: number): number {
  return Math.min(MAX_TAIL, Math.max(0, Math.ceil(cost / meanCost) - 4));
}

/** The longest of the three matches at `at`, as `length << 16 | distance`; 0 = none. */
function findMatch(
  rows: FilteredRows,
  at: number,
  four: number,
  hashed: number,
  nearTail: number,
  farTail: number,
): number {
  const { bytes, view, length, pixelBytes, rowBytes } = rows;
  const above = at - rowBytes;
  const before = at - pixelBytes;
  let best = 0;
  let distance = 0;
  const near = view.getInt32(at + nearTail, true);
  if (above >= 0 && view.getInt32(above, true) === four && view.getInt32(above + nearTail, true) === near) {
    best = matchLength(bytes, at, rowBytes, length);
    distance = rowBytes;
  }
  if (before >= 0 && view.getInt32(before, true) === four && view.getInt32(before + nearTail, true) === near) {
    const found = matchLength(bytes, at, pixelBytes, length);
    if (found >= best) {
      best = found;
      distance = pixelBytes;
    }
  }
  if (
    at - hashed <= MAX_DISTANCE &&
    view.getInt32(hashed, true) === four &&
    view.getInt32(hashed + farTail, true) === view.getInt32(at + farTail, true)
  ) {
    const found = matchLength(bytes, at, at - hashed, length);
    if (found > best + 1) {
      best = found;
      distance = at - hashed;
    }
  }
  return (best << 16) | distance;
}

function isShorter(rows: FilteredRows, from: number, end: number, distance: number): boolean {
  const isNear = distance === rows.pixelBytes || distance === rows.rowBytes;
  let gain = isNear ? -NEAR_COST : -NEAR_COST - (32 - Math.clz32(distance)) * 16;
  for (let i = from; i < end && gain <= 0; i++) gain += rows.costs[rows.bytes[i]!]!;
  return gain > 0;
}
