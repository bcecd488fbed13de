import type { Codec, EncodedBlock } from './codec.ts';
import { loadSharp } from './load-sharp.ts';

const YCBCR = 6;

export const refuseJpeg: Codec['refuse'] = ({ dtype, bits, samples }) => {
  if (dtype !== 'uint8' || bits !== 8) return `JPEG of ${dtype} with ${bits} bits is not read`;
  return samples === 1 || samples === 3 ? null : `JPEG with ${samples} interleaved bands is not read`;
};

/**
 * Decodes a JPEG block to grey or RGB, as GDAL gives it. libjpeg guesses the colours of a stream without markers; TIFF
 * states them, so an Adobe marker that says the same goes in front, and the stream's own application markers go (a JFIF
 * marker would override it, an ICC profile would change the colours).
 */
export async function decodeJpeg(block: EncodedBlock): Promise<Uint8Array> {
  const transform = block.samples === 3 ? (block.photometric === YCBCR ? 1 : 0) : null;
  const sharp = await loadSharp();
  const { data, info } = await sharp(completeJpeg(block.bytes, block.jpegTables, transform), {
    limitInputPixels: block.width * block.rows * 2,
    failOn: 'warning',
    ignoreIcc: true,
  })
    .toColourspace(block.samples === 1 ? 'b-w' : 'srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.width !== block.width || info.height < block.rows || info.channels !== block.samples) {
    throw new Error(`the JPEG is ${info.width} x ${info.height} pixels of ${info.channels} bands`);
  }
  return data;
}

/**
 * Joins a block with the tables that all blocks of a file share (TIFF Technical Note 2).
 *
 * @param transform - the Adobe marker's colour transform: 0 = none, 1 = YCbCr; null for no marker
 * @throws Error if the block or the tables are not JPEG
 */
export function completeJpeg(block: Uint8Array, tables: Uint8Array | null, transform: 0 | 1 | null): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0xff, 0xd8)];
  if (transform !== null) {
    const adobe = [0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, transform];
    parts.push(Uint8Array.from(adobe));
  }
  if (tables !== null) parts.push(...segmentsOf(tables));
  parts.push(...segmentsOf(block));
  return Buffer.concat(parts);
}

/** The segments of a stream without start, end, application data and comments; from the scan on all in one piece. */
function segmentsOf(bytes: Uint8Array): Uint8Array[] {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) throw new Error('the JPEG stream does not begin with FF D8');
  const segments: Uint8Array[] = [];
  let at = 2;
  while (at + 4 <= bytes.length) {
    const marker = bytes[at + 1]!;
    if (bytes[at] !== 0xff) throw new Error(`the JPEG stream has no marker at byte ${at}`);
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker === 0xda) {
      segments.push(bytes.subarray(at));
      break;
    }
    if (marker === 0xd9) break;
    const end = at + 2 + bytes[at + 2]! * 256 + bytes[at + 3]!;
    const isDropped = (marker >= 0xe0 && marker <= 0xef) || marker === 0xfe;
    if (!isDropped) segments.push(bytes.subarray(at, end));
    at = end;
  }
  return segments;
}
