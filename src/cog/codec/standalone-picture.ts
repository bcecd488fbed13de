import { completeJpeg } from './jpeg.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}

const YCBCR = 6;

/** Says that three components are YCbCr and one is grey. Version 1.1, no density, no thumbnail. */
const JFIF = Uint8Array.of(0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0);

/** Frames of 8 bits that every decoder knows: baseline, extended and progressive, all of Huffman's codes. */
const KNOWN_FRAMES: ReadonlySet<number> = new Set([0xc0, 0xc1, 0xc2]);

/**
 * A JPEG file of a TIFF block: the tables that the blocks share are put in, its own application markers taken out, and a
 * marker says what TIFF's PhotometricInterpretation does: JFIF for grey and YCbCr, Adobe's with transform 0 for RGB.
 *
 * @returns null if the block is cut off, lacks tables, or its frame is not of the size and kind expected
 */
export function standaloneJpeg(
  block: Uint8Array,
  tables: Uint8Array | null,
  expected: Size & { readonly samples: number; readonly photometric: number },
): Uint8Array | null {
  // A decoder makes do with a stream that ends early; whoever looks at the tile should not have to.
  if (block.at(-2) !== 0xff || block.at(-1) !== 0xd9) return null;
  const isRgb = expected.samples === 3 && expected.photometric !== YCBCR;
  let bare: Uint8Array;
  try {
    bare = completeJpeg(block, tables, isRgb ? 0 : null);
  } catch {
    return null;
  }
  if (!isComplete(bare, expected)) return null;
  return isRgb ? bare : Buffer.concat([bare.subarray(0, 2), JFIF, bare.subarray(2)]);
}

/** True if the segments before the first scan are tables of both kinds and one frame as expected. */
function isComplete(jpeg: Uint8Array, { width, height, samples }: Size & { readonly samples: number }): boolean {
  const seen = new Set<number>();
  for (let at = 2; at + 4 <= jpeg.length; at += 2 + jpeg[at + 2]! * 256 + jpeg[at + 3]!) {
    const marker = jpeg[at + 1]!;
    if (marker === 0xda) return seen.has(0xdb) && seen.has(0xc4) && [...KNOWN_FRAMES].some((frame) => seen.has(frame));
    seen.add(marker);
    // Any frame but those of the tables: C4 defines Huffman's codes, C8 is reserved, CC is arithmetic coding's.
    if ((marker & 0xf0) !== 0xc0 || marker === 0xc4) continue;
    const [precision, rows1 = 0, rows0 = 0, columns1 = 0, columns0 = 0, components] = jpeg.subarray(at + 4, at + 10);
    const isSize = rows1 * 256 + rows0 === height && columns1 * 256 + columns0 === width;
    if (!KNOWN_FRAMES.has(marker) || !isSize || precision !== 8 || components !== samples) return false;
  }
  return false;
}

/**
 * A WebP file of a TIFF block, which is one already, without what follows its end.
 *
 * @returns null if it is cut off, not of the size expected, has alpha, which then is not 255 everywhere, or is of the
 * extended kind, which may have a colour profile, an orientation or several frames too
 */
export function standaloneWebp(block: Uint8Array, { width, height }: Size): Uint8Array | null {
  const view = Buffer.from(block.buffer, block.byteOffset, block.length);
  if (block.length < 30 || view.toString('latin1', 0, 4) !== 'RIFF') return null;
  const length = view.readUInt32LE(4) + 8;
  const picture = 20 + view.readUInt32LE(16);
  if (view.toString('latin1', 8, 12) !== 'WEBP' || length > block.length || picture > length) return null;
  const isExpected = (foundWidth: number, foundHeight: number): boolean =>
    foundWidth === width && foundHeight === height;
  const kind = view.toString('latin1', 12, 16);
  if (kind === 'VP8 ') {
    // Frame tag, start code, then 14 bits each and two of a scale that decoders ignore.
    const isKeyFrame = view.readUIntBE(23, 3) === 0x9d_01_2a;
    const isSize = isExpected(view.readUInt16LE(26) & 0x3fff, view.readUInt16LE(28) & 0x3fff);
    return isKeyFrame && isSize ? block.subarray(0, length) : null;
  }
  if (kind !== 'VP8L' || block[20] !== 0x2f) return null;
  const bits = view.readUInt32LE(21);
  // Size, then whether alpha is used, then the version, which is 0.
  if (bits >>> 28 !== 0 || !isExpected((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1)) return null;
  return block.subarray(0, length);
}
