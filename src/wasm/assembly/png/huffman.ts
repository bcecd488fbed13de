// Huffman codes of limited length.

/** Codes of deflate are at most 15 bits long (RFC 1951, 3.2.7); 286 symbols is its largest alphabet. */
const MAX_SYMBOLS: i32 = 288;

const KEYS: usize = memory.data(4 * MAX_SYMBOLS, 16);
const SORTED: usize = memory.data(4 * MAX_SYMBOLS, 16);
const WEIGHTS: usize = memory.data(4 * MAX_SYMBOLS, 16);
const BUCKETS: usize = memory.data(4 * 256, 16);
const COUNT_OF_LENGTH: usize = memory.data(4 * 32, 16);
const NEXT_CODE: usize = memory.data(4 * 17, 16);

@inline
function get(table: usize, index: i32): i32 {
  return load<i32>(table + (<usize>index << 2));
}

@inline
function set(table: usize, index: i32, value: i32): void {
  store<i32>(table + (<usize>index << 2), value);
}

/**
 * Lengths of a Huffman code in which no code is longer than `maxLength`: the optimal lengths, then codes that are too
 * long are shortened and the cheapest others lengthened until the code is complete again. Against the exact
 * package-merge this costs less than a thousandth, and only where the limit bites.
 *
 * See Moffat and Katajainen 1995, "In-place calculation of minimum-redundancy codes".
 *
 * @param frequencies - count of each symbol (u32), below 65,536; symbols of count 0 get length 0. At least two are above 0
 * @param lengths - filled for the same symbols (u8)
 */
export function limitedLengths(frequencies: usize, symbols: i32, maxLength: i32, lengths: usize): void {
  let used = 0;
  let all = 0;
  for (let symbol = 0; symbol < symbols; symbol++) {
    const frequency = get(frequencies, symbol);
    if (frequency == 0) continue;
    all |= frequency;
    set(KEYS, used++, (frequency << 9) | symbol);
  }
  // Ties go by symbol, because sorting keeps the order of equals: the code depends on the counts alone.
  let keys = KEYS;
  sortByByte(KEYS, SORTED, used, 9);
  keys = SORTED;
  if (all > 255) {
    sortByByte(SORTED, KEYS, used, 17);
    keys = KEYS;
  }
  for (let i = 0; i < used; i++) set(WEIGHTS, i, get(keys, i) >>> 9);
  weightsToDepths(used);
  memory.fill(COUNT_OF_LENGTH, 0, 4 * (maxLength + 1));
  for (let i = 0; i < used; i++) {
    const length = min(get(WEIGHTS, i), maxLength);
    set(COUNT_OF_LENGTH, length, get(COUNT_OF_LENGTH, length) + 1);
  }
  completeCode(maxLength);
  memory.fill(lengths, 0, symbols);
  let i = 0;
  for (let length = maxLength; length > 0; length--) {
    for (let n = get(COUNT_OF_LENGTH, length); n > 0; n--) store<u8>(lengths + (get(keys, i++) & 511), length);
  }
}

function sortByByte(from: usize, to: usize, count: i32, shift: i32): void {
  memory.fill(BUCKETS, 0, 4 * 256);
  for (let i = 0; i < count; i++) {
    const bucket = (get(from, i) >>> shift) & 255;
    set(BUCKETS, bucket, get(BUCKETS, bucket) + 1);
  }
  for (let bucket = 0, next = 0; bucket < 256; bucket++) {
    const size = get(BUCKETS, bucket);
    set(BUCKETS, bucket, next);
    next += size;
  }
  for (let i = 0; i < count; i++) {
    const key = get(from, i);
    const bucket = (key >>> shift) & 255;
    const place = get(BUCKETS, bucket);
    set(BUCKETS, bucket, place + 1);
    set(to, place, key);
  }
}

