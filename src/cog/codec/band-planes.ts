import { createSamples, viewSamples, type Dtype, type Samples } from '../../raster/raster.ts';
import { takeApart } from './decode-memory.ts';

/** Interleaved samples of whole rows, in the machine's byte order. */
export interface Interleaved {
  readonly samples: Samples;
  readonly dtype: Dtype;
  readonly width: number;
  readonly rows: number;
  /** Interleaved bands. */
  readonly count: number;
  /** True if the samples are still horizontal differences (TIFF's predictor 2). */
  readonly isDifference: boolean;
}

/**
 * Takes interleaved samples apart, band by band, into an array of their own, and sums up differences on the way: every
 * sample is read and written once. 512 x 512 pixels of three bytes take 0.2 ms, most of it for the memory of the planes.
 */
export function bandPlanes(block: Interleaved): readonly Samples[] {
  const { samples, dtype, width, rows, count, isDifference } = block;
  const size = samples.BYTES_PER_ELEMENT;
  const pixels = width * rows;
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  const apart = takeApart({ bytes, size, count, width, rows, isDifference });
  if (apart !== null) {
    return Array.from({ length: count }, (_, band) => viewSamples(dtype, apart.buffer, band * pixels * size, pixels));
  }
  const planes = Array.from({ length: count }, () => createSamples(dtype, pixels));
  const from = unsignedView(samples);
  for (const [band, plane] of planes.entries()) {
    const to = unsignedView(plane);
    if (from instanceof BigUint64Array) takeLongs(from, to as BigUint64Array, band, block);
    else takeBand(from, to as Unsigned, band, block);
  }
  return planes;
}

type Unsigned = Uint8Array | Uint16Array | Uint32Array;

function takeBand(from: Unsigned, to: Unsigned, band: number, { width, rows, count, isDifference }: Interleaved): void {
  const kept = isDifference ? -1 : 0;
  for (let row = 0, i = 0, at = band; row < rows; row += 1) {
    let sum = 0;
    for (const end = i + width; i < end; i += 1, at += count) {
      // The array cuts off what is above its bits; the sum is cut to 32, so that it stays an integer.
      sum = ((sum & kept) + from[at]!) | 0;
      to[i] = sum;
    }
  }
}

function takeLongs(from: BigUint64Array, to: BigUint64Array, band: number, block: Interleaved): void {
  const { width, rows, count, isDifference } = block;
  for (let i = 0, at = band; i < width * rows; i += 1, at += count) {
    to[i] = from[at]! + (isDifference && i % width > 0 ? to[i - 1]! : 0n);
  }
}

/** The same memory as unsigned integers of the sample's size, so that every bit of a NaN stays. */
function unsignedView({ buffer, byteOffset, length, BYTES_PER_ELEMENT }: Samples): Unsigned | BigUint64Array {
  if (BYTES_PER_ELEMENT === 1) return new Uint8Array(buffer, byteOffset, length);
  if (BYTES_PER_ELEMENT === 2) return new Uint16Array(buffer, byteOffset, length);
  if (BYTES_PER_ELEMENT === 4) return new Uint32Array(buffer, byteOffset, length);
  return new BigUint64Array(buffer, byteOffset, length);
}
