import { TilerError } from '../../errors.ts';
import type { Raster, Samples } from '../../raster/raster.ts';
import type { MosaicShape, PixelSelection } from '../pixel-selection.ts';
import { EverySceneSelection } from './every-scene.ts';
import { wins } from './extreme.ts';

/**
 * The pixel whose last band is highest; of equal ones the earlier. All bands come from one scene; the last one decides
 * (an index, a score, a date) and is dropped: the mosaic has one band less than the scenes, of their dtype.
 *
 * Holds the mosaic and its last band. A last band that is NaN loses to every number.
 *
 * @throws TilerError `REQUEST_INVALID` if the scenes have one band only
 */
export function createLastBandHigh(shape: MosaicShape): PixelSelection {
  return new LastBand('lastBandHigh', shape, 1);
}

/** The pixel whose last band is lowest: `createLastBandHigh` with the order turned round. NaN loses here too. */
export function createLastBandLow(shape: MosaicShape): PixelSelection {
  return new LastBand('lastBandLow', shape, -1);
}

class LastBand extends EverySceneSelection {
  private readonly bands: readonly Samples[];
  private readonly sign: 1 | -1;

  constructor(name: string, shape: MosaicShape, sign: 1 | -1) {
    if (shape.bandCount < 2) {
      throw new TilerError(
        'REQUEST_INVALID',
        `Mosaicking by ${name}: the last band decides and is dropped, so scenes need 2 bands or more, found ${shape.bandCount}`,
      );
    }
    super(shape);
    this.bands = this.createBands();
    this.sign = sign;
  }

  protected takeSpan(raster: Raster, from: number, to: number, length: number): boolean {
    const { bands, mask, sign } = this;
    const last = bands.length - 1;
    const decider = raster.bands[last]!;
    const best = bands[last]!;
    let taken = false;
    for (let i = from, j = to; i < from + length; i++, j++) {
      if (mask[j]! !== 0 && !wins(sign, decider[i]!, best[j]!)) continue;
      for (let b = 0; b <= last; b++) bands[b]![j] = raster.bands[b]![i]!;
      taken = true;
    }
    return taken;
  }

  protected finish(): Raster {
    const { width, height, dtype } = this.shape;
    return { width, height, dtype, bands: this.bands.slice(0, -1), mask: this.mask };
  }
}
