// Baseline JPEG (ITU-T T.81) of one or three components in one scan without restarts. What a file says in its segments is
// put into `jpegFrame` by the caller; everything else, or anything unusual, is left to another decoder.

import { block, fillBlock, transformBlock } from './idct';
import { toColours } from './jpeg-colour';

const LOOK_BITS: u32 = 10;

/** For each of four tables: entries by the next ten bits, then for longer codes by length the end and the first value. */
const TABLE_BYTES: usize = 2 * 1024 + 4 * 32;
const tables: usize = memory.data(4 * 2176, 16);

/**
 * What the caller fills in. For each of three components 128 bytes of quantisation steps (16 bits, by rows); then for each
 * of four Huffman tables, DC 0, DC 1, AC 0, AC 1, 16 bytes of code counts and 256 of values.
 */
const frame: usize = memory.data(3 * 128 + 4 * 272, 16);

/** Where coefficients lie in a block, by their order in the stream. */
const zigzag: usize = memory.data<u8>([
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35,
  42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
]);

let at: usize = 0;
let bits: u64 = 0;
let held: u64 = 0;

export function jpegFrame(): usize {
  return frame;
}

function prepareTable(table: usize, spec: usize): bool {
  memory.fill(table, 0, TABLE_BYTES);
  const ends = table + 2048;
  let code: u32 = 0;
  let position: u32 = 0;
  for (let length: u32 = 1; length <= 16; length++) {
    const count = load<u8>(spec + length - 1) as u32;
    if (position + count > 256) return false;
    // Codes of this length are below `end`; their values begin so far before the code itself.
    for (let n: u32 = 0; n < count; n++, code++, position++) {
      if (length > LOOK_BITS) continue;
      const first = code << (LOOK_BITS - length);
      const entry = (length << 8) | (load<u8>(spec + 16 + position) as u32);
      for (let k: u32 = 0; k < 1 << (LOOK_BITS - length); k++) store<u16>(table + ((first + k) << 1), entry as u16);
    }
    // No code is all ones.
    if (count > 0 && code >= (1 << length) as u32) return false;
    store<u32>(ends + (length << 3) - 8, code << (16 - length));
    store<i32>(ends + (length << 3) - 4, (position as i32) - (code as i32));
    code <<= 1;
  }
  return true;
}

@inline
function refill(): void {
  bits |= bswap(load<u64>(at)) >> held;
  at += ((63 - held) >> 3) as usize;
  held |= 56;
}

/** The next symbol; -1 for a code that is none. */
@inline
function symbolOf(table: usize, spec: usize): i32 {
  const entry = load<u16>(table + ((bits >> (64 - LOOK_BITS)) << 1) as usize) as u32;
  if (entry != 0) {
    bits <<= (entry >> 8) as u64;
    held -= (entry >> 8) as u64;
    return (entry & 0xff) as i32;
  }
  return longSymbol(table + 2048, spec);
}

function longSymbol(ends: usize, spec: usize): i32 {
  const next = (bits >> 48) as u32;
  for (let length: u32 = LOOK_BITS + 1; length <= 16; length++) {
    if (next >= load<u32>(ends + (length << 3) - 8)) continue;
    const code = (next >> (16 - length)) as i32;
    bits <<= length as u64;
    held -= length as u64;
    const position = code + load<i32>(ends + (length << 3) - 4);
    return position < 0 || position > 255 ? -1 : (load<u8>(spec + 16 + position) as i32);
  }
  return -1;
}

/** A number of so many bits, as JPEG writes it: the lower half stands for negative numbers. */
@inline
function numberOf(size: u32): i32 {
  const value = (bits >> (64 - size)) as i32;
  bits <<= size as u64;
  held -= size as u64;
  return value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
}

