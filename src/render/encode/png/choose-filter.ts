import { filterRow, FILTERS } from './filter.ts';
import type { Filter } from './filter.ts';
import { findMatches } from './find-matches.ts';
import type { FilteredRows } from './find-matches.ts';
import type { Layout } from './layout.ts';
import { createSequences } from './sequences.ts';
import type { Sequences } from './sequences.ts';

/** Rows are looked at in so many places, and so many of them in each: matches reach to the row above. */
const PLACES = 4;
const ROWS = 3;

/** Unfiltered indices are searched longer for matches than they are in the sample. */
const INDEX_ADVANTAGE = 0.9;

/** About what a match takes, in sixteenths of a bit. */
const MATCH_COST = 14 * 16;
/** No literal is reckoned cheaper: half a bit. */
const LEAST_COST = 8;

/**
 * The first row of each place is there to be matched by the others; it cannot be matched itself, so it counts less. It
 * does count: where rows repeat, all filters do well on the others.
 */
const ROW_WEIGHT = 8;

const counts = new Uint32Array(256);

/** The filter of a whole picture, and what a literal costs after it, by value and on average, in sixteenths of a bit. */
export interface FilterChoice {
  readonly filter: Filter;
  readonly costs: Uint16Array;
  readonly meanCost: number;
}

/** Room for the filtered rows of a sample, used again for the next picture. */
export interface SampleRoom {
  view: DataView;
  sequences: Sequences;
}

/** Makes an empty room; it grows with the pictures. */
export function createSampleRoom(): SampleRoom {
  return { view: new DataView(new ArrayBuffer(0)), sequences: createSequences(0) };
}

/**
 * Chooses the filter whose bytes compress best in a sample of the rows, by the same matcher as the picture and an
 * estimate of the Huffman code. One filter a picture: choosing row by row takes five passes over it, and breaks the
 * matches between rows.
 */
export function chooseFilter({ height, planes, planeWidth, palette }: Layout, room: SampleRoom): FilterChoice {
  const pixelBytes = planes.length;
  const rowBytes = planeWidth * pixelBytes + 1;
  const sampled = sampleRows(height);
  const length = sampled.length * rowBytes;
  if (room.view.byteLength < length) {
    room.view = new DataView(new ArrayBuffer(length));
    room.sequences = createSequences(length);
  }
  const bytes = new Uint8Array(room.view.buffer, 0, length);
  let best: FilterChoice | null = null;
  let bestCost = Infinity;
  for (const filter of FILTERS) {
    sampled.forEach((row, n) => {
      bytes[n * rowBytes] = filter;
      planes.forEach((plane, p) => {
        filterRow(filter, plane, planeWidth, row, bytes, n * rowBytes + 1 + p, pixelBytes);
      });
    });
    const costs = literalCosts(bytes);
    const meanCost = counts.reduce((sum, count, value) => sum + count * costs[value]!, 0) / length;
    const rows = { bytes, view: room.view, length, pixelBytes, rowBytes, costs, meanCost };
    findMatches(rows, room.sequences);
    const handicap = filter === 0 && palette !== null ? INDEX_ADVANTAGE : 1;
    const cost = costOf(rows, room.sequences) * handicap;
    if (cost < bestCost) {
      bestCost = cost;
      best = { filter, costs, meanCost };
    }
  }
  return best!;
}

function sampleRows(height: number): readonly number[] {
  if (height <= PLACES * ROWS) return Array.from({ length: height }, (_, row) => row);
  return Array.from({ length: PLACES * ROWS }, (_, n) => {
    const place = Math.floor(n / ROWS);
    return Math.floor(((2 * place + 1) * height) / (2 * PLACES)) - 1 + (n % ROWS);
  });
}

function literalCosts(bytes: Uint8Array): Uint16Array {
  counts.fill(0);
  for (let i = 0; i < bytes.length; i++) counts[bytes[i]!] = counts[bytes[i]!]! + 1;
  const total = log2(bytes.length);
  const costs = new Uint16Array(256);
  for (let value = 0; value < 256; value++) costs[value] = Math.max(LEAST_COST, total - log2(counts[value]! || 1));
  return costs;
}

/** The logarithm to base 2 in sixteenths, by straight lines between the powers: in whole numbers, so the same everywhere. */
function log2(n: number): number {
  const whole = 31 - Math.clz32(n);
  return 16 * whole + Math.floor((n * 16) / 2 ** whole) - 16;
}

/** Sixteenths of a bit, times `ROW_WEIGHT`. */
function costOf({ bytes, rowBytes, costs }: FilteredRows, { runs, matches, count }: Sequences): number {
  const placeBytes = rowBytes * ROWS;
  let cost = 0;
  let at = 0;
  let inPlace = 0;
  for (let i = 0; i < count; i++) {
    for (const end = at + runs[i]!; at < end; at++) {
      cost += costs[bytes[at]!]! * (inPlace >= rowBytes ? ROW_WEIGHT : 1);
      if (++inPlace === placeBytes) inPlace = 0;
    }
    const match = matches[i]!;
    if (match !== 0) cost += MATCH_COST * (inPlace >= rowBytes ? ROW_WEIGHT : 1);
    at += match >>> 16;
    inPlace = (inPlace + (match >>> 16)) % placeBytes;
  }
  return cost;
}
