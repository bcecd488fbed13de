// Samples of pixels that lie one behind the other, taken apart band by band, and TIFF's horizontal difference undone on
// the way: a sample is the sum of all before it in its row and band, modulo its bits.

@inline
function sumBytes(value: v128): v128 {
  const zero = i64x2.splat(0);
  let sum = i8x16.add(value, v128.shuffle<u8>(zero, value, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30));
  sum = i8x16.add(sum, v128.shuffle<u8>(zero, sum, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29));
  sum = i8x16.add(sum, v128.shuffle<u8>(zero, sum, 0, 0, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27));
  return i8x16.add(sum, v128.shuffle<u8>(zero, sum, 0, 0, 0, 0, 0, 0, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23));
}

@inline
function sumShorts(value: v128): v128 {
  const zero = i64x2.splat(0);
  let sum = i16x8.add(value, v128.shuffle<u16>(zero, value, 0, 8, 9, 10, 11, 12, 13, 14));
  sum = i16x8.add(sum, v128.shuffle<u16>(zero, sum, 0, 0, 8, 9, 10, 11, 12, 13));
  return i16x8.add(sum, v128.shuffle<u16>(zero, sum, 0, 0, 0, 0, 8, 9, 10, 11));
}

@inline
function lastByte(value: v128): v128 {
  return v128.shuffle<u8>(value, value, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15);
}

/** Pixels `first` to `width` of one band of one row, one by one; in a row of differences, `first` > 0 goes on summing. */
@inline
function takeRow<T>(from: usize, to: usize, count: usize, first: usize, width: usize, isDifference: bool): void {
  const step = count * sizeof<T>();
  let next = from + first * step;
  let out = to + first * sizeof<T>();
  const end = to + width * sizeof<T>();
  if (!isDifference) {
    for (; out < end; out += sizeof<T>(), next += step) store<T>(out, load<T>(next));
    return;
  }
  let sum: T = first == 0 ? <T>0 : load<T>(out - sizeof<T>());
  for (; out < end; out += sizeof<T>(), next += step) {
    sum = <T>(sum + load<T>(next));
    store<T>(out, sum);
  }
}

function takeBands<T>(from: usize, to: usize, count: usize, width: usize, rows: usize, isDifference: bool): void {
  for (let band: usize = 0; band < count; band++) {
    for (let row: usize = 0; row < rows; row++) {
      const source = from + (row * width * count + band) * sizeof<T>();
      takeRow<T>(source, to + (band * rows + row) * width * sizeof<T>(), count, 0, width, isDifference);
    }
  }
}

function sumRowsOfBytes(from: usize, to: usize, width: usize, rows: usize): void {
  for (let row: usize = 0; row < rows; row++) {
    const start = row * width;
    let carry = i64x2.splat(0);
    let col: usize = 0;
    for (; col + 16 <= width; col += 16) {
      const sum = i8x16.add(sumBytes(v128.load(from + start + col)), carry);
      v128.store(to + start + col, sum);
      carry = lastByte(sum);
    }
    takeRow<u8>(from + start, to + start, 1, col, width, true);
  }
}

function sumRowsOfShorts(from: usize, to: usize, width: usize, rows: usize): void {
  for (let row: usize = 0; row < rows; row++) {
    const start = row * width * 2;
    let carry = i64x2.splat(0);
    let col: usize = 0;
    for (; col + 8 <= width; col += 8) {
      const sum = i16x8.add(sumShorts(v128.load(from + start + col * 2)), carry);
      v128.store(to + start + col * 2, sum);
      carry = v128.shuffle<u16>(sum, sum, 7, 7, 7, 7, 7, 7, 7, 7);
    }
    takeRow<u16>(from + start, to + start, 1, col, width, true);
  }
}

