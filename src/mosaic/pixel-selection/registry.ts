import { bytesPerSample } from '../../raster/raster.ts';
import type { CreatePixelSelection, MosaicShape, PixelSelection, PixelSelectionOptions } from '../pixel-selection.ts';
import { createHighest, createLowest } from './extreme.ts';
import { createFirst } from './first.ts';
import { createLastBandHigh, createLastBandLow } from './last-band.ts';
import { createMedian, medianBytes } from './median.ts';
import { createCount, createMean, createStdev, createSum, sumDtype } from './statistics.ts';

interface PixelSelectionRule {
  readonly create: CreatePixelSelection;
  /** Bytes that a selection holds from its first raster on. */
  readonly bytes: (shape: MosaicShape, options: PixelSelectionOptions) => number;
}

/** A rule whose selections hold the same for every pixel: its mask, and what `ofPixel` says. */
function byPixel(create: CreatePixelSelection, ofPixel: (shape: MosaicShape) => number): PixelSelectionRule {
  return { create, bytes: (shape) => shape.width * shape.height * (ofPixel(shape) + 1) };
}

const mosaicBytes = ({ bandCount, dtype }: MosaicShape): number => bandCount * bytesPerSample(dtype);

/** Every rule by the name that a request uses. A constant, so that importing a rule registers nothing. */
const PIXEL_SELECTIONS = {
  first: byPixel(createFirst, mosaicBytes),
  highest: byPixel(createHighest, mosaicBytes),
  lowest: byPixel(createLowest, mosaicBytes),
  mean: byPixel(createMean, ({ bandCount, dtype }) => bandCount * bytesPerSample(sumDtype(dtype)) + 2),
  median: { create: createMedian, bytes: medianBytes },
  stdev: byPixel(createStdev, ({ bandCount }) => bandCount * 16 + 2),
  sum: byPixel(createSum, ({ bandCount }) => bandCount * 8),
  count: byPixel(createCount, () => 2),
  lastBandHigh: byPixel(createLastBandHigh, mosaicBytes),
  lastBandLow: byPixel(createLastBandLow, mosaicBytes),
} as const satisfies Record<string, PixelSelectionRule>;

/** Name of a pixel selection, as a request spells it. */
export type PixelSelectionName = keyof typeof PIXEL_SELECTIONS;

/** All names, in the order of the documentation. */
export const PIXEL_SELECTION_NAMES = Object.keys(PIXEL_SELECTIONS) as readonly PixelSelectionName[];

/** Without a limit, and for as many scenes as anybody has. */
const DEFAULT_OPTIONS: PixelSelectionOptions = { bandRule: 'pixel', maxScenes: 1000, maxBytes: Infinity };

/**
 * Makes the pixel selection of that name for one tile.
 *
 * @throws TilerError `REQUEST_INVALID` if the rule needs more bands, `MOSAIC_TOO_MANY_ASSETS` if it needs more memory
 */
export function createPixelSelection(
  name: PixelSelectionName,
  shape: MosaicShape,
  options: Partial<PixelSelectionOptions> = {},
): PixelSelection {
  return PIXEL_SELECTIONS[name].create(shape, { ...DEFAULT_OPTIONS, ...options });
}

/**
 * Bytes that the pixel selection of that name holds for one tile, known before there is one.
 *
 * @throws TilerError `MOSAIC_TOO_MANY_ASSETS` if it needs more than it may hold
 */
export function pixelSelectionBytes(
  name: PixelSelectionName,
  shape: MosaicShape,
  options: PixelSelectionOptions,
): number {
  return PIXEL_SELECTIONS[name].bytes(shape, options);
}
