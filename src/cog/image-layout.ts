import type { ImageFileDirectory } from 'geotiff';
import { TilerError, type ErrorCode } from '../errors.ts';
import { bytesPerSample, type Dtype } from '../raster/raster.ts';
import { codecOf, compressionName } from './codec/registry.ts';
import type { CogLimits } from './limits.ts';
import { numberOf, numbersOf, textOf } from './parse-directories.ts';

/** One directory of a TIFF that holds pixels: how they are cut into blocks, stored and encoded. */
export interface ImageLayout {
  /** Position of its file among those of the COG: 0 = the COG itself, the others are its sidecars. */
  readonly file: number;
  /** Position in the chain of directories; part of the block cache's key. */
  readonly index: number;
  readonly isOverview: boolean;
  readonly isMask: boolean;
  readonly width: number;
  readonly height: number;
  /** A strip is a block as wide as the image; the last one may have fewer rows, while a tile is always whole. */
  readonly isTiled: boolean;
  readonly blockWidth: number;
  readonly blockHeight: number;
  readonly blocksAcross: number;
  readonly blocksDown: number;
  /** Samples per pixel, alpha included. */
  readonly samples: number;
  /** `separate`: all blocks of the first band, then all of the second. */
  readonly planar: 'chunky' | 'separate';
  readonly bits: number;
  readonly dtype: Dtype;
  readonly compression: number;
  /** 1 = none, 2 = horizontal difference, 3 = floating point. */
  readonly predictor: number;
  readonly photometric: number;
  readonly extraSamples: ArrayLike<number>;
  readonly jpegTables: Uint8Array | null;
  /** Red, green, blue one behind the other, 16 bits each; null without a palette. */
  readonly colormap: ArrayLike<number> | null;
  readonly nodata: string | null;
  /** GDAL's metadata, as XML. */
  readonly metadata: string | null;
  readonly littleEndian: boolean;
  /** Where each block lies; offset or byte count 0 = a sparse block, which is not stored. */
  readonly offsets: ArrayLike<number>;
  readonly byteCounts: ArrayLike<number>;
}

/** Ten times what a hyperspectral sensor has. A block has an array for each. */
const MAX_SAMPLES = 4096;

/** Bytes of one decoded row of a block, as TIFF lays it out: rows of odd bits end on a byte. */
export function storedRowBytes(image: Pick<ImageLayout, 'blockWidth' | 'samples' | 'planar' | 'bits'>): number {
  return Math.ceil((image.blockWidth * blockSamples(image) * image.bits) / 8);
}

/** Samples per pixel of one block. */
export function blockSamples(image: Pick<ImageLayout, 'samples' | 'planar'>): number {
  return image.planar === 'separate' ? 1 : image.samples;
}

/** Rows that a block holds. */
export function blockRows(image: ImageLayout, block: number): number {
  if (image.isTiled) return image.blockHeight;
  const row = Math.floor((block % (image.blocksAcross * image.blocksDown)) / image.blocksAcross) * image.blockHeight;
  return Math.min(image.blockHeight, image.height - row);
}

/** What a directory does not say itself. */
export interface FileOfDirectory {
  readonly label: string;
  readonly littleEndian: boolean;
  readonly limits: CogLimits;
  /** Position among the files of the COG. Default 0, the COG itself. */
  readonly file?: number;
  /** True where the file makes it a mask; by default its tags decide. */
  readonly isMask?: boolean;
}

/**
 * Reads a directory's tags and checks that its blocks can be read here within the limits.
 *
 * @throws TilerError `ASSET_UNSUPPORTED`, `ASSET_CORRUPT`, `BYTES_LIMIT`
 */
