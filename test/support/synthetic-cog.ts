import { deflateSync } from 'node:zlib';
import type { Affine } from '../../src/geo/affine.ts';
import type { Samples } from '../../src/raster/raster.ts';
import { encodeLzw, encodePackBits } from './tiff-encoders.ts';
import { halve } from './tiff-overviews.ts';
import { writeTiff, type TiffDirectory, type TiffField } from './tiff-writer.ts';

/** What a synthetic COG holds. Every band is `width × height`, row-major; all are arrays of one type, which is the file's dtype. */
export interface SyntheticCog {
  readonly width: number;
  readonly height: number;
  readonly bands: readonly Samples[];
  /** EPSG code: 4326 (or any code from 4000 to 4999) is written as geographic, all others as projected. */
  readonly epsg: number;
  readonly transform: Affine;
  /** Written as GDAL_NODATA; overviews average only the other pixels. */
  readonly nodata?: number;
  /** Colours of the values of the one band, from 0 on; those that are not given are black. */
  readonly palette?: readonly (readonly [red: number, green: number, blue: number])[];
  /** An extra band of unassociated alpha, 0 to 255 in the dtype of the bands; colours are averaged by its weight. */
  readonly alpha?: Samples;
  /** Written as a one-bit mask directory beside every level; non-zero = valid. */
  readonly mask?: Uint8Array;
  /** Width and height of a tile, a multiple of 16. Default 256. */
  readonly blockSize?: number;
  /** Default `deflate`. */
  readonly compression?: SyntheticCompression;
  /** TIFF predictor, of `deflate` and `lzw` only: TIFF has none for the others. Default 1. */
  readonly predictor?: 1 | 2 | 3;
  /** How many times the size is halved. Default 0. */
  readonly overviews?: number;
  /** Default `chunky`. */
  readonly planar?: 'chunky' | 'separate';
  /** Default little-endian, classic TIFF. */
  readonly bigEndian?: boolean;
  readonly bigTiff?: boolean;
  /** The transform is still the one of pixel corners; the tiepoint is written at the pixel centre. */
  readonly pixelIsPoint?: boolean;
  /** Blocks in which every sample is `nodata` (or 0) are left out: offset and byte count 0. */
  readonly sparse?: boolean;
  /** Writes strips of this many rows instead of tiles. */
  readonly rowsPerStrip?: number;
  /** Blocks that were encoded elsewhere; they take the place of those made of the pixels. */
  readonly pictures?: SyntheticPictures;
}

/** The blocks of every level as pictures, and what the tags say of them. */
export interface SyntheticPictures {
  readonly blocks: readonly (readonly Uint8Array[])[];
  readonly compressionTag: 7 | 50001;
  /** TIFF's PhotometricInterpretation. */
  readonly photometric: 1 | 2 | 6;
  readonly jpegTables: Uint8Array | null;
}

export type SyntheticCompression = 'none' | 'deflate' | 'lzw' | 'packbits';

const COMPRESSION_TAG: Readonly<Record<SyntheticCompression, number>> = {
  none: 1,
  lzw: 5,
  deflate: 8,
  packbits: 32773,
};

/** One level: the bands, then alpha, and the mask. */
export interface SyntheticLevel {
  readonly width: number;
  readonly height: number;
  readonly bands: readonly Samples[];
  readonly alpha: Samples | null;
  readonly mask: Uint8Array | null;
}

/**
 * Writes a COG: all directories first (full size, its mask, then the overviews, each with its mask), then the blocks of
 * the coarsest level up to those of full size. Overviews are 2x2 averages of the valid pixels, weighted by alpha.
 */
export function writeCog(cog: SyntheticCog): Uint8Array {
  const directories: TiffDirectory[] = [];
  for (const [index, level] of syntheticLevels(cog).entries()) {
    directories.push(imageDirectory(cog, level, index));
    if (level.mask !== null) directories.push(maskDirectory(cog, level, level.mask, index > 0));
  }
  return writeTiff(directories, { bigEndian: cog.bigEndian ?? false, bigTiff: cog.bigTiff ?? false });
}

