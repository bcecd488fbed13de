/** The larger sum stays below 2^31 over so many bytes of 255: 65,520 + n * 65,520 + 255 * n * (n + 1) / 2 = 1.41e9. */
const BYTES_BEFORE_MODULO = 3072;

/** Adler-32 of the first `length` bytes, as the trailer of a zlib stream has it (RFC 1950, 8.2). */
export function adler32(bytes: Uint8Array, length: number): number {
  let a = 1;
  let b = 0;
  let i = 0;
  while (i < length) {
    const end = Math.min(length, i + BYTES_BEFORE_MODULO);
    // Eight at a time: the sums of sums become weights, which the processor adds side by side.
    for (; i + 8 <= end; i += 8) {
      const b0 = bytes[i]!;
      const b1 = bytes[i + 1]!;
      const b2 = bytes[i + 2]!;
      const b3 = bytes[i + 3]!;
      const b4 = bytes[i + 4]!;
      const b5 = bytes[i + 5]!;
      const b6 = bytes[i + 6]!;
      const b7 = bytes[i + 7]!;
      b = (b + 8 * a + 8 * b0 + 7 * b1 + 6 * b2 + 5 * b3 + 4 * b4 + 3 * b5 + 2 * b6 + b7) | 0;
      a = (a + b0 + b1 + b2 + b3 + b4 + b5 + b6 + b7) | 0;
    }
    for (; i < end; i++) {
      a += bytes[i]!;
      b += a;
    }
    a %= 65_521;
    b %= 65_521;
  }
  return ((b << 16) | a) >>> 0;
}
