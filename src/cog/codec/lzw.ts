const CLEAR = 256;
const END = 257;
const FIRST = 258;
const TABLE_SIZE = 4096;

/**
 * Decodes TIFF's LZW (TIFF 6.0 section 13): codes of 9 to 12 bits, most significant bit first, growing one code early.
 *
 * Every string of the table is a stretch of what was written already: the string of one code and the first byte of the
 * next. So the table holds positions and lengths in the output, and no string is built backwards.
 *
 * @returns `decodedBytes` bytes, or fewer if the stream ends with an end code before
 * @throws Error if a code is not in the table, or the stream is in the bit order of before TIFF 5.0
 */
export function decodeLzw(bytes: Uint8Array, decodedBytes: number): Uint8Array {
  if (bytes.length >= 2 && bytes[0] === 0 && (bytes[1]! & 1) === 1) {
    throw new Error('the LZW stream is in the old bit order, least significant first');
  }
  const out = new Uint8Array(decodedBytes);
  const starts = new Int32Array(TABLE_SIZE);
  const lengths = new Int32Array(TABLE_SIZE);
  let next = FIRST;
  let width = 9;
  let bits = 0;
  let held = 0;
  let at = 0;
  let written = 0;
  let previousStart = -1;
  let previousLength = 0;
  while (written < decodedBytes) {
    while (held < width) {
      if (at >= bytes.length) return out.subarray(0, written);
      bits = (bits << 8) | bytes[at]!;
      at += 1;
      held += 8;
    }
    held -= width;
    const code = bits >>> held;
    bits &= (1 << held) - 1;
    if (code === END) return out.subarray(0, written);
    if (code === CLEAR) {
      next = FIRST;
      width = 9;
      previousStart = -1;
      continue;
    }
    const start = written;
    if (code < CLEAR) {
      out[written] = code;
      written += 1;
    } else {
      const isNew = code === next && previousStart >= 0;
      if (!isNew && (code >= next || previousStart < 0))
        throw new Error(`LZW code ${code} at byte ${at} is not in the table`);
      const from = isNew ? previousStart : starts[code]!;
      const length = isNew ? previousLength + 1 : lengths[code]!;
      const end = Math.min(written + length, decodedBytes);
      // One by one: the string may reach into what this very loop writes.
      for (let read = from; written < end; read += 1, written += 1) out[written] = out[read]!;
    }
    if (previousStart >= 0 && next < TABLE_SIZE) {
      starts[next] = previousStart;
      lengths[next] = previousLength + 1;
      next += 1;
      if (next + 1 >= 1 << width && width < 12) width += 1;
    }
    previousStart = start;
    previousLength = written - start;
  }
  return out;
}