/** Reads one block, adds its mean to that of the last one, and writes its samples; the mean, or `i32.MIN_VALUE`. */
function readBlock(component: usize, tableSet: usize, mean: i32, to: usize, stride: usize): i32 {
  const dcTable = tables + tableSet * TABLE_BYTES;
  const acTable = tables + (2 + tableSet) * TABLE_BYTES;
  const dcSpec = frame + 384 + tableSet * 272;
  const acSpec = frame + 384 + (2 + tableSet) * 272;
  const steps = frame + component * 128;
  refill();
  const size = symbolOf(dcTable, dcSpec);
  if (size < 0 || size > 11) return i32.MIN_VALUE;
  let dc = mean;
  if (size > 0) dc += numberOf(size as u32);
  let isMeanOnly = true;
  for (let k: u32 = 1; k < 64; k++) {
    refill();
    const symbol = symbolOf(acTable, acSpec) as u32;
    if (symbol > 255) return i32.MIN_VALUE;
    const bitsOf = symbol & 15;
    if (bitsOf == 0) {
      if (symbol == 0) break;
      if (symbol != 0xf0) return i32.MIN_VALUE;
      k += 15;
      continue;
    }
    k += symbol >> 4;
    if (k > 63 || bitsOf > 10) return i32.MIN_VALUE;
    isMeanOnly = false;
    store<i16>(block + ((load<u8>(zigzag + k) as usize) << 1), numberOf(bitsOf) as i16);
  }
  if (isMeanOnly) {
    fillBlock(((dc * (load<i16>(steps) as i32)) << 16) >> 16, to, stride);
  } else {
    store<i16>(block, dc as i16);
    transformBlock(steps, to, stride);
  }
  return dc;
}

/** Copies a scan without the zeros behind its bytes of 255; gives where the copy ends, or 0 if a marker is in it. */
function unstuff(from: usize, end: usize, to: usize): usize {
  let next = from;
  let out = to;
  const ones = i8x16.splat(-1);
  while (next < end) {
    const bytes = v128.load(next);
    const found = i8x16.bitmask(i8x16.eq(bytes, ones));
    v128.store(out, bytes);
    const count = min<usize>(found == 0 ? 16 : ctz(found), end - next);
    next += count;
    out += count;
    if (count == 16 || next >= end) continue;
    if (next + 1 >= end || load<u8>(next + 1) != 0) return 0;
    store<u8>(out++, 0xff);
    next += 2;
  }
  return out;
}

/**
 * Decodes a scan to planes of `width × rows`. `tableSets` has two bits a component: its Huffman tables. `subsampled` is 1
 * if two by two samples of the first component share one of the others; `isYcc` is 1 for colours to be turned to RGB.
 * Memory from `scratch` on is used: the scan again, the components, two rows.
 *
 * @returns where the planes begin, or 0 for a scan that somebody else is to judge
 */
export function jpeg(
  from: usize,
  fromBytes: usize,
  scratch: usize,
  width: usize,
  height: usize,
  rows: usize,
  components: usize,
  tableSets: u32,
  subsampled: u32,
  isYcc: bool,
): usize {
  for (let n: usize = 0; n < 4; n++) {
    if (!prepareTable(tables + n * TABLE_BYTES, frame + 384 + n * 272)) return 0;
  }
  const end = unstuff(from, from + fromBytes, scratch);
  if (end == 0) return 0;
  store<u64>(end, 0);
  store<u64>(end, 0, 8);
  const shift: usize = subsampled as usize;
  const unit: usize = 8 << shift;
  const across = (width + unit - 1) / unit;
  const down = (height + unit - 1) / unit;
  const stride = across * unit;
  const plane = stride * down * unit;
  const minorStride = stride >> shift;
  const minorPlane = plane >> (2 * shift);
  const first = (end + 31) & ~15;
  const second = first + plane + 16;
  const third = second + minorPlane + 16;
  at = scratch;
  bits = 0;
  held = 0;
  memory.fill(block, 0, 128);
  let mean0: i32 = 0;
  let mean1: i32 = 0;
  let mean2: i32 = 0;
  for (let row: usize = 0; row < down; row++) {
    for (let col: usize = 0; col < across; col++) {
      if (at > end + 16) return 0;
      for (let y: usize = 0; y < unit; y += 8) {
        for (let x: usize = 0; x < unit; x += 8) {
          mean0 = readBlock(0, tableSets & 3, mean0, first + (row * unit + y) * stride + col * unit + x, stride);
          if (mean0 == i32.MIN_VALUE) return 0;
        }
      }
      if (components == 1) continue;
      const minor = row * 8 * minorStride + col * 8;
      mean1 = readBlock(1, (tableSets >> 2) & 3, mean1, second + minor, minorStride);
      mean2 = readBlock(2, (tableSets >> 4) & 3, mean2, third + minor, minorStride);
      if (mean1 == i32.MIN_VALUE || mean2 == i32.MIN_VALUE) return 0;
    }
  }
  // All of the scan, and nothing behind it.
  if (at - ((held >> 3) as usize) != end) return 0;
  const out = ((components == 1 ? second : third + minorPlane) + 31) & ~15;
  toColours(first, second, third, stride, minorStride, width, height, rows, components, subsampled, isYcc, out);
  return out;
}