export function imageLayoutOf(directory: ImageFileDirectory, index: number, file: FileOfDirectory): ImageLayout {
  const fail = (code: ErrorCode, found: string): TilerError =>
    new TilerError(code, `Opening ${file.label}: in directory ${index}, ${found}`, { context: { href: file.label } });
  const width = numberOf(directory, 256, 0);
  const height = numberOf(directory, 257, 0);
  if (width < 1 || height < 1) throw fail('ASSET_CORRUPT', `the image is ${width} x ${height} pixels`);
  const samples = numberOf(directory, 277, 1);
  if (samples < 1) throw fail('ASSET_CORRUPT', `there are ${samples} samples a pixel`);
  if (samples > MAX_SAMPLES)
    throw fail('ASSET_UNSUPPORTED', `there are ${samples} samples a pixel; read are up to ${MAX_SAMPLES}`);
  const blocks = blocksOf(directory, width, height);
  if (blocks.blockWidth < 1 || blocks.blockHeight < 1) {
    throw fail('ASSET_CORRUPT', `blocks are ${blocks.blockWidth} x ${blocks.blockHeight} pixels`);
  }
  const planar = numberOf(directory, 284, 1) === 2 && samples > 1 ? 'separate' : 'chunky';
  const sampleType = sampleTypeOf(directory, samples, fail);
  const encoding = encodingOf(directory, { ...sampleType, samples: planar === 'separate' ? 1 : samples }, fail);
  const sampleBytes = Math.max(sampleType.bits, 8) / 8;
  const rowBytes = blocks.blockWidth * (planar === 'separate' ? 1 : samples) * sampleBytes;
  if (rowBytes * blocks.blockHeight > file.limits.maxBlockBytes) {
    const size = `${blocks.blockWidth} x ${blocks.blockHeight} pixels, ${rowBytes * blocks.blockHeight} bytes`;
    throw fail('BYTES_LIMIT', `blocks are ${size}; allowed are ${file.limits.maxBlockBytes} bytes`);
  }
  const subfile = numberOf(directory, 254, 0);
  const jpegTables = numbersOf(directory, 347);
  const addresses = addressesOf(
    directory,
    { ...blocks, ...encoding, planes: planar === 'separate' ? samples : 1, rowBytes },
    fail,
  );
  return {
    file: file.file ?? 0,
    index,
    isOverview: (subfile & 1) !== 0 || numberOf(directory, 255, 1) === 2,
    isMask: file.isMask ?? (subfile & 4) !== 0,
    width,
    height,
    samples,
    planar,
    ...blocks,
    ...sampleType,
    ...encoding,
    ...addresses,
    extraSamples: numbersOf(directory, 338) ?? [],
    jpegTables: jpegTables === null ? null : Uint8Array.from(jpegTables),
    colormap: numbersOf(directory, 320),
    nodata: textOf(directory, 42113),
    metadata: textOf(directory, 42112),
    littleEndian: file.littleEndian,
  };
}

type Fail = (code: ErrorCode, found: string) => TilerError;

function blocksOf(directory: ImageFileDirectory, width: number, height: number) {
  const tileWidth = numberOf(directory, 322, 0);
  const isTiled = tileWidth > 0;
  const blockWidth = isTiled ? tileWidth : width;
  const blockHeight = isTiled ? numberOf(directory, 323, 0) : Math.min(numberOf(directory, 278, height), height);
  return {
    isTiled,
    blockWidth,
    blockHeight,
    blocksAcross: Math.ceil(width / blockWidth),
    blocksDown: Math.ceil(height / blockHeight),
  };
}

function sampleTypeOf(directory: ImageFileDirectory, samples: number, fail: Fail): { bits: number; dtype: Dtype } {
  const allBits = Array.from(numbersOf(directory, 258) ?? [1]);
  const formats = Array.from(numbersOf(directory, 339) ?? [1]);
  const bits = allBits[0] ?? 1;
  const format = formats[0] ?? 1;
  if (allBits.slice(0, samples).some((n) => n !== bits) || formats.slice(0, samples).some((n) => n !== format)) {
    throw fail('ASSET_UNSUPPORTED', `bands differ in type (bits ${allBits.join(', ')}, formats ${formats.join(', ')})`);
  }
  const dtype = dtypeOf(bits, format);
  if (dtype === null) {
    const kind = FORMAT_NAMES[format] ?? `of format ${format}`;
    throw fail(
      'ASSET_UNSUPPORTED',
      `samples are ${kind} of ${bits} bits; read are integers of 1 to 16 and 32 bits, floats of 32 and 64`,
    );
  }
  return { bits, dtype };
}

