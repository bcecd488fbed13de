import type { EncodedBlock } from './codec.ts';
import { decodeMemory, MAX_MEMORY_BYTES } from './decode-memory.ts';
import { parseJpegHeader, type JpegHeader } from './jpeg-header.ts';

const YCBCR = 6;

/** Where coefficients lie in a block by rows, in the order of the stream (ITU-T T.81 figure A.6). */
// prettier-ignore
const ZIGZAG = [
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47,
  55, 62, 63,
];

/**
 * Decodes a JPEG block in the memory of the WebAssembly decoders to planes one behind the other, of grey or RGB: to the
 * bit what libjpeg-turbo gives by its accurate transform and smooth upsampling, which is what GDAL reads. 512 x 512 pixels
 * of YCbCr take less than half of the time that a library takes which gives them interleaved.
 *
 * @returns a view that is good until the next block is decoded; null for streams of another kind than GDAL writes, and
 * for damaged ones: whoever asks then takes another decoder, which also says what is wrong
 */
export function decodeJpegInMemory(block: EncodedBlock): Uint8Array | null {
  const { width, rows, samples, photometric } = block;
  const header = parseJpegHeader(block.bytes, block.jpegTables);
  if (header === null || header.width !== width || header.components.length !== samples) return null;
  if (header.height < rows || header.height > rows * 2 || width < 8) return null;
  const isYcc = samples === 3 && photometric === YCBCR;
  const subsampled = subsamplingOf(header, isYcc);
  if (subsampled === null) return null;
  const memory = decodeMemory();
  if (memory === null) return null;
  const from = memory.exports.firstFree();
  const scanBytes = header.scan.length;
  const scratch = Math.ceil((from + scanBytes + 64) / 16) * 16;
  // The scan again, up to three components of whole units, the planes, three rows.
  const componentBytes = (width + 16) * (header.height + 16) * samples;
  const end = scratch + scanBytes + componentBytes + width * rows * samples + 8 * (width + 128) + 512;
  if (end > MAX_MEMORY_BYTES) return null;
  memory.reserve(end);
  const view = new Uint8Array(memory.memory.buffer);
  view.set(header.scan, from);
  writeFrame(header, view, memory.exports.jpegFrame());
  const tableSets = header.components.reduce((sum, { dc }, n) => sum | (dc << (2 * n)), 0);
  const { height } = header;
  const to = memory.exports.jpeg(
    from,
    scanBytes,
    scratch,
    width,
    height,
    rows,
    samples,
    tableSets,
    subsampled ? 1 : 0,
    isYcc,
  );
  return to === 0 ? null : view.subarray(to, to + width * rows * samples);
}

/** True for colours of half the size both ways, false for components of one size; null for anything else. */
function subsamplingOf({ components, width }: JpegHeader, isYcc: boolean): boolean | null {
  const [first, ...others] = components;
  if (first === undefined || components.some(({ dc, ac }) => dc !== ac)) return null;
  // One component alone is stored block by block, whatever its sampling says.
  if (others.length === 0) return false;
  if (others.some(({ across, down }) => across !== 1 || down !== 1)) return null;
  if (first.across === 1 && first.down === 1) return false;
  return isYcc && first.across === 2 && first.down === 2 && width > 4 ? true : null;
}

function writeFrame({ components, tables }: JpegHeader, view: Uint8Array, at: number): void {
  for (const [n, { steps }] of components.entries()) {
    for (const [position, step] of steps.entries()) {
      view[at + n * 128 + ZIGZAG[position]! * 2] = step;
      view[at + n * 128 + ZIGZAG[position]! * 2 + 1] = 0;
    }
  }
  for (const [n, table] of tables.entries()) {
    const to = at + 3 * 128 + n * 272;
    view.fill(0, to, to + 272);
    if (table === null) continue;
    view.set(table.counts, to);
    view.set(table.values, to + 16);
  }
}
