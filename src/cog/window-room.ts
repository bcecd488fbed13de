import { bytesPerSample, type Dtype, type Samples, viewSamples } from '../raster/raster.ts';

/** Larger arrays are made and dropped: they are rare, and one of them would take the place of all others. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

/** What is kept of all sizes together. */
const MAX_POOL_BYTES = 16 * 1024 * 1024;

const MIN_BYTES = 16 * 1024;

/** Memory that nobody uses, by its size in bytes. */
const free = new Map<number, ArrayBuffer[]>();
let freeBytes = 0;

/**
 * Arrays for pixels that are needed for a moment: from memory of those before them, since new memory for every window
 * makes the collector walk through the whole heap again and again. Their content is what was left there.
 *
 * A room belongs to one window. After `release`, everything taken from it belongs to others.
 */
export class WindowRoom {
  readonly #taken: ArrayBuffer[] = [];

  /** Room for `length` samples of a type, all of which the caller writes before it reads them. */
  take(dtype: Dtype, length: number): Samples {
    const size = sizeClass(length * bytesPerSample(dtype));
    const known = free.get(size)?.pop();
    if (known !== undefined) freeBytes -= size;
    const buffer = known ?? new ArrayBuffer(size);
    this.#taken.push(buffer);
    return viewSamples(dtype, buffer, 0, length);
  }

  /** Room for a mask, of any content. */
  takeMask(length: number): Uint8Array {
    const { buffer } = this.take('uint8', length);
    return new Uint8Array(buffer, 0, length);
  }

  /** Gives everything back. */
  release(): void {
    for (const buffer of this.#taken.splice(0)) {
      const size = buffer.byteLength;
      if (size > MAX_KEPT_BYTES || freeBytes + size > MAX_POOL_BYTES) continue;
      const buffers = free.get(size) ?? [];
      buffers.push(buffer);
      free.set(size, buffers);
      freeBytes += size;
    }
  }
}

/** The next power of two or the middle between two, so that windows of nearly one size share memory. */
function sizeClass(bytes: number): number {
  let size = MIN_BYTES;
  while (size < bytes) size *= 2;
  const smaller = size * 0.75;
  return size > MIN_BYTES && bytes <= smaller ? smaller : size;
}
