// PNG without its frame: rows laid, filtered and deflated (ISO 15948; RFC 1950, 1951).

import { adler32 } from './png/adler32';
import { beginBits } from './png/bits';
import { chooseFilter, meanCostOfChoice } from './png/choice';
import { filterRow } from './png/filter';
import { findMatches } from './png/matches';
import {
  BEST_COSTS,
  clearSlots,
  filteredAt,
  maskAt,
  pictureHeight,
  pictureWidth,
  slotAt,
} from './png/memory';
import { findRepeats } from './png/repeats';
import { bitsOfIndex, bytesOfPixel, bytesOfRow, isEvenly, layRow } from './png/rows';
import { beginBlocks, endBlocks } from './png/sequences';

export { begin, coloursAt, fileAt, indicesAt, maskAt, placesAt, planeAt, usedAt } from './png/memory';
export { countColours, findUsed, hideMasked } from './png/palette';
export { selectDirect, selectIndices } from './png/rows';
// What the tests look at by itself.
export { adler32 } from './png/adler32';
export { beginBits } from './png/bits';
export { canonicalCodes, limitedLengths } from './png/huffman';
export { beginBlocks, endBlocks, pushSequence } from './png/sequences';

/** True if no pixel lets anything shine through. */
export function isOpaque(): bool {
  return isEvenly(maskAt(), pictureWidth() * pictureHeight(), 255);
}

/**
 * Compresses the rows that were selected as a zlib stream.
 *
 * @param to - where it goes
 * @returns where it ends
 */
export function compress(to: usize): usize {
  const bits = bitsOfIndex();
  const isPacked = bits != 0 && bits < 8;
  const filter = isPacked ? 0 : chooseFilter();
  const rowBytes = bytesOfRow() + 1;
  const length = rowBytes * pictureHeight();
  filterRows(filter, rowBytes);
  // The last bytes are hashed with what lies behind them, which must not be of the picture before.
  memory.fill(filteredAt() + length, 0, 16);
  // Deflate with a window of 32 KiB, made fast (RFC 1950, 2.2).
  store<u8>(to, 0x78);
  store<u8>(to, 0x01, 1);
  beginBits(to + 2);
  beginBlocks(filteredAt(), length);
  if (bits != 0 && filter == 0) findRepeats(filteredAt(), length, rowBytes);
  else findMatches(filteredAt(), length, bytesOfPixel(), rowBytes, BEST_COSTS, meanCostOfChoice());
  const end = endBlocks();
  store<u32>(end, bswap<u32>(adler32(filteredAt(), length)));
  return end + 4;
}

/** Two slots take turns as the row in hand and the one above it; above the first are zeros. */
function filterRows(filter: i32, rowBytes: i32): void {
  clearSlots();
  const pixelBytes = bytesOfPixel();
  for (let row = 0; row < pictureHeight(); row++) {
    const slot = slotAt(row & 1);
    layRow(row, slot);
    filterRow(filter, slot, slotAt(~row & 1), pixelBytes, rowBytes - 1, filteredAt() + row * rowBytes);
  }
}
