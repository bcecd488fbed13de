import type { InverseMapping } from './inverse-mapping.ts';
import type { Raster, Window } from './raster.ts';
import type { Resampling, ResampleScale } from './resample.ts';

/** What is resampled onto what. */
export interface WarpInput {
  /** The pixels of `window`. */
  readonly source: Raster;
  /**
   * Where the source lies in its image. Holds every pixel that the kernel reads, but for those beyond the image and
   * those that only rounding would give a weight.
   */
  readonly window: Window;
  /** Size of the whole image (the COG's level): its edge is the edge of the data. */
  readonly imageWidth: number;
  readonly imageHeight: number;
  /** Size of the result. */
  readonly width: number;
  readonly height: number;
  /** Destination pixels to pixels of the image. */
  readonly mapping: InverseMapping;
  readonly resampling: Resampling;
  readonly scale: ResampleScale;
}

/** A warp in progress. */
export interface WarpKernel {
  /** The most lines that one run can do. */
  readonly maxLines: number;
  /** Fills lines `from … to - 1`; gives the number of their valid pixels. Runs follow one another down the raster. */
  run(from: number, to: number): number;
  /** The result, once every line is filled. */
  result(): Raster;
}
