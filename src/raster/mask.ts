const ALL_ONES = -1;

/** True if every pixel of a mask is 255. Four at a time, as most masks are looked at and all of it is. */
export function isOpaque(mask: Uint8Array): boolean {
  const { buffer, byteOffset, length } = mask;
  let i = 0;
  if (byteOffset % 4 === 0) {
    const words = new Int32Array(buffer, byteOffset, length >> 2);
    for (const count = words.length; i < count; i++) if (words[i] !== ALL_ONES) return false;
    i *= 4;
  }
  for (; i < length; i++) if (mask[i] !== 255) return false;
  return true;
}
