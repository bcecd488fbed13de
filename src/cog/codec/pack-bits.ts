/**
 * Decodes PackBits (TIFF 6.0 section 9): runs and literals, each behind a signed length byte; -128 means nothing.
 *
 * @returns `decodedBytes` bytes, or fewer if the input ends before
 */
export function decodePackBits(bytes: Uint8Array, decodedBytes: number): Uint8Array {
  const out = new Uint8Array(decodedBytes);
  let written = 0;
  for (let at = 0; at < bytes.length && written < decodedBytes;) {
    const header = bytes[at]!;
    at += 1;
    if (header === 128) continue;
    if (header < 128) {
      const literal = bytes.subarray(at, at + Math.min(header + 1, decodedBytes - written));
      out.set(literal, written);
      written += literal.length;
      at += header + 1;
    } else {
      if (at >= bytes.length) break;
      const end = Math.min(written + 257 - header, decodedBytes);
      out.fill(bytes[at]!, written, end);
      written = end;
      at += 1;
    }
  }
  return written === decodedBytes ? out : out.subarray(0, written);
}
