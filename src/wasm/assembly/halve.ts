/** First byte that holds nothing of the program: what the caller may use. */
export function firstFree(): usize {
  return (__heap_base + 15) & ~15;
}

/**
 * The mean of each 2 x 2 bytes, rounded half up. `width` and `height` are those of the source and even; the target has
 * `width / 2 * height / 2` bytes.
 */
export function averageBytes(source: usize, target: usize, width: i32, height: i32): void {
  const two = i16x8.splat(2);
  const vectors = width & ~31;
  for (let row = 0; row < height; row += 2) {
    let upper = source + row * width;
    let lower = upper + width;
    const end = upper + vectors;
    while (upper < end) {
      const left = sumsAt(upper, lower);
      const right = sumsAt(upper + 16, lower + 16);
      const means = i8x16.narrow_i16x8_u(
        i16x8.shr_u(i16x8.add(left, two), 2),
        i16x8.shr_u(i16x8.add(right, two), 2),
      );
      v128.store(target, means);
      target += 16;
      upper += 32;
      lower += 32;
    }
    for (let rest = vectors; rest < width; rest += 2) {
      const sum = <u32>load<u8>(upper) + load<u8>(upper, 1) + load<u8>(lower) + load<u8>(lower, 1);
      store<u8>(target, (sum + 2) >> 2);
      target += 1;
      upper += 2;
      lower += 2;
    }
  }
}

@inline
function sumsAt(upper: usize, lower: usize): v128 {
  return i16x8.add(
    i16x8.extadd_pairwise_i8x16_u(v128.load(upper)),
    i16x8.extadd_pairwise_i8x16_u(v128.load(lower)),
  );
}

/** The same where not every pixel counts in full: values weighed by their mask, 0 where none counts. */
export function averageMasked(source: usize, mask: usize, target: usize, width: i32, height: i32): void {
  for (let row = 0; row < height; row += 2) {
    let upper = row * width;
    for (let column = 0; column < width; column += 2, upper += 2, target += 1) {
      const lower = upper + width;
      const a = <u32>load<u8>(mask + upper);
      const b = <u32>load<u8>(mask + upper, 1);
      const c = <u32>load<u8>(mask + lower);
      const d = <u32>load<u8>(mask + lower, 1);
      const weight = a + b + c + d;
      if (weight == 0) {
        store<u8>(target, 0);
        continue;
      }
      const sum =
        a * load<u8>(source + upper) +
        b * load<u8>(source + upper, 1) +
        c * load<u8>(source + lower) +
        d * load<u8>(source + lower, 1);
      store<u8>(target, (2 * sum + weight) / (2 * weight));
    }
  }
}

/** The mean of each 2 x 2 masks, rounded half up, and at least 1 where one of them is above 0. */
export function fadeMask(mask: usize, target: usize, width: i32, height: i32): void {
  for (let row = 0; row < height; row += 2) {
    let upper = mask + row * width;
    for (let column = 0; column < width; column += 2, upper += 2, target += 1) {
      const lower = upper + width;
      const sum = <u32>load<u8>(upper) + load<u8>(upper, 1) + load<u8>(lower) + load<u8>(lower, 1);
      const mean = (sum + 2) >> 2;
      store<u8>(target, sum == 0 || mean > 0 ? mean : 1);
    }
  }
}

/**
 * Of each 2 x 2 bytes the lower right one, or the first valid one of upper left, upper right and lower left where that one
 * is not; 0 where none is. The mask of the target is the highest of the four.
 */
export function nearestMasked(
  source: usize,
  mask: usize,
  target: usize,
  targetMask: usize,
  width: i32,
  height: i32,
): void {
  const vectors = width & ~31;
  for (let row = 0; row < height; row += 2) {
    let upper = row * width;
    for (let column = 0; column < vectors; column += 32, upper += 32, target += 16, targetMask += 16) {
      const lower = upper + width;
      const maskA = evens(mask + upper);
      const maskB = odds(mask + upper);
      const maskC = evens(mask + lower);
      const maskD = odds(mask + lower);
      let value = v128.and(evens(source + lower), some(maskC));
      value = v128.bitselect(odds(source + upper), value, some(maskB));
      value = v128.bitselect(evens(source + upper), value, some(maskA));
      value = v128.bitselect(odds(source + lower), value, some(maskD));
      v128.store(target, value);
      v128.store(targetMask, i8x16.max_u(i8x16.max_u(maskA, maskB), i8x16.max_u(maskC, maskD)));
    }
    for (let column = vectors; column < width; column += 2, upper += 2, target++, targetMask++) {
      const lower = upper + width;
      const a = load<u8>(mask + upper);
      const b = load<u8>(mask + upper, 1);
      const c = load<u8>(mask + lower);
      const d = load<u8>(mask + lower, 1);
      const from = d > 0 ? lower + 1 : a > 0 ? upper : b > 0 ? upper + 1 : lower;
      const highest = max(max(a, b), max(c, d));
      store<u8>(target, highest > 0 ? load<u8>(source + from) : 0);
      store<u8>(targetMask, highest);
    }
  }
}

@inline
function evens(at: usize): v128 {
  return v128.shuffle<u8>(v128.load(at), v128.load(at, 16), 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}

@inline
function odds(at: usize): v128 {
  return v128.shuffle<u8>(v128.load(at), v128.load(at, 16), 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

/** All ones where a byte is not 0. */
@inline
function some(bytes: v128): v128 {
  return i8x16.ne(bytes, i8x16.splat(0));
}
