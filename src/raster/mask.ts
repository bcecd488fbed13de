import type { Samples } from './raster.ts';

const ALL_ONES = -1;

/** Shorter spans are cleared sample by sample, as in speckle a call for each would be slow. */
const MIN_FILL = 16;

/** True if every pixel of a mask is 255. */
export function isOpaque(mask: Uint8Array): boolean {
  return isAll(mask, 255, ALL_ONES);
}

/** True if no pixel of a mask is above 0. */
export function isBlank(mask: Uint8Array): boolean {
  return isAll(mask, 0, 0);
}

/** Four at a time, as most masks are looked at and all of it is the same. */
function isAll(mask: Uint8Array, value: number, four: number): boolean {
  const { buffer, byteOffset, length } = mask;
  let i = 0;
  if (byteOffset % 4 === 0) {
    const words = new Int32Array(buffer, byteOffset, length >> 2);
    for (const count = words.length; i < count; i++) if (words[i] !== four) return false;
    i *= 4;
  }
  for (; i < length; i++) if (mask[i] !== value) return false;
  return true;
}

/**
 * Sets the samples of all bands under mask 0 to 0, span by span: what is masked lies together mostly.
 *
 * @returns how many pixels have mask 0
 */
export function clearMasked(bands: readonly Samples[], mask: Uint8Array): number {
  let masked = 0;
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] !== 0) continue;
    const from = i;
    while (i < mask.length && mask[i] === 0) i++;
    for (let b = 0; b < bands.length; b++) {
      const band = bands[b]!;
      if (i - from >= MIN_FILL) band.fill(0, from, i);
      else for (let n = from; n < i; n++) band[n] = 0;
    }
    masked += i - from;
  }
  return masked;
}
