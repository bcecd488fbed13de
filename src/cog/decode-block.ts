import { endianness } from 'node:os';
import { TilerError, isAbortError, isTilerError } from '../errors.ts';
import { bytesPerSample, viewSamples, createSamples, type Dtype, type Samples } from '../raster/raster.ts';
import { bandPlanes } from './codec/band-planes.ts';
import type { EncodedBlock } from './codec/codec.ts';
import { isInDecodeMemory } from './codec/decode-memory.ts';
import { undoFloatPredictor } from './codec/predictor.ts';
import { codecOf, compressionName } from './codec/registry.ts';
import { blockRows, blockSamples, storedRowBytes, type ImageLayout } from './image-layout.ts';

/** The samples of one block, band by band: every plane is `width × rows`, row-major, in the machine's byte order. */
export interface DecodedBlock {
  readonly width: number;
  readonly rows: number;
  /** One per band of the block: all of a chunky block, one of a separate one. Values of a mask are 0 and 255. */
  readonly planes: readonly Samples[];
  readonly sizeBytes: number;
}

const IS_LITTLE_ENDIAN_MACHINE = endianness() === 'LE';

/** A block that is so much smaller in the file is one value for the most part; DEFLATE goes to 1,032. */
const RUN_EXPANSION = 256;

/** How many such blocks are kept, and how large one may be. */
const MAX_RUNS = 4;
const MAX_RUN_BYTES = 4 * 1024 * 1024;

interface Run {
  readonly image: ImageLayout;
  readonly bytes: Uint8Array;
  readonly block: DecodedBlock;
}

/**
 * The last such blocks. Of a map of classes most are the sea, or nothing, and the same bytes: they are decoded once, and
 * take the memory of one. Nobody writes to a decoded block.
 */
const runs: Run[] = [];

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/**
 * Decodes one block: decompression, byte order, predictor, odd bit depths, then band by band.
 *
 * Cost: one array of the block's size per step; the result holds on to nothing of `bytes`.
 *
 * @throws TilerError `ASSET_CORRUPT`
 */
export async function decodeBlock(
  image: ImageLayout,
  block: number,
  bytes: Uint8Array,
  label: string,
): Promise<DecodedBlock> {
  const codec = codecOf(image.compression);
  const rows = blockRows(image, block);
  const known = runs.find((run) => run.image === image && run.block.rows === rows && isSame(run.bytes, bytes));
  if (known !== undefined) return known.block;
  const rowBytes =
    codec?.isByteStream === false
      ? image.blockWidth * blockSamples(image) * bytesPerSample(image.dtype)
      : storedRowBytes(image);
  const decodedBytes = rowBytes * rows;
  try {
    if (codec === null) throw new Error('there is no decoder for it');
    // The end of a stream may be missing, but not so much of it that its pixels cannot be in it.
    if (codec.maxExpansion !== null && (bytes.length + 1) * codec.maxExpansion < decodedBytes)
      throw new Error(`it cannot hold the ${decodedBytes} bytes of its pixels`);
    const encoded: EncodedBlock = {
      bytes,
      width: image.blockWidth,
      rows,
      samples: blockSamples(image),
      dtype: image.dtype,
      photometric: image.photometric,
      jpegTables: image.jpegTables,
      decodedBytes,
    };
    const apart = codec.decodePlanes?.(encoded) ?? null;
    if (apart !== null) {
      const planes = planesApart(image, rows, apart);
      return { width: image.blockWidth, rows, planes, sizeBytes: sizeOf(planes) };
    }
    const decoding = codec.decode(encoded);
    // Without a turn where nothing is waited for: what lies in the decoders' memory is good until the next block only.
    const decoded = decoding instanceof Promise ? await decoding : decoding;
    if (decoded.length < decodedBytes)
      throw new Error(`it holds ${decoded.length} bytes; expected are ${decodedBytes}`);
    const stored = decoded.subarray(0, decodedBytes);
    const isShared = decoded === bytes || isInDecodeMemory(decoded);
    const planes = codec.isByteStream
      ? planesOfStream(image, rows, stored, isShared)
      : planesOf(image, rows, viewAs(image.dtype, stored), isShared);
    const made = { width: image.blockWidth, rows, planes, sizeBytes: sizeOf(planes) };
    if (bytes.length * RUN_EXPANSION <= decodedBytes && decodedBytes <= MAX_RUN_BYTES) {
      runs.unshift({ image, bytes: new Uint8Array(bytes), block: made });
      if (runs.length > MAX_RUNS) runs.pop();
    }
    return made;
  } catch (error) {
    if (isTilerError(error) || isAbortError(error)) throw error;
    const found = error instanceof Error ? error.message : 'a failure without a message';
    const what = `block ${block} of directory ${image.index} (${compressionName(image.compression)}, ${bytes.length} bytes)`;
    throw new TilerError('ASSET_CORRUPT', `Decoding ${what} of ${label}: ${found}`, {
      context: { href: label },
      cause: error,
    });
  }
}