/** The pixels that `writeCog` writes, level by level: what a reader must give back. */
export function syntheticLevels(cog: SyntheticCog): readonly SyntheticLevel[] {
  let level: SyntheticLevel = {
    width: cog.width,
    height: cog.height,
    bands: cog.bands,
    alpha: cog.alpha ?? null,
    mask: cog.mask ?? null,
  };
  const levels = [level];
  for (let n = 0; n < (cog.overviews ?? 0); n += 1) {
    level = halve(level, cog.nodata ?? null);
    levels.push(level);
  }
  return levels;
}

function imageDirectory(cog: SyntheticCog, level: SyntheticLevel, index: number): TiffDirectory {
  const isOverview = index > 0;
  const { pictures } = cog;
  const planes = level.alpha === null ? level.bands : [...level.bands, level.alpha];
  const first = planes[0];
  if (first === undefined) throw new RangeError('a COG needs at least one band');
  const separate = cog.planar === 'separate';
  const bits = first.BYTES_PER_ELEMENT * 8;
  const format = first instanceof Float32Array || first instanceof Float64Array ? 3 : isSigned(first) ? 2 : 1;
  const colour = cog.palette !== undefined ? 3 : level.bands.length === 3 && first instanceof Uint8Array ? 2 : 1;
  const extra = planes.length - (colour === 2 ? 3 : 1);
  const fields: TiffField[] = [
    { tag: 254, type: 'long', values: [isOverview ? 1 : 0] },
    { tag: 256, type: 'long', values: [level.width] },
    { tag: 257, type: 'long', values: [level.height] },
    { tag: 258, type: 'short', values: planes.map(() => bits) },
    { tag: 259, type: 'short', values: [pictures?.compressionTag ?? COMPRESSION_TAG[cog.compression ?? 'deflate']] },
    { tag: 262, type: 'short', values: [pictures?.photometric ?? colour] },
    { tag: 277, type: 'short', values: [planes.length] },
    { tag: 284, type: 'short', values: [separate ? 2 : 1] },
    { tag: 317, type: 'short', values: [predictorOf(cog)] },
    { tag: 339, type: 'short', values: planes.map(() => format) },
  ];
  if (extra > 0) {
    const kinds = Array.from({ length: extra }, (_, n) => (n === extra - 1 && level.alpha !== null ? 2 : 0));
    fields.push({ tag: 338, type: 'short', values: kinds });
  }
  if (cog.palette !== undefined) {
    // All reds, then all greens, then all blues; 16 bits each.
    const parts = [0, 1, 2].flatMap((part) =>
      Array.from({ length: 2 ** bits }, (_, value) => 257 * (cog.palette?.[value]?.[part] ?? 0)),
    );
    fields.push({ tag: 320, type: 'short', values: parts });
  }
  if (cog.nodata !== undefined)
    fields.push({ tag: 42113, type: 'ascii', values: asciiValues(formatNodata(cog.nodata)) });
  if (!isOverview) fields.push(...geoFields(cog));
  if (pictures !== undefined) {
    const tables = pictures.jpegTables;
    if (tables !== null) fields.push({ tag: 347, type: 'byte', values: [...tables] });
    return blockDirectory(cog, level, fields, pictures.blocks[index] ?? []);
  }
  const groups = separate ? planes.map((plane) => [plane]) : [planes];
  return blockDirectory(
    cog,
    level,
    fields,
    groups.flatMap((group) => encodeBlocks(cog, level, group)),
  );
}

