import { crc32 } from 'node:zlib';
import { toColours } from '../check-picture.ts';
import type { DeepPicture, IndexedPicture, Picture } from '../check-picture.ts';
import { bitsOfIndex, MAX_COLOURS, planIndexed, sortPalette } from './palette.ts';
import type { Palette } from './palette.ts';
import { createPngKernel } from './png-kernel.ts';

/** Colour types of PNG (ISO 15948, 11.2.2). */
const GREY = 0;
const RGB = 2;
const INDEXED = 3;
const GREY_ALPHA = 4;
const RGB_ALPHA = 6;

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Signature, header, palette with alpha, and the frame of the data. */
const MAX_HEAD = 8 + 25 + (12 + 768) + (12 + 256) + 12;
/** Grey values of an opaque picture take no more than a byte a pixel anyway: only fewer bits make an index worth it. */
const MAX_GREY_COLOURS = 16;

const SAME_PLACES = Uint8Array.from({ length: MAX_COLOURS }, (_, index) => index);

interface Header {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: number;
  readonly colourType: number;
}

/**
 * Writes PNG files. One in a process is enough: a call is done when it returns, and its memory stays, some six times the
 * samples of the largest picture.
 */
export class PngWriter {
  private readonly kernel = createPngKernel();

  /**
   * Writes a picture: of 8 bits with a palette where it has few colours, of 16 bits as it is; with alpha where a pixel is
   * not opaque. What lies under mask 0 comes back as 0.
   */
  write(given: Picture | DeepPicture): Uint8Array {
    const { kernel } = this;
    const picture = withoutRepeats(given);
    const { bands } = picture;
    kernel.load(picture);
    const isOpaque = kernel.isOpaque() === 1;
    if (bands[0] instanceof Uint16Array) return this.writeDirect(picture, isOpaque);
    const count = kernel.countColours(bands.length === 1 && isOpaque ? MAX_GREY_COLOURS : MAX_COLOURS);
    if (count === 0) return this.writeDirect(picture, isOpaque);
    const found = Uint8Array.from(kernel.bytesAt(kernel.coloursAt(), 4 * count));
    const file = this.writePalette(picture, sortPalette(new Uint32Array(found.buffer)));
    // A ramp of many colours may take fewer bytes without its palette.
    if (6 * count <= file.length) return file;
    const direct = this.writeDirect(picture, isOpaque);
    return direct.length < file.length ? direct : file;
  }

  /**
   * Writes a picture by index with its own palette, so that every pixel keeps its index; entries behind the last that
   * occurs are left out. Pixels under mask 0 get an entry of their own that is transparent; where all 256 are taken, the
   * picture is written by its colours.
   *
   * @throws RangeError if a pixel has an index beyond the palette
   */
  writeIndexed(picture: IndexedPicture): Uint8Array {
    const { kernel } = this;
    const { width, height, mask, indices, palette } = picture;
    kernel.load({ width, height, bands: [], mask, indices });
    kernel.findUsed();
    const plan = planIndexed(palette, kernel.bytesAt(kernel.usedAt(), 2 * MAX_COLOURS));
    if (plan === null) return this.write(toColours(picture));
    if (plan.hiddenIndex !== null) kernel.hideMasked(plan.hiddenIndex);
    return this.writePalette(picture, { colours: plan.colours, places: SAME_PLACES });
  }

  /** Grey, RGB, or either with alpha where a pixel is not opaque. */
  private writeDirect({ width, height, bands }: Picture | DeepPicture, isOpaque: boolean): Uint8Array {
    const bitDepth = 8 * bands[0]!.BYTES_PER_ELEMENT;
    const colourType = bands.length === 1 ? (isOpaque ? GREY : GREY_ALPHA) : isOpaque ? RGB : RGB_ALPHA;
    this.kernel.selectDirect(!isOpaque);
    return this.writeFile({ width, height, bitDepth, colourType }, null);
  }

  /** The indices in the kernel with this palette, 1 to 8 bits each. */
  private writePalette({ width, height }: Pick<Picture, 'width' | 'height'>, palette: Palette): Uint8Array {
    const { kernel } = this;
    const count = palette.colours.length;
    const bitDepth = bitsOfIndex(count);
    kernel.bytesAt(kernel.placesAt(), MAX_COLOURS).set(palette.places);
    kernel.selectIndices(bitDepth, count);
    return this.writeFile({ width, height, bitDepth, colourType: INDEXED }, palette);
  }

  private writeFile(header: Header, palette: Palette | null): Uint8Array {
    const { kernel } = this;
    const start = kernel.fileAt();
    const head = kernel.bytesAt(start, MAX_HEAD);
    const from = openChunk(head, writeHead(head, header, palette), 'IDAT');
    const end = kernel.compress(start + from) - start;
    const file = kernel.bytesAt(start, end + 16);
    const at = closeChunk(file, from, end);
    return file.slice(0, closeChunk(file, openChunk(file, at, 'IEND'), at + 8));
  }
}

/** A picture of red, green and blue that are the same everywhere is grey: a third of the bytes to look at. */
function withoutRepeats(picture: Picture | DeepPicture): Picture | DeepPicture {
  const { bands } = picture;
  const [first] = bands;
  if (first === undefined || bands.some((band) => !isSame(first, band))) return picture;
  return { ...picture, bands: bands.slice(0, 1) } as Picture | DeepPicture;
}

/** Compared by the C library, which in a picture in colours stops at the first pixels. */
function isSame(a: Uint8Array | Uint16Array, b: Uint8Array | Uint16Array): boolean {
  return a === b || Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array | Uint16Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Writes all that goes before the data; gives where they begin. */
function writeHead(file: Uint8Array, { width, height, bitDepth, colourType }: Header, palette: Palette | null): number {
  file.set(SIGNATURE);
  const header = openChunk(file, SIGNATURE.length, 'IHDR');
  setUint32(file, header, width);
  setUint32(file, header + 4, height);
  file.set([bitDepth, colourType, 0, 0, 0], header + 8);
  let at = closeChunk(file, header, header + 13);
  if (palette === null) return at;
  const { colours } = palette;
  const entries = openChunk(file, at, 'PLTE');
  colours.forEach(([red, green, blue], n) => file.set([red, green, blue], entries + 3 * n));
  at = closeChunk(file, entries, entries + 3 * colours.length);
  const seeThrough = colours.findLastIndex(([, , , alpha]) => alpha !== 255) + 1;
  if (seeThrough === 0) return at;
  const alphas = openChunk(file, at, 'tRNS');
  for (let n = 0; n < seeThrough; n++) file[alphas + n] = colours[n]![3];
  return closeChunk(file, alphas, alphas + seeThrough);
}

/** Gives where the data of the chunk begin. */
function openChunk(file: Uint8Array, at: number, type: string): number {
  for (let i = 0; i < 4; i++) file[at + 4 + i] = type.charCodeAt(i);
  return at + 8;
}

/** Fills in length and checksum of the chunk whose data are `from … end`; gives where the next begins. */
function closeChunk(file: Uint8Array, from: number, end: number): number {
  setUint32(file, from - 8, end - from);
  setUint32(file, end, crc32(file.subarray(from - 4, end)));
  return end + 4;
}

function setUint32(file: Uint8Array, at: number, value: number): void {
  file[at] = value >>> 24;
  file[at + 1] = value >>> 16;
  file[at + 2] = value >>> 8;
  file[at + 3] = value;
}
