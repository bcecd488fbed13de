import type { Dtype, Raster } from '../raster/raster.ts';

/** The shape that a mosaic has and that every raster fed to it shares, width and height apart. */
export interface MosaicShape {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  readonly bandCount: number;
  readonly dtype: Dtype;
}

/**
 * A rule that folds the rasters of several scenes into one mosaic, fed one at a time, top first. One instance serves one
 * tile and is used once.
 *
 * States: *filling* until `isDone` is true, then *done*: feeding a done selection changes nothing. Invariants of every
 * rule: a pixel of the result is valid only if a pixel fed at that place was (nothing is invented), and the same rasters
 * in the same order give the same result.
 */
export interface PixelSelection {
  /**
   * Takes what the rule wants of a raster whose pixel (0, 0) lies at (`at.col`, `at.row`) of the mosaic. The raster lies
   * wholly inside the mosaic and is not kept.
   *
   * @returns whether any pixel of the raster was taken: false means that it left no trace in the result
   */
  feed(raster: Raster, at: { readonly col: number; readonly row: number }): boolean;
  /** True once no further raster can change the result, judged by pixels and not by footprints. Takes constant time. */
  isDone(): boolean;
  /** The mosaic, or `null` if no pixel is valid. Samples under mask 0 are 0. */
  result(): Raster | null;
}

/** Makes the pixel selection of one tile. */
export type CreatePixelSelection = (shape: MosaicShape) => PixelSelection;
