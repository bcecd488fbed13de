import { TilerError } from '../errors.ts';
import type { PaletteColour } from '../raster/raster.ts';
import { isConvolution } from '../raster/resample.ts';
import type { Resampling } from '../raster/resample.ts';
import type { PixelSelectionName } from './pixel-selection/registry.ts';
import { sceneName } from './scene-reader.ts';
import type { OpenScene } from './scene-reader.ts';

/**
 * What the values of a file with a palette are taken for: `numbers` like any others; `classes`, which nothing may mix;
 * or classes that are shown in the palette's own `colours`, so that all files of a tile must have the same.
 */
export type PaletteUse = 'numbers' | 'classes' | 'colours';

export interface PaletteOptions {
  /** Default `numbers`. */
  readonly paletteUse?: PaletteUse;
  readonly resampling: Resampling;
  readonly pixelSelection: PixelSelectionName;
}

/** Bands of the mosaic that a pixel selection makes of scenes of so many. */
function bandsLeft(bandCount: number, pixelSelection: PixelSelectionName): number {
  return pixelSelection === 'lastBandHigh' || pixelSelection === 'lastBandLow' ? bandCount - 1 : bandCount;
}

/** The colours of the values that a scene gives to a mosaic of one band; null = it has none, or they do not count. */
export function paletteOfScene(
  { bandCount, colormap = null }: Pick<OpenScene, 'bandCount' | 'colormap'>,
  { paletteUse = 'numbers', pixelSelection }: PaletteOptions,
): readonly PaletteColour[] | null {
  // A count of scenes is no class.
  const isClass = paletteUse !== 'numbers' && pixelSelection !== 'count' && bandsLeft(bandCount, pixelSelection) === 1;
  return isClass ? colormap : null;
}

/**
 * Refuses what would make values that stand for nothing out of indices into a palette.
 *
 * @throws TilerError `REQUEST_INVALID`
 */
export function checkPaletteKept(opened: OpenScene, options: PaletteOptions): void {
  if (paletteOfScene(opened, options) === null) return;
  const { resampling, pixelSelection } = options;
  const isMixing = isConvolution(resampling) || resampling === 'average';
  const isMean = ['mean', 'median', 'stdev', 'sum'].includes(pixelSelection);
  if (!isMixing && !isMean) return;
  const found = isMixing ? `resampling "${resampling}"` : `pixelSelection "${pixelSelection}"`;
  const expected = isMixing
    ? '"nearest" or "mode", or "min", "max", "median"'
    : '"first", "highest", "lowest", "lastBandHigh", "lastBandLow" or "count"';
  throw new TilerError(
    'REQUEST_INVALID',
    `Rendering ${sceneName(opened.scene)} with ${found}: its values are indices into a palette, which must not be mixed. ` +
      `Expected ${expected}; or "colormap": "none", which takes them as grey values`,
    { context: { itemId: opened.scene.itemId } },
  );
}

/** True if both have the same colours, or neither has any. */
export function isSamePalette(a: readonly PaletteColour[] | null, b: readonly PaletteColour[] | null): boolean {
  if (a === b) return true;
  if (a === null || b === null || a.length !== b.length) return false;
  return a.every((colour, value) => colour.every((part, n) => part === b[value]?.[n]));
}