function maskDirectory(cog: SyntheticCog, level: SyntheticLevel, mask: Uint8Array, isOverview: boolean): TiffDirectory {
  const fields: TiffField[] = [
    { tag: 254, type: 'long', values: [isOverview ? 5 : 4] },
    { tag: 256, type: 'long', values: [level.width] },
    { tag: 257, type: 'long', values: [level.height] },
    { tag: 258, type: 'short', values: [1] },
    { tag: 259, type: 'short', values: [8] },
    { tag: 262, type: 'short', values: [4] },
    { tag: 277, type: 'short', values: [1] },
    { tag: 284, type: 'short', values: [1] },
  ];
  const blocks = blockRectangles(cog, level).map(({ col, row, width, height }) => {
    const stride = Math.ceil(width / 8);
    const bytes = new Uint8Array(stride * height);
    for (let y = 0; y < height && row + y < level.height; y += 1) {
      for (let x = 0; x < width && col + x < level.width; x += 1) {
        if (mask[(row + y) * level.width + col + x] !== 0) bytes[y * stride + (x >> 3)]! |= 0x80 >> (x & 7);
      }
    }
    return new Uint8Array(deflateSync(bytes));
  });
  return blockDirectory(cog, level, fields, blocks);
}

function blockDirectory(
  cog: SyntheticCog,
  level: SyntheticLevel,
  fields: readonly TiffField[],
  blocks: readonly Uint8Array[],
): TiffDirectory {
  const size = cog.blockSize ?? 256;
  const shape: TiffField[] =
    cog.rowsPerStrip === undefined
      ? [
          { tag: 322, type: 'long', values: [size] },
          { tag: 323, type: 'long', values: [size] },
        ]
      : [{ tag: 278, type: 'long', values: [cog.rowsPerStrip] }];
  return { fields: [...fields, ...shape], blocks, tiled: cog.rowsPerStrip === undefined };
}

/** The blocks of a level in the order of the file; those at its right and lower edge reach beyond it. */
export function blockRectangles(
  cog: Pick<SyntheticCog, 'rowsPerStrip' | 'blockSize'>,
  level: Pick<SyntheticLevel, 'width' | 'height'>,
) {
  const width = cog.rowsPerStrip === undefined ? (cog.blockSize ?? 256) : level.width;
  const height = cog.rowsPerStrip ?? cog.blockSize ?? 256;
  const rectangles: { col: number; row: number; width: number; height: number }[] = [];
  for (let row = 0; row < level.height; row += height) {
    const rows = cog.rowsPerStrip === undefined ? height : Math.min(height, level.height - row);
    for (let col = 0; col < level.width; col += width) rectangles.push({ col, row, width, height: rows });
  }
  return rectangles;
}

function encodeBlocks(cog: SyntheticCog, level: SyntheticLevel, planes: readonly Samples[]): Uint8Array[] {
  const fill = cog.nodata ?? 0;
  return blockRectangles(cog, level).map(({ col, row, width, height }) => {
    const first = planes[0]!;
    const count = planes.length;
    const block = sameType(first, width * height * count);
    block.fill(fill);
    let isEmpty = true;
    const columns = Math.min(width, level.width - col);
    for (let y = 0; y < height && row + y < level.height; y += 1) {
      for (let band = 0; band < count; band += 1) {
        const plane = planes[band]!;
        const from = (row + y) * level.width + col;
        let to = y * width * count + band;
        for (let x = 0; x < columns; x += 1, to += count) {
          const value = plane[from + x]!;
          block[to] = value;
          if (isEmpty && !Object.is(value, fill)) isEmpty = false;
        }
      }
    }
    if (cog.sparse === true && isEmpty) return new Uint8Array(0);
    const bytes = predict(block, width, count, predictorOf(cog), cog.bigEndian ?? false);
    return COMPRESS[cog.compression ?? 'deflate'](bytes);
  });
}

function predictorOf(cog: SyntheticCog): 1 | 2 | 3 {
  const compression = cog.compression ?? 'deflate';
  return compression === 'deflate' || compression === 'lzw' ? (cog.predictor ?? 1) : 1;
}

