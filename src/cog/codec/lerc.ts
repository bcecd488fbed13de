import type * as lercModule from 'lerc';
import type { LercPixelType, PixelTypedArray } from 'lerc';
import type { Dtype } from '../../raster/raster.ts';
import type { Codec, EncodedBlock } from './codec.ts';
import { inflate } from './deflate.ts';
import { decompressZstd } from './zstd.ts';

/** A blob of noise is not smaller than its pixels, and has a header and a mask besides. */
const MAX_BLOB_EXCESS = 64 * 1024;

const DTYPES: Readonly<Record<LercPixelType, Dtype>> = {
  S8: 'int8',
  U8: 'uint8',
  S16: 'int16',
  U16: 'uint16',
  S32: 'int32',
  U32: 'uint32',
  F32: 'float32',
  F64: 'float64',
};

type Lerc = Pick<typeof lercModule, 'decode' | 'getBlobInfo'>;

let loading: Promise<Lerc> | null = null;

export const refuseLerc: Codec['refuse'] = ({ bits }) => (bits % 8 !== 0 ? `LERC of ${bits} bits is not read` : null);

/**
 * Decodes a LERC blob, which may itself be deflated or in Zstandard (LERC_DEFLATE, LERC_ZSTD), as libtiff writes it:
 * all bands in one blob, as depths. Invalid pixels of floats become NaN; a missing last band is alpha, told by the
 * blob's validity.
 */
export async function decodeLerc(block: EncodedBlock): Promise<Uint8Array> {
  loading ??= loadLerc();
  const { decode, getBlobInfo } = await loading;
  const blob = await unwrap(block);
  const { width, height, depthCount, bandCount } = getBlobInfo(blob);
  const isAlphaApart = depthCount === block.samples - 1;
  const isExpected = width === block.width && height >= block.rows && height <= block.rows * 2 && bandCount === 1;
  if (!isExpected || (depthCount !== block.samples && !isAlphaApart)) {
    throw new Error(`the LERC blob is ${width} x ${height} pixels of ${depthCount} depths and ${bandCount} bands`);
  }
  const { pixels, mask, pixelType } = decode(blob, { returnInterleaved: true });
  const values = pixels[0];
  if (values === undefined || DTYPES[pixelType] !== block.dtype) throw new Error(`the LERC blob holds ${pixelType}`);
  const samples = isAlphaApart ? withAlpha(values, mask, depthCount) : withNan(values, mask, depthCount);
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
}

async function loadLerc(): Promise<Lerc> {
  const lerc = await import('lerc');
  await lerc.load();
  return lerc;
}

async function unwrap({ bytes, decodedBytes }: EncodedBlock): Promise<Uint8Array> {
  const head = String.fromCharCode(...bytes.subarray(0, 5));
  if (head === 'Lerc2' || head === 'CntZI') return bytes;
  const bound = decodedBytes + MAX_BLOB_EXCESS;
  // The magic number of Zstandard (RFC 8878 section 3.1.1) never begins a zlib stream.
  const isZstd = bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd;
  return isZstd ? decompressZstd(bytes, bound) : inflate(bytes, bound);
}

function withNan(values: PixelTypedArray, mask: Uint8Array | null, depth: number): PixelTypedArray {
  const isFloat = values instanceof Float32Array || values instanceof Float64Array;
  if (mask === null || !isFloat) return values;
  for (let pixel = 0; pixel < mask.length; pixel += 1) {
    if (mask[pixel] === 0) values.fill(Number.NaN, pixel * depth, (pixel + 1) * depth);
  }
  return values;
}

function withAlpha(values: PixelTypedArray, mask: Uint8Array | null, depth: number): PixelTypedArray {
  const pixels = values.length / depth;
  if (!(values instanceof Uint8Array)) throw new Error('the LERC blob keeps alpha apart for samples other than bytes');
  const all = new Uint8Array(pixels * (depth + 1));
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    for (let band = 0; band < depth; band += 1) all[pixel * (depth + 1) + band] = values[pixel * depth + band]!;
    all[pixel * (depth + 1) + depth] = mask === null || mask[pixel] !== 0 ? 255 : 0;
  }
  return all;
}