const FORMAT_NAMES: Readonly<Record<number, string>> = {
  1: 'unsigned integers',
  2: 'signed integers',
  3: 'floats',
  4: 'untyped',
  5: 'complex integers',
  6: 'complex floats',
};

function dtypeOf(bits: number, format: number): Dtype | null {
  if (format === 3) return bits === 32 ? 'float32' : bits === 64 ? 'float64' : null;
  if (format === 2) return bits === 8 ? 'int8' : bits === 16 ? 'int16' : bits === 32 ? 'int32' : null;
  if (format !== 1 && format !== 4) return null;
  if (bits >= 1 && bits <= 8) return 'uint8';
  return bits <= 16 ? 'uint16' : bits === 32 ? 'uint32' : null;
}

function encodingOf(directory: ImageFileDirectory, type: { bits: number; dtype: Dtype; samples: number }, fail: Fail) {
  const compression = numberOf(directory, 259, 1);
  const photometric = numberOf(directory, 262, 1);
  const predictor = numberOf(directory, 317, 1);
  const codec = codecOf(compression);
  if (codec === null)
    throw fail('ASSET_UNSUPPORTED', `the compression is ${compressionName(compression)}, which is not read`);
  const refusal = codec.refuse({ ...type, photometric });
  if (refusal !== null) throw fail('ASSET_UNSUPPORTED', refusal);
  if (photometric === 6 && compression !== 7)
    throw fail('ASSET_UNSUPPORTED', `YCbCr is read in JPEG only, not in ${codec.name}`);
  if (numberOf(directory, 266, 1) !== 1)
    throw fail('ASSET_UNSUPPORTED', 'bits are stored in reverse order (FillOrder 2)');
  if (codec.hasPredictor && ![1, 2, 3].includes(predictor))
    throw fail('ASSET_UNSUPPORTED', `the predictor is ${predictor}`);
  const isFloat = type.dtype === 'float32' || type.dtype === 'float64';
  const isApplicable = predictor === 1 || (predictor === 3 ? isFloat : type.bits % 8 === 0);
  if (codec.hasPredictor && !isApplicable)
    throw fail('ASSET_UNSUPPORTED', `predictor ${predictor} on ${type.dtype} of ${type.bits} bits`);
  return { compression, photometric, predictor: codec.hasPredictor ? predictor : 1 };
}

interface Expected {
  readonly isTiled: boolean;
  readonly blocksAcross: number;
  readonly blocksDown: number;
  readonly blockHeight: number;
  readonly planes: number;
  readonly rowBytes: number;
  readonly compression: number;
}

function addressesOf(directory: ImageFileDirectory, expected: Expected, fail: Fail) {
  const offsets = numbersOf(directory, expected.isTiled ? 324 : 273);
  const byteCounts = numbersOf(directory, expected.isTiled ? 325 : 279);
  const blocks = expected.blocksAcross * expected.blocksDown * expected.planes;
  if (offsets === null || offsets.length < blocks) {
    throw fail('ASSET_CORRUPT', `${offsets?.length ?? 0} block offsets are given for ${blocks} blocks`);
  }
  if (byteCounts !== null && byteCounts.length >= blocks) return { offsets, byteCounts };
  throw fail('ASSET_CORRUPT', `${byteCounts?.length ?? 0} block sizes are given for ${blocks} blocks`);
}

/** Bytes of one decoded block. */
export function decodedBlockBytes(image: ImageLayout): number {
  return image.blockWidth * image.blockHeight * blockSamples(image) * bytesPerSample(image.dtype);
}
