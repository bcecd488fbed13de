import { loseColumns } from './columns';
import { mapLine, placeNearest } from './position';
import { offsets, stride, width } from './state';

/** Finds the source pixels of a line; gives the number of valid ones. */
export function locateLine(line: i32): i32 {
  loseColumns();
  mapLine(line);
  return placeNearest();
}

/** Copies one band of a line, bit by bit; 0 where there is no source pixel. */
@inline
export function copyLine<T>(from: usize, to: usize, isWhole: bool): void {
  const last = <usize>width;
  const found = offsets;
  if (isWhole) {
    for (let i: usize = 0; i < last; i++) {
      store<T>(to + i * sizeof<T>(), load<T>(from + <usize>load<u32>(found + i * 4) * sizeof<T>()));
    }
    return;
  }
  for (let i: usize = 0; i < last; i++) {
    const offset = load<i32>(found + i * 4);
    store<T>(to + i * sizeof<T>(), offset < 0 ? <T>0 : load<T>(from + <usize>offset * sizeof<T>()));
  }
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

/** Copies the columns of a row of one band; 0 where the mask of the line is. */
@inline
export function copyRow<T>(band: usize, row: i32, to: usize, mask: usize, isWhole: bool): void {
  const from = band + <usize>row * <usize>stride * sizeof<T>();
  const last = <usize>width;
  const found = offsets;
  if (isWhole) {
    for (let i: usize = 0; i < last; i++) {
      store<T>(to + i * sizeof<T>(), load<T>(from + <usize>load<u32>(found + i * 4) * sizeof<T>()));
    }
    return;
  }
  for (let i: usize = 0; i < last; i++) {
    const value = load<T>(from + <usize>load<u32>(found + i * 4) * sizeof<T>());
    store<T>(to + i * sizeof<T>(), load<u8>(mask + i) == 0 ? <T>0 : value);
  }
}