/** Turns the ascending weights into the depths of their leaves, in place, in three passes. */
function weightsToDepths(used: i32): void {
  set(WEIGHTS, 0, get(WEIGHTS, 0) + get(WEIGHTS, 1));
  let root = 0;
  let leaf = 2;
  for (let next = 1; next < used - 1; next++) {
    let weight = 0;
    if (leaf >= used || get(WEIGHTS, root) < get(WEIGHTS, leaf)) {
      weight = get(WEIGHTS, root);
      set(WEIGHTS, root++, next);
    } else weight = get(WEIGHTS, leaf++);
    if (leaf >= used || (root < next && get(WEIGHTS, root) < get(WEIGHTS, leaf))) {
      weight += get(WEIGHTS, root);
      set(WEIGHTS, root++, next);
    } else weight += get(WEIGHTS, leaf++);
    set(WEIGHTS, next, weight);
  }
  set(WEIGHTS, used - 2, 0);
  for (let next = used - 3; next >= 0; next--) set(WEIGHTS, next, get(WEIGHTS, get(WEIGHTS, next)) + 1);
  let available = 1;
  let internal = 0;
  let depth = 0;
  let node = used - 2;
  let next = used - 1;
  while (available > 0) {
    while (node >= 0 && get(WEIGHTS, node) == depth) {
      internal++;
      node--;
    }
    while (available > internal) {
      set(WEIGHTS, next--, depth);
      available--;
    }
    available = 2 * internal;
    depth++;
    internal = 0;
  }
}

/** Each step takes one code of the longest length away and splits the longest of the shorter ones. */
function completeCode(maxLength: i32): void {
  let room = 1 << maxLength;
  for (let length = 1; length <= maxLength; length++) room -= get(COUNT_OF_LENGTH, length) << (maxLength - length);
  for (; room < 0; room++) {
    set(COUNT_OF_LENGTH, maxLength, get(COUNT_OF_LENGTH, maxLength) - 1);
    let length = maxLength - 1;
    while (get(COUNT_OF_LENGTH, length) == 0) length--;
    set(COUNT_OF_LENGTH, length, get(COUNT_OF_LENGTH, length) - 1);
    set(COUNT_OF_LENGTH, length + 1, get(COUNT_OF_LENGTH, length + 1) + 2);
  }
}

/**
 * The canonical code of these lengths as deflate writes it: `code | length << 16` (u32), the code's bits reversed because
 * they go out lowest bit first (RFC 1951, 3.2.2).
 */
export function canonicalCodes(lengths: usize, symbols: i32, codes: usize): void {
  memory.fill(COUNT_OF_LENGTH, 0, 4 * 17);
  for (let symbol = 0; symbol < symbols; symbol++) {
    const length = <i32>load<u8>(lengths + symbol);
    set(COUNT_OF_LENGTH, length, get(COUNT_OF_LENGTH, length) + 1);
  }
  set(COUNT_OF_LENGTH, 0, 0);
  set(NEXT_CODE, 0, 0);
  for (let length = 1; length <= 16; length++) {
    set(NEXT_CODE, length, (get(NEXT_CODE, length - 1) + get(COUNT_OF_LENGTH, length - 1)) << 1);
  }
  for (let symbol = 0; symbol < symbols; symbol++) {
    const length = <i32>load<u8>(lengths + symbol);
    if (length == 0) set(codes, symbol, 0);
    else {
      const code = get(NEXT_CODE, length);
      set(NEXT_CODE, length, code + 1);
      set(codes, symbol, reverseBits(code, length) | (length << 16));
    }
  }
}

function reverseBits(code: i32, length: i32): i32 {
  let bits = ((code & 0x5555) << 1) | ((code >> 1) & 0x5555);
  bits = ((bits & 0x3333) << 2) | ((bits >> 2) & 0x3333);
  bits = ((bits & 0x0f0f) << 4) | ((bits >> 4) & 0x0f0f);
  bits = ((bits & 0x00ff) << 8) | ((bits >> 8) & 0x00ff);
  return bits >>> (16 - length);
}
