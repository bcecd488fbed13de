import { TilerError } from '../../errors.ts';
import { createSamples } from '../../raster/raster.ts';
import type { Raster, Samples } from '../../raster/raster.ts';
import type { MosaicShape, PixelSelection } from '../pixel-selection.ts';
import { assertFits } from './fits.ts';

/** Pixels are counted in 16 bits, and sums of this many 16-bit values fit 32. */
const MAX_RASTERS = 65_535;

/**
 * What the rules that look at every scene have in common: they are never done before all are fed, one pass is enough for
 * them, and their mask is the greatest alpha that was fed. A subclass keeps what it needs of the values.
 */
export abstract class EverySceneSelection implements PixelSelection {
  protected readonly shape: MosaicShape;
  /** Before a row is taken: of the rasters fed earlier. 0 = none had a valid pixel here. */
  protected readonly mask: Uint8Array;
  private rasters = 0;
  private isEmpty = true;

  constructor(shape: MosaicShape) {
    this.shape = shape;
    this.mask = new Uint8Array(shape.width * shape.height);
  }

  isDone(): boolean {
    return false;
  }

  async nextPass(): Promise<boolean> {
    return await Promise.resolve(false);
  }

  feed(raster: Raster, at: { readonly col: number; readonly row: number }): boolean {
    assertFits(this.shape, raster, at);
    this.rasters++;
    if (this.rasters > MAX_RASTERS) {
      throw new TilerError('MOSAIC_TOO_MANY_ASSETS', `Mosaicking more than ${MAX_RASTERS} scenes in one tile`);
    }
    let taken = false;
    for (let row = 0; row < raster.height; row++) {
      const from = row * raster.width;
      const to = (at.row + row) * this.shape.width + at.col;
      if (!hasValid(raster.mask, from, raster.width)) continue;
      if (this.takeRow(raster, from, to)) taken = true;
      if (this.raiseMask(raster, from, to)) taken = true;
    }
    if (taken) this.isEmpty = false;
    return taken;
  }

  result(): Raster | null {
    return this.isEmpty ? null : this.finish();
  }

  /**
   * Takes one row of a raster, from its sample `from` on, into the mosaic from sample `to` on. Some pixel of it is valid;
   * which ones, the raster's mask says.
   *
   * @returns whether any was taken
   */
  protected abstract takeRow(raster: Raster, from: number, to: number): boolean;

  /** The mosaic; some pixel of it is valid. */
  protected abstract finish(): Raster;

  /** Room for the values of all bands, all 0. */
  protected createBands(dtype = this.shape.dtype, bandCount = this.shape.bandCount): readonly Samples[] {
    return Array.from({ length: bandCount }, () => createSamples(dtype, this.mask.length));
  }

  private raiseMask(raster: Raster, from: number, to: number): boolean {
    const { mask } = this;
    let raised = false;
    for (let i = from, j = to; i < from + raster.width; i++, j++) {
      if (raster.mask[i]! <= mask[j]!) continue;
      mask[j] = raster.mask[i]!;
      raised = true;
    }
    return raised;
  }
}

function hasValid(mask: Uint8Array, from: number, width: number): boolean {
  for (let i = from; i < from + width; i++) if (mask[i]! !== 0) return true;
  return false;
}
