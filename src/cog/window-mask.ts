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
  if (bands.every(isBytes)) {
    if (!(Number.isInteger(nodata) && nodata >= 0 && nodata <= 255)) return mask.fill(bands.length === 0 ? 0 : 255);
    bands.forEach((band, b) => (b === 0 ? markBytes : markMore)(band, nodata, length, mask));
    return bands.length === 0 ? mask.fill(0) : mask;
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

/** Marks what differs from a byte, four at a time: no-data lies together mostly. */
function markBytes(band: Uint8Array, nodata: number, length: number, mask: Uint8Array): void {
  const count = band.byteOffset % 4 === 0 ? countOfFours(mask, length) : 0;
  const fours = new Int32Array(band.buffer, count === 0 ? 0 : band.byteOffset, count);
  const marks = new Int32Array(mask.buffer, count === 0 ? 0 : mask.byteOffset, count);
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
  for (let i = 4 * count; i < length; i += 1) mask[i] = -(band[i]! ^ nodata) >> 31;
}

/** Marks in addition what differs in another band: looks only where no band before did, which is nowhere mostly. */
function markMore(band: Uint8Array, nodata: number, length: number, mask: Uint8Array): void {
  const count = countOfFours(mask, length);
  const marks = new Int32Array(mask.buffer, count === 0 ? 0 : mask.byteOffset, count);
  for (let n = 0; n < count; n += 1) {
    if (marks[n] === -1) continue;
    for (let i = 4 * n; i < 4 * n + 4; i += 1) mask[i]! |= -(band[i]! ^ nodata) >> 31;
  }
  for (let i = 4 * count; i < length; i += 1) mask[i]! |= -(band[i]! ^ nodata) >> 31;
}

function countOfFours(mask: Uint8Array, length: number): number {
  return mask.byteOffset % 4 === 0 ? length >> 2 : 0;
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
