import type { Raster, Samples } from '../../raster/raster.ts';
import type { BandRule, MosaicShape, PixelSelection, PixelSelectionOptions } from '../pixel-selection.ts';
import { EverySceneSelection } from './every-scene.ts';

/**
 * The highest pixel of all scenes; of equal ones the earlier.
 *
 * With bandRule `pixel`, all bands come from one scene: the one whose bands have the greatest sum, the brightest. With
 * `band`, each band is the highest for itself, as in rio-tiler: a pixel may then be of several scenes, and its colour of
 * none. With one band both are the same. A sum or value that is NaN loses to every number.
 *
 * Holds the mosaic and nothing else. Bands and dtype are those of the scenes.
 */
export function createHighest(shape: MosaicShape, { bandRule }: PixelSelectionOptions): PixelSelection {
  return new Extreme(shape, bandRule, 1);
}

/** The lowest pixel of all scenes: `createHighest` with the order turned round. NaN loses here too. */
export function createLowest(shape: MosaicShape, { bandRule }: PixelSelectionOptions): PixelSelection {
  return new Extreme(shape, bandRule, -1);
}

class Extreme extends EverySceneSelection {
  private readonly bands: readonly Samples[];
  private readonly bandRule: BandRule;
  /** 1 = the greater wins, -1 = the smaller. */
  private readonly sign: 1 | -1;

  constructor(shape: MosaicShape, bandRule: BandRule, sign: 1 | -1) {
    super(shape);
    this.bands = this.createBands();
    this.bandRule = bandRule;
    this.sign = sign;
  }

  protected takeSpan(raster: Raster, from: number, to: number, length: number): boolean {
    const { bands } = this;
    if (this.bandRule === 'pixel' && bands.length > 1) return this.takePixels(raster, from, to, length);
    let taken = false;
    for (let b = 0; b < bands.length; b++) if (this.takeBand(raster, b, from, to, length)) taken = true;
    return taken;
  }

  protected finish(): Raster {
    const { width, height, dtype } = this.shape;
    return { width, height, dtype, bands: this.bands, mask: this.mask };
  }

  private takeBand(raster: Raster, b: number, from: number, to: number, length: number): boolean {
    const { mask, sign } = this;
    const source = raster.bands[b]!;
    const target = this.bands[b]!;
    let taken = false;
    for (let i = from, j = to; i < from + length; i++, j++) {
      const value = source[i]!;
      if (mask[j]! !== 0 && !wins(sign, value, target[j]!)) continue;
      target[j] = value;
      taken = true;
    }
    return taken;
  }

  private takePixels(raster: Raster, from: number, to: number, length: number): boolean {
    const { mask, bands, sign } = this;
    let taken = false;
    for (let i = from, j = to; i < from + length; i++, j++) {
      if (mask[j]! !== 0 && !wins(sign, sumAt(raster.bands, i), sumAt(bands, j))) continue;
      for (let b = 0; b < bands.length; b++) bands[b]![j] = raster.bands[b]![i]!;
      taken = true;
    }
    return taken;
  }
}

/**
 * True if a later value takes the place of an earlier one: it is greater, with the sign -1 smaller, or the earlier is NaN
 * and it is not.
 */
export function wins(sign: 1 | -1, later: number, earlier: number): boolean {
  // Not by multiplying with the sign: of a whole number that is 0 it makes -0, which costs all others their speed.
  return (sign === 1 ? later > earlier : later < earlier) || (Number.isNaN(earlier) && !Number.isNaN(later));
}

function sumAt(bands: readonly Samples[], i: number): number {
  let sum = 0;
  for (let b = 0; b < bands.length; b++) sum += bands[b]![i]!;
  return sum;
}
