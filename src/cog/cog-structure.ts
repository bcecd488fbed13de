import { TilerError } from '../errors.ts';
import type { Affine } from '../geo/affine.ts';
import { bytesPerSample } from '../raster/raster.ts';
import { bandScalesOf, colormapOf } from './band-meaning.ts';
import type { Cog, CogCrs } from './cog.ts';
import { georeferenceOf, type AssumedPlace } from './georeference.ts';
import { imageLayoutOf, type ImageLayout } from './image-layout.ts';
import type { CogLimits } from './limits.ts';
import { numberOf, parseDirectories } from './parse-directories.ts';
import type { RangeSource } from './range-source.ts';
import { readTiffHeader } from './tiff-header.ts';

/** One level's pixels, and the directory that says which of them are valid, if the file has one. */
export interface LevelImages {
  readonly image: ImageLayout;
  readonly mask: ImageLayout | null;
}

/** All that a file says of itself before any pixel is read. */
export interface CogStructure {
  readonly crs: CogCrs;
  readonly transform: Affine;
  /** Full size first, then the overviews, finest first. */
  readonly levels: readonly LevelImages[];
  /** Position of the alpha band among the samples, from 0; null without one. */
  readonly alpha: number | null;
  readonly nodata: number | null;
  readonly colormap: Cog['colormap'];
  readonly bandScales: Cog['bandScales'];
  readonly masking: Cog['masking'];
}

/**
 * Reads a file's directories and sorts them: the first is the image, of the others those are used that are an overview
 * of it (same type, smaller) or the mask of a level (same size). An overview without a mask is valid everywhere, as GDAL
 * reads it, also where the image has one. Of sidecars, overviews count where the file has none, and a mask where the image
 * has none; the mask of a sidecar comes before nodata and alpha. All that is GDAL's order too.
 *
 * Cost: one request if the directories lie in the first 64 KiB.
 *
 * @throws TilerError `ASSET_CORRUPT`, `ASSET_UNSUPPORTED`, `BYTES_LIMIT`, and those of `RangeSource.read`
 */
export async function readCogStructure(
  source: RangeSource,
  options: {
    readonly limits: CogLimits;
    readonly assumed: AssumedPlace;
    /** Directories of sidecars. Default none. */
    readonly sidecars?: readonly ImageLayout[];
    readonly signal: AbortSignal;
  },
): Promise<CogStructure> {
  const { limits, signal } = options;
  const { label } = source;
  const header = await readTiffHeader(source, limits, signal);
  const directories = await parseDirectories(header, label);
  const [first, ...others] = directories;
  if (first === undefined) {
    throw new TilerError('ASSET_CORRUPT', `Opening ${label}: it has no directory`, { context: { href: label } });
  }
  const file = { label, littleEndian: header.littleEndian, limits };
  const image = imageLayoutOf(first, 0, file);
  const reduced = others.flatMap((directory, n) => {
    // Pages and thumbnails of other kinds need not be readable.
    const subfile = numberOf(directory, 254, numberOf(directory, 255, 1) === 2 ? 1 : 0);
    return (subfile & 5) === 0 ? [] : [imageLayoutOf(directory, n + 1, file)];
  });
  const alpha = alphaOf(image);
  const nodata = nodataOf(image);
  const levels = levelsOf(image, reduced, options.sidecars ?? []);
  const mask = levels[0]!.mask;
  const byValue = nodata !== null ? 'nodata' : alpha !== null ? 'alpha' : 'none';
  const masking = mask !== null && (mask.file > 0 || byValue === 'none') ? 'mask' : byValue;
  const bands = Array.from({ length: image.samples }, (_, sample) => sample).filter((sample) => sample !== alpha);
  const bandScales = bandScalesOf(image.metadata, bands);
  const place = georeferenceOf(first, label, options.assumed);
  return { ...place, levels, alpha, nodata, colormap: colormapOf(image, nodata), bandScales, masking };
}

/** How a level says where it has data: one without a mask, where the image has one, by value if by anything. */
export function levelMasking(structure: CogStructure, level: LevelImages): Cog['masking'] {
  const { masking, nodata, alpha } = structure;
  if (masking !== 'mask' || level.mask !== null) return masking;
  return nodata !== null ? 'nodata' : alpha !== null ? 'alpha' : 'none';
}

function levelsOf(
  image: ImageLayout,
  reduced: readonly ImageLayout[],
  sidecars: readonly ImageLayout[],
): readonly LevelImages[] {
  const masks = [...reduced, ...sidecars].filter((one) => one.isMask && one.dtype === 'uint8');
  const maskOf = ({ width, height }: ImageLayout): ImageLayout | null =>
    masks.find((one) => one.width === width && one.height === height) ?? null;
  const inside = overviewsOf(image, reduced);
  const overviews = inside.length > 0 ? inside : overviewsOf(image, sidecars);
  return [image, ...overviews].map((one) => ({ image: one, mask: maskOf(one) }));
}

function overviewsOf(image: ImageLayout, others: readonly ImageLayout[]): readonly ImageLayout[] {
  return others
    .filter((one) => one.isOverview && !one.isMask && one.width <= image.width && one.height <= image.height)
    .filter((one) => one.width < image.width || one.height < image.height)
    .filter((one) => one.samples === image.samples && one.dtype === image.dtype)
    .sort((a, b) => b.width - a.width || b.height - a.height);
}

/** TIFF's ExtraSamples describe the last samples: 1 = associated, 2 = unassociated alpha. */
function alphaOf({ extraSamples, samples }: ImageLayout): number | null {
  const kinds = Array.from(extraSamples).slice(0, samples - 1);
  const found = kinds.findIndex((kind) => kind === 1 || kind === 2);
  return found < 0 ? null : samples - kinds.length + found;
}

/** The file's nodata, in the precision of its samples; null for one that no sample can have, as GDAL ignores it too. */
function nodataOf({ nodata, dtype }: ImageLayout): number | null {
  if (nodata === null || nodata.trim() === '') return null;
  const text = nodata.trim().toLowerCase();
  const value = /^[+-]?nan/u.test(text)
    ? Number.NaN
    : Number(text.replace(/^([+-]?)inf$/u, '$1infinity').replace('infinity', 'Infinity'));
  if (Number.isNaN(value) && !text.includes('nan')) return null;
  if (dtype === 'float64') return value;
  if (dtype === 'float32') return Math.fround(value);
  const bits = bytesPerSample(dtype) * 8;
  const isSigned = dtype.startsWith('int');
  const lowest = isSigned ? -(2 ** (bits - 1)) : 0;
  const highest = isSigned ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
  return Number.isInteger(value) && value >= lowest && value <= highest ? value : null;
}
