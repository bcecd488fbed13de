import { TilerError } from '../../errors.ts';
import { isOpaque } from '../../raster/mask.ts';
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
  /** Before a span is taken: of the rasters fed earlier. 0 = none had a valid pixel here. */
  protected readonly mask: Uint8Array;
  private rasters = 0;
  private isEmpty = true;
  /** True once the mask is known to be 255 everywhere. */
  private isFull = false;

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
    const taken = this.feedRows(raster, at.row * this.shape.width + at.col);
    if (taken) this.isEmpty = false;
    return taken;
  }

  result(): Raster | null {
    return this.isEmpty ? null : this.finish();
  }

  /**
   * Takes `length` pixels of a raster, from its sample `from` on, into the mosaic from sample `to` on. All of them are
   * valid. They may be of several rows, where the raster is as wide as the mosaic.
   *
   * @returns whether any was taken
   */
  protected abstract takeSpan(raster: Raster, from: number, to: number, length: number): boolean;

  /** The mosaic; some pixel of it is valid. */
  protected abstract finish(): Raster;

  /** Room for the values of all bands, all 0. */
  protected createBands(dtype = this.shape.dtype, bandCount = this.shape.bandCount): readonly Samples[] {
    return Array.from({ length: bandCount }, () => createSamples(dtype, this.mask.length));
  }

  /** Takes the valid pixels of all rows, span by span; rows that are one after the other in both are one row. */
  private feedRows(raster: Raster, to: number): boolean {
    const isWhole = raster.width === this.shape.width;
    const width = isWhole ? raster.mask.length : raster.width;
    if (isWhole && width > 0 && isOpaque(raster.mask)) return this.take(raster, 0, to, width);
    let taken = false;
    for (let row = 0; row * width < raster.mask.length; row++) {
      const shift = to + row * (this.shape.width - raster.width);
      const end = (row + 1) * width;
      for (let i = row * width; i < end; i++) {
        if (raster.mask[i] === 0) continue;
        const from = i;
        while (i < end && raster.mask[i] !== 0) i++;
        if (this.take(raster, from, shift + from, i - from)) taken = true;
      }
    }
    return taken;
  }

  private take(raster: Raster, from: number, to: number, length: number): boolean {
    const isTaken = this.takeSpan(raster, from, to, length);
    return this.raiseMask(raster, from, to, length) || isTaken;
  }

  private raiseMask(raster: Raster, from: number, to: number, length: number): boolean {
    if (this.isFull) return false;
    const { mask } = this;
    let raised = false;
    for (let i = from, j = to; i < from + length; i++, j++) {
      if (raster.mask[i]! <= mask[j]!) continue;
      mask[j] = raster.mask[i]!;
      raised = true;
    }
    if (length === mask.length) this.isFull = isOpaque(mask);
    return raised;
  }
}