/** Three bands of bytes, 16 pixels at a time. */
function takeThree(from: usize, to: usize, width: usize, rows: usize, isDifference: bool): void {
  const plane = width * rows;
  for (let row: usize = 0; row < rows; row++) {
    const source = from + row * width * 3;
    const target = to + row * width;
    let red = i64x2.splat(0);
    let green = i64x2.splat(0);
    let blue = i64x2.splat(0);
    let col: usize = 0;
    for (; col + 16 <= width; col += 16) {
      const a = v128.load(source + col * 3);
      const b = v128.load(source + col * 3, 16);
      const c = v128.load(source + col * 3, 32);
      const ab0 = v128.shuffle<u8>(a, b, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0);
      const ab1 = v128.shuffle<u8>(a, b, 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0);
      const ab2 = v128.shuffle<u8>(a, b, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0);
      let r = v128.shuffle<u8>(ab0, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29);
      let g = v128.shuffle<u8>(ab1, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30);
      let l = v128.shuffle<u8>(ab2, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31);
      if (isDifference) {
        r = i8x16.add(sumBytes(r), red);
        g = i8x16.add(sumBytes(g), green);
        l = i8x16.add(sumBytes(l), blue);
        red = lastByte(r);
        green = lastByte(g);
        blue = lastByte(l);
      }
      v128.store(target + col, r);
      v128.store(target + plane + col, g);
      v128.store(target + plane * 2 + col, l);
    }
    for (let band: usize = 0; band < 3; band++)
      takeRow<u8>(source + band, target + plane * band, 3, col, width, isDifference);
  }
}

/** Four bands of bytes, 16 pixels at a time. */
function takeFour(from: usize, to: usize, width: usize, rows: usize, isDifference: bool): void {
  const plane = width * rows;
  for (let row: usize = 0; row < rows; row++) {
    const source = from + row * width * 4;
    const target = to + row * width;
    // The four bands of the last pixel.
    let last = i64x2.splat(0);
    let col: usize = 0;
    for (; col + 16 <= width; col += 16) {
      let a = v128.load(source + col * 4);
      let b = v128.load(source + col * 4, 16);
      let c = v128.load(source + col * 4, 32);
      let d = v128.load(source + col * 4, 48);
      if (isDifference) {
        a = i8x16.add(sumPixels(a), last);
        b = i8x16.add(sumPixels(b), v128.shuffle<u32>(a, a, 3, 3, 3, 3));
        c = i8x16.add(sumPixels(c), v128.shuffle<u32>(b, b, 3, 3, 3, 3));
        d = i8x16.add(sumPixels(d), v128.shuffle<u32>(c, c, 3, 3, 3, 3));
        last = v128.shuffle<u32>(d, d, 3, 3, 3, 3);
      }
      const ab01 = v128.shuffle<u8>(a, b, 0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
      const ab23 = v128.shuffle<u8>(a, b, 2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31);
      const cd01 = v128.shuffle<u8>(c, d, 0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
      const cd23 = v128.shuffle<u8>(c, d, 2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31);
      v128.store(target + col, v128.shuffle<u64>(ab01, cd01, 0, 2));
      v128.store(target + plane + col, v128.shuffle<u64>(ab01, cd01, 1, 3));
      v128.store(target + plane * 2 + col, v128.shuffle<u64>(ab23, cd23, 0, 2));
      v128.store(target + plane * 3 + col, v128.shuffle<u64>(ab23, cd23, 1, 3));
    }
    for (let band: usize = 0; band < 4; band++)
      takeRow<u8>(source + band, target + plane * band, 4, col, width, isDifference);
  }
}

@inline
function sumPixels(value: v128): v128 {
  const zero = i64x2.splat(0);
  const sum = i8x16.add(value, v128.shuffle<u32>(zero, value, 0, 4, 5, 6));
  return i8x16.add(sum, v128.shuffle<u32>(zero, sum, 0, 0, 4, 5));
}

/**
 * Takes `rows` rows of `width` pixels of `count` bands apart into one plane after the other. `size` is 1, 2, 4 or 8 bytes
 * a sample. With one band, `from` and `to` may be the same.
 */
export function takeApart(
  from: usize,
  to: usize,
  size: u32,
  count: usize,
  width: usize,
  rows: usize,
  isDifference: bool,
): void {
  if (size == 1) {
    if (count == 3) takeThree(from, to, width, rows, isDifference);
    else if (count == 4) takeFour(from, to, width, rows, isDifference);
    else if (count == 1 && isDifference) sumRowsOfBytes(from, to, width, rows);
    else takeBands<u8>(from, to, count, width, rows, isDifference);
  } else if (size == 2) {
    if (count == 1 && isDifference) sumRowsOfShorts(from, to, width, rows);
    else takeBands<u16>(from, to, count, width, rows, isDifference);
  } else if (size == 4) takeBands<u32>(from, to, count, width, rows, isDifference);
  else takeBands<u64>(from, to, count, width, rows, isDifference);
}
