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

/** How `highest` and `lowest` compare pixels of several bands: as a whole, or each band for itself. */
export type BandRule = 'pixel' | 'band';

/** What a rule may know besides the shape. */
export interface PixelSelectionOptions {
  readonly bandRule: BandRule;
  /** Rasters that will be fed in one pass, at most. */
  readonly maxScenes: number;
  /** Most bytes that the selection may hold. It changes how often the scenes are gone through, and never a pixel. */
  readonly maxBytes: number;
}

/**
 * A rule that folds the rasters of several scenes into one mosaic, fed one at a time, top first. One instance serves one
 * tile and is used once.
 *
 * States: *filling* until `isDone` is true, then *done*: feeding a done selection changes nothing. A rule that cannot
 * hold what it needs of all scenes at once asks for a further pass over them. Invariants of every rule: a pixel of the
 * result is valid only if a pixel fed at that place was (nothing is invented), and the same rasters in the same order
 * give the same result.
 *
 * A pixel takes part if its alpha is above 0, and then in full: its alpha is no weight. The mask of the result is the
 * greatest alpha that was fed at the place, so that a faint pixel that wins never makes a hole. Only `first` blends.
 */
export interface PixelSelection {
  /**
   * Takes what the rule wants of a raster whose pixel (0, 0) lies at (`at.col`, `at.row`) of the mosaic. The raster lies
   * wholly inside the mosaic and belongs to the selection from then on, which may keep it and write to it. One scene is fed by one call, or by several that share no valid pixel.
   *
   * @returns whether any pixel of the raster was taken: false means that it left no trace in the result
   * @throws TilerError `MOSAIC_TOO_MANY_ASSETS` after 65,535 rasters where the rule counts them
   */
  feed(raster: Raster, at: { readonly col: number; readonly row: number }): boolean;
  /** True once no further raster can change the result, judged by pixels and not by footprints. Takes constant time. */
  isDone(): boolean;
  /**
   * To be called when all scenes were fed: true if all of them are to be fed once more, in the same order. It lets the
   * event loop turn while it computes.
   */
  nextPass(options: { readonly signal: AbortSignal }): Promise<boolean>;
  /**
   * The mosaic, or `null` if no pixel is valid. Samples under mask 0 are 0. Its bands and dtype are those of the rule,
   * which need not be those of the shape.
   */
  result(): Raster | null;
}

/** Makes the pixel selection of one tile. */
export type CreatePixelSelection = (shape: MosaicShape, options: PixelSelectionOptions) => PixelSelection;
