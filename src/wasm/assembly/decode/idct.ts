// The inverse cosine transform of JPEG, to the bit that of libjpeg's accurate integer method: Loeffler, Ligtenberg and
// Moschytz 1989, constants of 13 bits, two bits kept between the passes.

/** Eight rows of eight 16-bit numbers. */
export const block: usize = memory.data(128, 16);

@inline
function pair(first: i32, second: i32): v128 {
  return i32x4.splat((first & 0xffff) | (second << 16));
}

@inline
function low(a: v128, b: v128): v128 {
  return v128.shuffle<u16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

@inline
function high(a: v128, b: v128): v128 {
  return v128.shuffle<u16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

@inline
function put(row: usize, left: v128, right: v128, shift: i32): void {
  const half = i32x4.splat(1 << (shift - 1));
  const a = i32x4.shr_s(i32x4.add(left, half), shift);
  const b = i32x4.shr_s(i32x4.add(right, half), shift);
  v128.store(block + row * 16, i16x8.narrow_i32x4_s(a, b));
}

/** Transforms all columns at a time. */
@inline
function pass(shift: i32): void {
  const x0 = v128.load(block);
  const x1 = v128.load(block, 16);
  const x2 = v128.load(block, 32);
  const x3 = v128.load(block, 48);
  const x4 = v128.load(block, 64);
  const x5 = v128.load(block, 80);
  const x6 = v128.load(block, 96);
  const x7 = v128.load(block, 112);
  const sum = i16x8.add(x0, x4);
  const difference = i16x8.sub(x0, x4);
  const e26l = low(x2, x6);
  const e26h = high(x2, x6);
  const s0l = i32x4.shl(i32x4.extend_low_i16x8_s(sum), 13);
  const s0h = i32x4.shl(i32x4.extend_high_i16x8_s(sum), 13);
  const s1l = i32x4.shl(i32x4.extend_low_i16x8_s(difference), 13);
  const s1h = i32x4.shl(i32x4.extend_high_i16x8_s(difference), 13);
  const s3l = i32x4.dot_i16x8_s(e26l, pair(10703, 4433));
  const s3h = i32x4.dot_i16x8_s(e26h, pair(10703, 4433));
  const s2l = i32x4.dot_i16x8_s(e26l, pair(4433, -10704));
  const s2h = i32x4.dot_i16x8_s(e26h, pair(4433, -10704));
  const z3 = i16x8.add(x3, x7);
  const z4 = i16x8.add(x1, x5);
  const z34l = low(z3, z4);
  const z34h = high(z3, z4);
  const z3l = i32x4.dot_i16x8_s(z34l, pair(-6436, 9633));
  const z3h = i32x4.dot_i16x8_s(z34h, pair(-6436, 9633));
  const z4l = i32x4.dot_i16x8_s(z34l, pair(9633, 6437));
  const z4h = i32x4.dot_i16x8_s(z34h, pair(9633, 6437));
  const o71l = low(x7, x1);
  const o71h = high(x7, x1);
  const o53l = low(x5, x3);
  const o53h = high(x5, x3);
  const t0l = i32x4.add(i32x4.dot_i16x8_s(o71l, pair(-4927, -7373)), z3l);
  const t0h = i32x4.add(i32x4.dot_i16x8_s(o71h, pair(-4927, -7373)), z3h);
  const t3l = i32x4.add(i32x4.dot_i16x8_s(o71l, pair(-7373, 4926)), z4l);
  const t3h = i32x4.add(i32x4.dot_i16x8_s(o71h, pair(-7373, 4926)), z4h);
  const t1l = i32x4.add(i32x4.dot_i16x8_s(o53l, pair(-4176, -20995)), z4l);
  const t1h = i32x4.add(i32x4.dot_i16x8_s(o53h, pair(-4176, -20995)), z4h);
  const t2l = i32x4.add(i32x4.dot_i16x8_s(o53l, pair(-20995, 4177)), z3l);
  const t2h = i32x4.add(i32x4.dot_i16x8_s(o53h, pair(-20995, 4177)), z3h);
  const e0l = i32x4.add(s0l, s3l);
  const e0h = i32x4.add(s0h, s3h);
  const e3l = i32x4.sub(s0l, s3l);
  const e3h = i32x4.sub(s0h, s3h);
  const e1l = i32x4.add(s1l, s2l);
  const e1h = i32x4.add(s1h, s2h);
  const e2l = i32x4.sub(s1l, s2l);
  const e2h = i32x4.sub(s1h, s2h);
  put(0, i32x4.add(e0l, t3l), i32x4.add(e0h, t3h), shift);
  put(7, i32x4.sub(e0l, t3l), i32x4.sub(e0h, t3h), shift);
  put(1, i32x4.add(e1l, t2l), i32x4.add(e1h, t2h), shift);
  put(6, i32x4.sub(e1l, t2l), i32x4.sub(e1h, t2h), shift);
  put(2, i32x4.add(e2l, t1l), i32x4.add(e2h, t1h), shift);
  put(5, i32x4.sub(e2l, t1l), i32x4.sub(e2h, t1h), shift);
  put(3, i32x4.add(e3l, t0l), i32x4.add(e3h, t0h), shift);
  put(4, i32x4.sub(e3l, t0l), i32x4.sub(e3h, t0h), shift);
}

function transpose(): void {
  const r0 = v128.load(block);
  const r1 = v128.load(block, 16);
  const r2 = v128.load(block, 32);
  const r3 = v128.load(block, 48);
  const r4 = v128.load(block, 64);
  const r5 = v128.load(block, 80);
  const r6 = v128.load(block, 96);
  const r7 = v128.load(block, 112);
  const a0 = low(r0, r4);
  const a1 = high(r0, r4);
  const a2 = low(r1, r5);
  const a3 = high(r1, r5);
  const a4 = low(r2, r6);
  const a5 = high(r2, r6);
  const a6 = low(r3, r7);
  const a7 = high(r3, r7);
  const b0 = low(a0, a4);
  const b1 = high(a0, a4);
  const b2 = low(a2, a6);
  const b3 = high(a2, a6);
  const b4 = low(a1, a5);
  const b5 = high(a1, a5);
  const b6 = low(a3, a7);
  const b7 = high(a3, a7);
  v128.store(block, low(b0, b2));
  v128.store(block, high(b0, b2), 16);
  v128.store(block, low(b1, b3), 32);
  v128.store(block, high(b1, b3), 48);
  v128.store(block, low(b4, b6), 64);
  v128.store(block, high(b4, b6), 80);
  v128.store(block, low(b5, b7), 96);
  v128.store(block, high(b5, b7), 112);
}

/** Multiplies the coefficients with their steps, transforms them and writes 8 × 8 samples; the block is 0 afterwards. */
export function transformBlock(steps: usize, to: usize, stride: usize): void {
  for (let row: usize = 0; row < 128; row += 16) {
    v128.store(block + row, i16x8.mul(v128.load(block + row), v128.load(steps + row)));
  }
  pass(11);
  transpose();
  pass(18);
  transpose();
  const zero = i64x2.splat(0);
  const centre = i8x16.splat(-128);
  for (let row: usize = 0; row < 8; row++) {
    const samples = v128.load(block + row * 16);
    v128.store(block + row * 16, zero);
    const bytes = v128.xor(i8x16.narrow_i16x8_s(samples, samples), centre);
    store<u64>(to + row * stride, i64x2.extract_lane(bytes, 0));
  }
}

/** The same for a block of nothing but its mean. */
export function fillBlock(mean: i32, to: usize, stride: usize): void {
  const sample = min(max(((mean + 4) >> 3) + 128, 0), 255);
  const bytes: u64 = (sample as u64) * 0x0101_0101_0101_0101;
  for (let row: usize = 0; row < 8; row++) store<u64>(to + row * stride, bytes);
}
