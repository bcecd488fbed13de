// Chooses the filter of a picture.

import { filterRow, FILTER_COUNT } from './filter';
import { countBytes } from './histogram';
import { findMatches } from './matches';
import {
  BEST_COSTS,
  clearSlots,
  COSTS,
  HISTOGRAM,
  pictureHeight,
  ROWS_OF_PLACE,
  sampleAt,
  SAMPLED_PLACES,
  SAMPLED_ROWS,
  slotAt,
} from './memory';
import { bitsOfIndex, bytesOfPixel, bytesOfRow, layRow } from './rows';
import { beginScales, weighed } from './scales';
import { beginSample } from './sequences';

/** Unfiltered indices are searched longer for matches than they are in the sample: tenths. */
const INDEX_ADVANTAGE: u64 = 9;

/** No literal is reckoned cheaper, in sixteenths of a bit: half a bit. */
const LEAST_COST: i32 = 8;

let bestMeanCost: i32 = 0;

/** What a literal costs on average after the filter that was chosen last, in sixteenths of a bit. */
export function meanCostOfChoice(): i32 {
  return bestMeanCost;
}

/**
 * Chooses the filter whose bytes compress best in a sample of the rows, by the same matcher as the picture and an
 * estimate of the Huffman code. One filter a picture: choosing row by row takes five passes over it, and breaks the
 * matches between rows. What its literals cost is in `BEST_COSTS` then.
 */
export function chooseFilter(): i32 {
  const pixelBytes = bytesOfPixel();
  const rowBytes = bytesOfRow();
  const height = pictureHeight();
  const rows = min(height, SAMPLED_ROWS);
  clearSlots();
  for (let n = 0; n < rows; n++) {
    const row = sampledRow(n, height);
    layRow(row, slotAt(2 * n));
    if (row > 0) layRow(row - 1, slotAt(2 * n + 1));
  }
  const length = rows * (rowBytes + 1);
  let best = 0;
  let bestCost: u64 = u64.MAX_VALUE;
  for (let filter = 0; filter < FILTER_COUNT; filter++) {
    for (let n = 0; n < rows; n++) {
      filterRow(filter, slotAt(2 * n), slotAt(2 * n + 1), pixelBytes, rowBytes, sampleAt() + n * (rowBytes + 1));
    }
    const meanCost = findCosts(length);
    beginScales(sampleAt(), rowBytes + 1, ROWS_OF_PLACE * (rowBytes + 1));
    beginSample();
    findMatches(sampleAt(), length, pixelBytes, rowBytes + 1, COSTS, meanCost);
    const cost = (<u64>weighed()) * (filter == 0 && bitsOfIndex() != 0 ? INDEX_ADVANTAGE : 10);
    if (cost >= bestCost) continue;
    bestCost = cost;
    best = filter;
    bestMeanCost = meanCost;
    memory.copy(BEST_COSTS, COSTS, 4 * 256);
  }
  return best;
}

/** Rows are looked at in some places, and so many of them in each: matches reach to the row above. */
function sampledRow(n: i32, height: i32): i32 {
  if (height <= SAMPLED_ROWS) return n;
  return ((2 * (n / ROWS_OF_PLACE) + 1) * height) / (2 * SAMPLED_PLACES) - 1 + (n % ROWS_OF_PLACE);
}

/** Fills in what each value costs as a literal of the sample; gives the mean. */
function findCosts(length: i32): i32 {
  memory.fill(HISTOGRAM, 0, 4 * 4 * 256);
  countBytes(sampleAt(), length);
  const total = log2(length);
  let sum: u32 = 0;
  for (let value = 0; value < 4 * 256; value += 4) {
    const counter = HISTOGRAM + value;
    const n = load<i32>(counter) + load<i32>(counter, 1024) + load<i32>(counter, 2048) + load<i32>(counter, 3072);
    const cost = max(LEAST_COST, total - log2(max(n, 1)));
    store<i32>(COSTS + value, cost);
    sum += n * cost;
  }
  return sum / length;
}

/** The logarithm to base 2 in sixteenths, by straight lines between the powers: in whole numbers, so the same everywhere. */
function log2(n: i32): i32 {
  const whole = 31 - clz(n);
  return 16 * whole + ((n * 16) >> whole) - 16;
}
