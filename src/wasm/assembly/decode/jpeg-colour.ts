// Components of a JPEG to planes: colours upsampled by the triangle filter and turned from YCbCr to RGB, to the bit as
// libjpeg does it.

/** The colours of a row, weighted 3 to 1 with the nearer of the rows above and below. 16 bits each, with one in front. */
@inline
function blendRows(near: usize, far: usize, count: usize, to: usize): void {
  const three = i16x8.splat(3);
  for (let n: usize = 0; n < count; n += 8) {
    const a = v128.load64_zero(near + n);
    const b = v128.load64_zero(far + n);
    const sum = i16x8.add(i16x8.mul(i16x8.extend_low_i8x16_u(a), three), i16x8.extend_low_i8x16_u(b));
    v128.store(to + n * 2, sum);
  }
}

/** Doubles a row of weighted sums: each sample 3 to 1 with the nearer neighbour. At the ends it is its own neighbour. */
@inline
function doubleRow(sums: usize, count: usize, to: usize): void {
  store<u16>(sums - 2, load<u16>(sums));
  store<u16>(sums + count * 2, load<u16>(sums + count * 2 - 2));
  const three = i16x8.splat(3);
  const eight = i16x8.splat(8);
  const seven = i16x8.splat(7);
  for (let n: usize = 0; n < count; n += 8) {
    const own = i16x8.mul(v128.load(sums + n * 2), three);
    const left = i16x8.shr_u(i16x8.add(i16x8.add(own, v128.load(sums + n * 2 - 2)), eight), 4);
    const right = i16x8.shr_u(i16x8.add(i16x8.add(own, v128.load(sums + n * 2 + 2)), seven), 4);
    v128.store(to + n * 2, v128.or(left, i16x8.shl(right, 8)));
  }
}

/** A part of eight products with what is left of a factor. Factors of 16 bits: 1.402 = 1 + 26345/65536, 1.772 = 2 - 14942/65536, 0.71414 = 1 - 18734/65536. */
@inline
function scaled(value: v128, factor: i32): v128 {
  const half = i32x4.splat(32768);
  const factors = i16x8.splat(factor as i16);
  const a = i32x4.shr_s(i32x4.add(i32x4.extmul_low_i16x8_s(value, factors), half), 16);
  const b = i32x4.shr_s(i32x4.add(i32x4.extmul_high_i16x8_s(value, factors), half), 16);
  return i16x8.narrow_i32x4_s(a, b);
}

@inline
function greenOf(cb: v128, cr: v128): v128 {
  const half = i32x4.splat(32768);
  const factors = i32x4.splat((-22554 & 0xffff) | (18734 << 16));
  const low = v128.shuffle<u16>(cb, cr, 0, 8, 1, 9, 2, 10, 3, 11);
  const high = v128.shuffle<u16>(cb, cr, 4, 12, 5, 13, 6, 14, 7, 15);
  const a = i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(low, factors), half), 16);
  const b = i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(high, factors), half), 16);
  return i16x8.sub(i16x8.narrow_i32x4_s(a, b), cr);
}

/** A row of YCbCr to red, green and blue, at least eight samples long: the last eight may lie over those before. */
@inline
function colourRow(luma: usize, blues: usize, reds: usize, width: usize, to: usize, plane: usize): void {
  const centre = i16x8.splat(128);
  for (let next: usize = 0; next < width; next += 8) {
    const n = min(next, width - 8);
    const y = v128.load8x8_u(luma + n);
    const cb = i16x8.sub(v128.load8x8_u(blues + n), centre);
    const cr = i16x8.sub(v128.load8x8_u(reds + n), centre);
    const red = i16x8.add(y, i16x8.add(cr, scaled(cr, 26345)));
    const green = i16x8.add(y, greenOf(cb, cr));
    const blue = i16x8.add(y, i16x8.add(i16x8.add(cb, cb), scaled(cb, -14942)));
    v128.store64_lane(to + n, i8x16.narrow_i16x8_u(red, red), 0);
    v128.store64_lane(to + plane + n, i8x16.narrow_i16x8_u(green, green), 0);
    v128.store64_lane(to + plane * 2 + n, i8x16.narrow_i16x8_u(blue, blue), 0);
  }
}

/** The components' samples to planes of `width × rows` one behind the other, and what lies behind them as room to work. */
export function toColours(
  first: usize,
  second: usize,
  third: usize,
  stride: usize,
  minorStride: usize,
  width: usize,
  height: usize,
  rows: usize,
  components: usize,
  subsampled: u32,
  isYcc: bool,
  out: usize,
): void {
  const plane = width * rows;
  const count = (width + 1) >> 1;
  const lastRow = ((height + 1) >> 1) - 1;
  const reds = ((out + plane * 3 + 64) & ~15) + 16;
  const blues = reds + stride + 64;
  const sums = blues + stride + 64;
  for (let row: usize = 0; row < rows; row++) {
    const luma = first + row * stride;
    const target = out + row * width;
    if (!isYcc) {
      memory.copy(target, luma, width);
      if (components == 1) continue;
      memory.copy(target + plane, second + row * stride, width);
      memory.copy(target + plane * 2, third + row * stride, width);
    } else if (subsampled == 0) {
      colourRow(luma, second + row * stride, third + row * stride, width, target, plane);
    } else {
      const near = row >> 1;
      const above: usize = near == 0 ? 0 : near - 1;
      const below: usize = min(near + 1, lastRow);
      const far: usize = (row & 1) == 0 ? above : below;
      blendRows(second + near * minorStride, second + far * minorStride, count, sums);
      doubleRow(sums, count, blues);
      blendRows(third + near * minorStride, third + far * minorStride, count, sums);
      doubleRow(sums, count, reds);
      colourRow(luma, blues, reds, width, target, plane);
    }
  }
}
