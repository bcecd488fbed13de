import type { Dtype, Samples } from '../raster/raster.ts';

/**
 * The mask of a window by value: 0 where every band has the value, else 255. NaN stands for NaN; a value between two
 * that 32-bit samples can have is rounded as they are.
 *
 * @param mask - where it is written; by default a new array
 */
export function maskFromNodata(
  bands: readonly Samples[],
  nodata: number,
  length: number,
  mask: Uint8Array = new Uint8Array(length),
): Uint8Array {
  const [first, second, third] = bands;
  if (bands.every(isBytes) && !(Number.isInteger(nodata) && nodata >= 0 && nodata <= 255)) {
    return mask.fill(bands.length === 0 ? 0 : 255);
  }
  // Without a branch: most files are like one of these two.
  if (bands.length === 1 && isBytes(first)) {
    for (let i = markFours(first, nodata, length, mask); i < length; i += 1) mask[i] = -(first[i]! ^ nodata) >> 31;
    return mask;
  }
  if (bands.length === 3 && isBytes(first) && isBytes(second) && isBytes(third)) {
    for (let i = 0; i < length; i += 1) {
      const difference = (first[i]! ^ nodata) | (second[i]! ^ nodata) | (third[i]! ^ nodata);
      mask[i] = -difference >> 31;
    }
    return mask;
  }
  mask.fill(0);
  for (const band of bands) {
    if (Number.isNaN(nodata)) {
      for (let i = 0; i < length; i += 1) if (!Number.isNaN(band[i])) mask[i] = 255;
    } else {
      const value = band instanceof Float32Array ? Math.fround(nodata) : nodata;
      for (let i = 0; i < length; i += 1) if (band[i]! !== value) mask[i] = 255;
    }
  }
  return mask;
}

/**
 * Marks what differs from a byte, four at a time: no-data lies together mostly.
 *
 * @returns how many pixels that are
 */
function markFours(band: Uint8Array, nodata: number, length: number, mask: Uint8Array): number {
  if (band.byteOffset % 4 !== 0 || mask.byteOffset % 4 !== 0) return 0;
  const count = length >> 2;
  const fours = new Int32Array(band.buffer, band.byteOffset, count);
  const marks = new Int32Array(mask.buffer, mask.byteOffset, count);
  const pattern = Math.imul(nodata, 0x01010101);
  for (let n = 0; n < count; n += 1) {
    const difference = fours[n]! ^ pattern;
    // Not 0 if one of the four bytes is 0: Warren 2012, "Hacker's Delight", section 6-1.
    const isAnySame = (difference - 0x01010101) & ~difference & 0x80808080;
    if (isAnySame === 0 || difference === 0) {
      marks[n] = isAnySame === 0 ? -1 : 0;
    } else {
      for (let i = 4 * n; i < 4 * n + 4; i += 1) mask[i] = -(band[i]! ^ nodata) >> 31;
    }
  }
  return 4 * count;
}

function isBytes(band: Samples | undefined): band is Uint8Array {
  return band instanceof Uint8Array;
}

/**
 * The mask of a window by an alpha band: bytes as they are, 16 bits scaled to 255 as GDAL does it (none but 0 becomes
 * 0), any other type valid where it is not 0.
 */
export function maskFromAlpha(alpha: Samples, dtype: Dtype): Uint8Array {
  if (alpha instanceof Uint8Array) return alpha;
  const mask = new Uint8Array(alpha.length);
  for (let i = 0; i < alpha.length; i += 1) {
    const value = alpha[i]!;
    mask[i] = value === 0 ? 0 : dtype === 'uint16' ? Math.max(1, Math.floor((value * 255) / 65_535)) : 255;
  }
  return mask;
}
