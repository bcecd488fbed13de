import { bytesPerSample, createSamples, type Dtype, type Samples, type Window } from '../raster/raster.ts';
import type { BlockRef } from './block-reader.ts';
import { overlapOf, planeOfSample } from './copy-block.ts';
import type { DecodedBlock } from './decode-block.ts';

/** What a window without a valid pixel has: one value in all samples of some kind. */
export interface Emptiness {
  /** Samples that have it, from 0; `mask` stands for the level's mask. */
  readonly samples: readonly number[] | 'mask';
  readonly value: number;
}

/** A block of a window; a block that is not stored has its one value everywhere. */
export interface KnownBlock {
  readonly ref: BlockRef;
  readonly block: DecodedBlock | { readonly sparse: number };
}

/**
 * True if the blocks of a window have one value wherever it says that a pixel is valid or not. Looks at whole blocks
 * first, once for each, then at rows; ends at the first pixel with another value, and so costs next to nothing for
 * windows with data. A NaN or a zero of another form than usual counts as another value.
 */
export function isFilledWith({ samples, value }: Emptiness, window: Window, blocks: readonly KnownBlock[]): boolean {
  const telling = samples === 'mask' ? blocks.filter(({ ref }) => ref.image.isMask) : blocks;
  return telling.every(({ ref, block }) => {
    const { dtype } = ref.image;
    const pattern = patternOf(dtype, value, window.width);
    if (pattern === null) return false;
    const planes = samples === 'mask' ? [0] : samples.flatMap((sample) => planeOfSample(ref, sample) ?? []);
    if ('sparse' in block) return planes.length === 0 || Object.is(block.sparse, pattern.value);
    return planes.every((plane) => isPlaneFilled(ref, block, block.planes[plane]!, window, pattern));
  });
}

/** A value as a type of sample has it, and at least a row of it. */
interface Pattern {
  readonly dtype: Dtype;
  readonly asked: number;
  readonly value: number;
  readonly row: Uint8Array;
}

let latest: Pattern | null = null;

/** `null` if no sample of the type can have the value. */
function patternOf(dtype: Dtype, asked: number, width: number): Pattern | null {
  const length = width * bytesPerSample(dtype);
  if (latest !== null && latest.dtype === dtype && Object.is(latest.asked, asked) && latest.row.length >= length) {
    return latest;
  }
  const rounded = dtype === 'float32' ? Math.fround(asked) : asked;
  const samples = createSamples(dtype, width).fill(rounded);
  if (!Object.is(samples[0], rounded)) return null;
  latest = { dtype, asked, value: rounded, row: bytesOf(samples) };
  return latest;
}

function isPlaneFilled(
  ref: BlockRef,
  block: DecodedBlock,
  plane: Samples,
  window: Window,
  { row: pattern, dtype }: Pattern,
): boolean {
  const size = bytesPerSample(dtype);
  const bytes = bytesOf(plane);
  if (Buffer.compare(bytes.subarray(0, size), pattern.subarray(0, size)) === 0 && isUniform(plane)) return true;
  const { left, top, firstCol, lastCol, firstRow, lastRow } = overlapOf(ref, block, window);
  const wanted = pattern.subarray(0, (lastCol - firstCol) * size);
  for (let row = firstRow; row < lastRow; row += 1) {
    const start = (row - top) * block.width - left;
    const found = bytes.subarray((start + firstCol) * size, (start + lastCol) * size);
    if (Buffer.compare(found, wanted) !== 0) return false;
  }
  return true;
}

const uniform = new WeakMap<Samples, boolean>();

/** True if all samples of a block's plane are the same: if each is what comes before it. Looked at once. */
function isUniform(plane: Samples): boolean {
  let known = uniform.get(plane);
  if (known === undefined) {
    const bytes = bytesOf(plane);
    const size = plane.BYTES_PER_ELEMENT;
    known = Buffer.compare(bytes.subarray(size), bytes.subarray(0, -size)) === 0;
    uniform.set(plane, known);
  }
  return known;
}

function bytesOf({ buffer, byteOffset, byteLength }: Samples): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
