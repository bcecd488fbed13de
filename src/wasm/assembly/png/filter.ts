// The filters of PNG by their byte: none, sub, up, average, Paeth (ISO 15948, 9.2).

export const FILTER_COUNT: i32 = 5;

/**
 * Filters one row.
 *
 * @param row - its bytes, behind as many zeros as a pixel has bytes
 * @param above - the row above in the same way; zeros above the first
 * @param to - gets the filter byte and the filtered row, and up to 15 bytes behind it
 */
export function filterRow(filter: i32, row: usize, above: usize, pixelBytes: i32, rowBytes: i32, to: usize): void {
  store<u8>(to, filter);
  to++;
  if (filter == 0) memory.copy(to, row, rowBytes);
  else if (filter == 1) {
    const left = row - pixelBytes;
    for (let i = 0; i < rowBytes; i += 16) {
      v128.store(to + i, i8x16.sub(v128.load(row + i), v128.load(left + i)));
    }
  } else if (filter == 2) {
    for (let i = 0; i < rowBytes; i += 16) {
      v128.store(to + i, i8x16.sub(v128.load(row + i), v128.load(above + i)));
    }
  } else if (filter == 3) average(row, above, pixelBytes, rowBytes, to);
  else paeth(row, above, pixelBytes, rowBytes, to);
}

/** The mean of the processor rounds up: one less where the sum is odd. */
function average(row: usize, above: usize, pixelBytes: i32, rowBytes: i32, to: usize): void {
  const one = i8x16.splat(1);
  for (let i = 0; i < rowBytes; i += 16) {
    const left = v128.load(row + i - pixelBytes);
    const up = v128.load(above + i);
    const mean = i8x16.sub(i8x16.avgr_u(left, up), v128.and(v128.xor(left, up), one));
    v128.store(to + i, i8x16.sub(v128.load(row + i), mean));
  }
}

/**
 * Paeth's predictor within 8 bits. `left + up - corner` is as far from left as up is from the corner, and the other way
 * round; from the corner it is as far as both together where both lie on one side of it, else as far as they differ.
 */
function paeth(row: usize, above: usize, pixelBytes: i32, rowBytes: i32, to: usize): void {
  for (let i = 0; i < rowBytes; i += 16) {
    const left = v128.load(row + i - pixelBytes);
    const up = v128.load(above + i);
    const corner = v128.load(above + i - pixelBytes);
    const fromLeft = distanceOf(up, corner);
    const fromUp = distanceOf(left, corner);
    const isOneSide = i8x16.eq(i8x16.ge_u(left, corner), i8x16.ge_u(up, corner));
    const together = i8x16.add_sat_u(fromLeft, fromUp);
    const fromCorner = v128.bitselect(together, distanceOf(fromLeft, fromUp), isOneSide);
    const notLeft = v128.bitselect(up, corner, i8x16.le_u(fromUp, fromCorner));
    const isLeft = v128.and(i8x16.le_u(fromLeft, fromUp), i8x16.le_u(fromLeft, fromCorner));
    const predicted = v128.bitselect(left, notLeft, isLeft);
    v128.store(to + i, i8x16.sub(v128.load(row + i), predicted));
  }
}

@inline
function distanceOf(a: v128, b: v128): v128 {
  return v128.or(i8x16.sub_sat_u(a, b), i8x16.sub_sat_u(b, a));
}