/** The block that stands for a sparse one: nodata where the file has it, else 0 (as GDAL reads it). */
export function sparseBlock(image: ImageLayout, block: number, nodata: number | null): DecodedBlock {
  const rows = blockRows(image, block);
  const planes = Array.from({ length: blockSamples(image) }, () => createSamples(image.dtype, image.blockWidth * rows));
  if (nodata !== null && nodata !== 0 && !image.isMask) for (const plane of planes) plane.fill(nodata);
  return { width: image.blockWidth, rows, planes, sizeBytes: sizeOf(planes) };
}

/** Bands from the bytes of a stream: the file's byte order and predictor undone. */
function planesOfStream(image: ImageLayout, rows: number, bytes: Uint8Array, isShared: boolean): readonly Samples[] {
  const { bits, dtype, littleEndian, predictor } = image;
  const step = blockSamples(image);
  if (bits % 8 !== 0) return planesOf(image, rows, unpackBits(image, bytes), false);
  const size = bits / 8;
  const rowSamples = image.blockWidth * step;
  if (predictor === 3) {
    const little = undoFloatPredictor(bytes, rowSamples, step, size);
    return planesOf(image, rows, viewAs(dtype, IS_LITTLE_ENDIAN_MACHINE ? little : swapBytes(little, size)), false);
  }
  const isSwapped = size > 1 && littleEndian !== IS_LITTLE_ENDIAN_MACHINE;
  const samples = viewAs(dtype, isSwapped ? swapBytes(new Uint8Array(bytes), size) : bytes);
  return planesOf(image, rows, samples, isShared, predictor === 2);
}

/** Samples of 1 to 15 bits, most significant first, each row beginning on a byte. */
function unpackBits(image: ImageLayout, bytes: Uint8Array): Samples {
  const { bits } = image;
  const rowSamples = image.blockWidth * blockSamples(image);
  const rowBytes = storedRowBytes(image);
  const rows = bytes.length / rowBytes;
  const out = createSamples(image.dtype, rowSamples * rows);
  const scale = image.isMask && bits === 1 ? 255 : 1;
  const top = (1 << bits) - 1;
  for (let row = 0; row < rows; row += 1) {
    let at = row * rowBytes;
    let held = 0;
    let buffer = 0;
    for (let i = row * rowSamples; i < (row + 1) * rowSamples; i += 1) {
      while (held < bits) {
        buffer = ((buffer << 8) | bytes[at]!) & 0xff_ff_ff;
        at += 1;
        held += 8;
      }
      held -= bits;
      out[i] = ((buffer >>> held) & top) * scale;
    }
  }
  return out;
}

/** @param isShared - true if the samples lie in memory that belongs to someone else, so that a copy must be made */
function planesOf(
  image: ImageLayout,
  rows: number,
  samples: Samples,
  isShared: boolean,
  isDifference = false,
): readonly Samples[] {
  const count = blockSamples(image);
  if (count === 1 && !isDifference) return [isShared ? copyOf(image.dtype, samples) : samples];
  return bandPlanes({ samples, dtype: image.dtype, width: image.blockWidth, rows, count, isDifference });
}

/** A copy in memory of its own: that is not zeroed first, as `slice` of an array does it. */
function copyOf(dtype: Dtype, { buffer, byteOffset, byteLength, length }: Samples): Samples {
  return viewSamples(dtype, buffer.slice(byteOffset, byteOffset + byteLength), 0, length);
}

/** Planes one behind the other, copied at once. */
function planesApart(image: ImageLayout, rows: number, bytes: Uint8Array): readonly Samples[] {
  const { buffer } = copyOf(image.dtype, viewAs(image.dtype, bytes));
  const length = image.blockWidth * rows;
  return Array.from({ length: blockSamples(image) }, (_, n) =>
    viewSamples(image.dtype, buffer, n * length * bytesPerSample(image.dtype), length),
  );
}

/** The same memory as samples; a copy where it does not begin at a multiple of the sample's size. */
function viewAs(dtype: Dtype, bytes: Uint8Array): Samples {
  const size = bytesPerSample(dtype);
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return viewSamples(dtype, buffer, byteOffset, Math.floor(byteLength / size));
}

function swapBytes(bytes: Uint8Array, size: number): Uint8Array {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (size === 2) buffer.swap16();
  else if (size === 4) buffer.swap32();
  else if (size === 8) buffer.swap64();
  return bytes;
}

function sizeOf(planes: readonly Samples[]): number {
  return planes.reduce((sum, plane) => sum + plane.byteLength, 0);
}