/** Applies the predictor and gives the bytes in the file's order. */
function predict(block: Samples, width: number, count: number, predictor: 1 | 2 | 3, bigEndian: boolean): Uint8Array {
  const stride = width * count;
  if (predictor === 3) return predictFloat(block, stride, count);
  if (predictor === 2) {
    const integers = integersOf(block);
    for (let start = 0; start < integers.length; start += stride) {
      for (let i = start + stride - 1; i >= start + count; i -= 1) integers[i]! -= integers[i - count]!;
    }
  }
  const bytes = new Uint8Array(block.buffer, block.byteOffset, block.byteLength);
  return bigEndian ? reverseSamples(bytes, block.BYTES_PER_ELEMENT) : bytes;
}

function predictFloat(block: Samples, stride: number, count: number): Uint8Array {
  const size = block.BYTES_PER_ELEMENT;
  const from = new Uint8Array(block.buffer, block.byteOffset, block.byteLength);
  const to = new Uint8Array(from.length);
  for (let row = 0; row < from.length; row += stride * size) {
    for (let i = 0; i < stride; i += 1) {
      for (let b = 0; b < size; b += 1) to[row + b * stride + i] = from[row + i * size + (size - 1 - b)]!;
    }
    for (let i = row + stride * size - 1; i >= row + count; i -= 1) to[i]! -= to[i - count]!;
  }
  return to;
}

const COMPRESS: Readonly<Record<SyntheticCompression, (bytes: Uint8Array) => Uint8Array>> = {
  none: (bytes) => bytes,
  deflate: (bytes) => new Uint8Array(deflateSync(bytes)),
  lzw: encodeLzw,
  packbits: encodePackBits,
};

function geoFields(cog: SyntheticCog): TiffField[] {
  const [a, b, c, d, e, f] = cog.transform;
  const isGeographic = cog.epsg >= 4000 && cog.epsg < 5000;
  const shift = cog.pixelIsPoint === true ? 0.5 : 0;
  const x = c + shift * (a + b);
  const y = f + shift * (d + e);
  const placed: TiffField[] =
    b === 0 && d === 0 && e < 0
      ? [
          { tag: 33550, type: 'double', values: [a, -e, 0] },
          { tag: 33922, type: 'double', values: [0, 0, 0, x, y, 0] },
        ]
      : [{ tag: 34264, type: 'double', values: [a, b, 0, x, d, e, 0, y, 0, 0, 0, 0, 0, 0, 0, 1] }];
  const keys = [
    [1024, 0, 1, isGeographic ? 2 : 1],
    [1025, 0, 1, cog.pixelIsPoint === true ? 2 : 1],
    [isGeographic ? 2048 : 3072, 0, 1, cog.epsg],
  ];
  return [...placed, { tag: 34735, type: 'short', values: [1, 1, 0, keys.length, ...keys.flat()] }];
}

function sameType(sample: Samples, length: number): Samples {
  const { constructor } = sample;
  return new (constructor as new (length: number) => Samples)(length);
}

function integersOf(block: Samples): Uint8Array | Uint16Array | Uint32Array {
  const { buffer, byteOffset, length } = block;
  if (block.BYTES_PER_ELEMENT === 1) return new Uint8Array(buffer, byteOffset, length);
  if (block.BYTES_PER_ELEMENT === 2) return new Uint16Array(buffer, byteOffset, length);
  if (block.BYTES_PER_ELEMENT === 4) return new Uint32Array(buffer, byteOffset, length);
  throw new RangeError('predictor 2 is written for samples of 8, 16 and 32 bits');
}

function reverseSamples(bytes: Uint8Array, size: number): Uint8Array {
  const swapped = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i += size) {
    for (let b = 0; b < size; b += 1) swapped[i + b] = bytes[i + size - 1 - b]!;
  }
  return swapped;
}

function isSigned(sample: Samples): boolean {
  return sample instanceof Int8Array || sample instanceof Int16Array || sample instanceof Int32Array;
}

function formatNodata(nodata: number): string {
  return Number.isNaN(nodata) ? 'nan' : String(nodata);
}

function asciiValues(text: string): readonly number[] {
  return [...new TextEncoder().encode(text), 0];
}
