import { mapLine, placeNearest } from './position';
import { offsets, width } from './state';

/** Finds the source pixels of a line; gives the number of valid ones. */
export function locateLine(line: i32): i32 {
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
