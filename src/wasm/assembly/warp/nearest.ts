import { loseColumns } from './columns';
import { mapLine, placeNearest } from './position';
import { offsets, stride, width } from './state';

/** Finds the source pixels of a line; gives the number of valid ones. */
export function locateLine(line: i32): i32 {
  loseColumns();
  mapLine(line);
  return placeNearest();
}

/** How many pixels of a row of the mask are valid at the columns, which are written to `to`. */
export function maskOfRow(mask: usize, row: i32, to: usize): i32 {
  const from = mask + <usize>row * <usize>stride;
  const last = <usize>width;
  const found = offsets;
  let valid = 0;
  for (let i: usize = 0; i < last; i++) {
    const value = load<u8>(from + <usize>load<u32>(found + i * 4));
    store<u8>(to + i, value);
    valid += i32(value != 0);
  }
  return valid;
}

/**
 * Copies one band of a line, bit by bit. `row`: the row of the window that all of it lies in, by its columns; -1 = each pixel
 * has an offset of its own. 0 where there is no source pixel: where the mask of the line is 0 in a row, else the offset
 * below 0; `isWhole` = there is one everywhere.
 */
@inline
export function copyBand<T>(band: usize, row: i32, to: usize, mask: usize, isWhole: bool): void {
  const from = row > 0 ? band + <usize>row * <usize>stride * sizeof<T>() : band;
  const last = <usize>width;
  const found = offsets;
  if (isWhole) {
    for (let i: usize = 0; i < last; i++) store<T>(to + i * sizeof<T>(), loadFound<T>(from, found, i));
  } else if (row >= 0) {
    for (let i: usize = 0; i < last; i++) {
      const value = loadFound<T>(from, found, i);
      store<T>(to + i * sizeof<T>(), load<u8>(mask + i) == 0 ? <T>0 : value);
    }
  } else {
    for (let i: usize = 0; i < last; i++) {
      const isThere = load<i32>(found + i * 4) >= 0;
      store<T>(to + i * sizeof<T>(), isThere ? loadFound<T>(from, found, i) : <T>0);
    }
  }
}

@inline
function loadFound<T>(from: usize, found: usize, i: usize): T {
  return load<T>(from + <usize>load<u32>(found + i * 4) * sizeof<T>());
}
