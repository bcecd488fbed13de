/** Codes of deflate are at most 15 bits long (RFC 1951, 3.2.7); 286 symbols is its largest alphabet. */
const MAX_SYMBOLS = 286;

const keys = new Uint32Array(MAX_SYMBOLS);
const weights = new Uint32Array(MAX_SYMBOLS);
const countOfLength = new Uint16Array(MAX_SYMBOLS + 1);
const nextCode = new Uint32Array(17);

/**
 * Lengths of a Huffman code in which no code is longer than `maxLength`: the optimal lengths, then codes that are too
 * long are shortened and the cheapest others lengthened until the code is complete again. Against the exact
 * package-merge this costs less than a thousandth, and only where the limit bites.
 *
 * @param frequencies - count of each symbol; symbols of count 0 get length 0. At least two are above 0; their sum is
 *   below 2^23
 * @param lengths - filled for the same symbols
 * @see Moffat and Katajainen 1995, "In-place calculation of minimum-redundancy codes"
 */
export function limitedLengths(frequencies: Uint32Array, maxLength: number, lengths: Uint8Array): void {
  let used = 0;
  for (let symbol = 0; symbol < frequencies.length; symbol++) {
    const frequency = frequencies[symbol]!;
    if (frequency !== 0) keys[used++] = ((frequency << 9) | symbol) >>> 0;
  }
  // Ties go by symbol, so that the code depends on the counts alone.
  keys.subarray(0, used).sort();
  for (let i = 0; i < used; i++) weights[i] = keys[i]! >>> 9;
  weightsToDepths(used);
  countOfLength.fill(0, 0, Math.max(used, maxLength) + 1);
  for (let i = 0; i < used; i++) {
    const index = Math.min(weights[i]!, maxLength);
    countOfLength[index] = countOfLength[index]! + 1;
  }
  completeCode(maxLength);
  lengths.fill(0);
  let i = 0;
  for (let length = maxLength; length > 0; length--) {
    for (let n = countOfLength[length]!; n > 0; n--) lengths[keys[i++]! & 511] = length;
  }
}

/** Turns the ascending weights into the depths of their leaves, in place, in three passes. */
function weightsToDepths(used: number): void {
  weights[0] = weights[0]! + weights[1]!;
  let root = 0;
  let leaf = 2;
  for (let next = 1; next < used - 1; next++) {
    if (leaf >= used || weights[root]! < weights[leaf]!) {
      weights[next] = weights[root]!;
      weights[root++] = next;
    } else weights[next] = weights[leaf++]!;
    if (leaf >= used || (root < next && weights[root]! < weights[leaf]!)) {
      weights[next] = weights[next]! + weights[root]!;
      weights[root++] = next;
    } else weights[next] = weights[next]! + weights[leaf++]!;
  }
  weights[used - 2] = 0;
  for (let next = used - 3; next >= 0; next--) weights[next] = weights[weights[next]!]! + 1;
  let available = 1;
  let internal = 0;
  let depth = 0;
  let node = used - 2;
  let next = used - 1;
  while (available > 0) {
    while (node >= 0 && weights[node] === depth) {
      internal++;
      node--;
    }
    while (available > internal) {
      weights[next--] = depth;
      available--;
    }
    available = 2 * internal;
    depth++;
    internal = 0;
  }
}

/** Each step takes one code of the longest length away and splits the longest of the shorter ones. */
function completeCode(maxLength: number): void {
  let room = 1 << maxLength;
  for (let length = 1; length <= maxLength; length++) room -= countOfLength[length]! << (maxLength - length);
  for (; room < 0; room++) {
    countOfLength[maxLength] = countOfLength[maxLength]! - 1;
    let length = maxLength - 1;
    while (countOfLength[length] === 0) length--;
    countOfLength[length] = countOfLength[length]! - 1;
    countOfLength[length + 1] = countOfLength[length + 1]! + 2;
  }
}

/**
 * The canonical code of these lengths as deflate writes it: `code | length << 16`, the code's bits reversed because
 * they go out lowest bit first.
 *
 * @see RFC 1951, 3.2.2
 */
export function canonicalCodes(lengths: Uint8Array, codes: Uint32Array): void {
  countOfLength.fill(0, 0, 17);
  for (const length of lengths) countOfLength[length] = countOfLength[length]! + 1;
  countOfLength[0] = 0;
  nextCode[0] = 0;
  for (let length = 1; length <= 16; length++) {
    nextCode[length] = (nextCode[length - 1]! + countOfLength[length - 1]!) << 1;
  }
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol]!;
    if (length === 0) codes[symbol] = 0;
    else {
      const code = nextCode[length]!;
      nextCode[length] = code + 1;
      codes[symbol] = reverseBits(code, length) | (length << 16);
    }
  }
}

function reverseBits(code: number, length: number): number {
  let reversed = 0;
  for (let rest = code, n = length; n > 0; n--, rest >>= 1) reversed = (reversed << 1) | (rest & 1);
  return reversed;
}
