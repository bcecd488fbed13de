/** So many vectors of 16 bytes of 255 keep the sums below 2^32. */
const VECTORS_BEFORE_MODULO: i32 = 240;

/** Adler-32, as the trailer of a zlib stream has it (RFC 1950, 8.2). */
export function adler32(at: usize, length: i32): u32 {
  const lowWeights = i16x8(16, 15, 14, 13, 12, 11, 10, 9);
  const highWeights = i16x8(8, 7, 6, 5, 4, 3, 2, 1);
  let a: u32 = 1;
  let b: u32 = 0;
  const end = at + length;
  while (at + 16 <= end) {
    const vectors = min(VECTORS_BEFORE_MODULO, <i32>((end - at) >> 4));
    let sums = i32x4.splat(0);
    let sumsOfSums = i32x4.splat(0);
    let weighted = i32x4.splat(0);
    for (let n = 0; n < vectors; n++, at += 16) {
      const bytes = v128.load(at);
      sumsOfSums = i32x4.add(sumsOfSums, sums);
      sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(bytes)));
      const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(bytes), lowWeights);
      const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(bytes), highWeights);
      weighted = i32x4.add(weighted, i32x4.add(low, high));
    }
    b = (b + 16 * vectors * a + 16 * totalOf(sumsOfSums) + totalOf(weighted)) % 65_521;
    a = (a + totalOf(sums)) % 65_521;
  }
  for (; at < end; at++) {
    a += load<u8>(at);
    b += a;
  }
  return ((b % 65_521) << 16) | a % 65_521;
}

@inline
function totalOf(v: v128): u32 {
  return (
    i32x4.extract_lane(v, 0) + i32x4.extract_lane(v, 1) + i32x4.extract_lane(v, 2) + i32x4.extract_lane(v, 3)
  );
}
