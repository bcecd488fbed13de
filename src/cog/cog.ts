import type { Affine } from '../geo/affine.ts';
import type { Dtype, Raster, Window } from '../raster/raster.ts';

/** One resolution of a COG. `levels[0]` is full size; the others are the overviews, finest first. */
export interface CogLevel {
  readonly width: number;
  readonly height: number;
  readonly blockWidth: number;
  readonly blockHeight: number;
}

/** The CRS of a file as its GeoKeys state it: an EPSG code, or a proj string for user-defined keys. */
export type CogCrs =
  | { readonly kind: 'epsg'; readonly code: number }
  | { readonly kind: 'proj'; readonly definition: string };

/**
 * An open cloud-optimised GeoTIFF: what it is, and windows of its pixels.
 *
 * `transform` belongs to `levels[0]`; a PixelIsPoint origin is already moved to the pixel corner. The resolution of an
 * overview is full size divided by overview size, which need not be a power of two. `bandCount` leaves an alpha band
 * out: alpha arrives in the mask.
 */
export interface Cog extends AsyncDisposable {
  readonly label: string;
  readonly crs: CogCrs;
  readonly transform: Affine;
  readonly levels: readonly CogLevel[];
  readonly bandCount: number;
  readonly dtype: Dtype;
  /** The value that means "no data" in the file's own tags; may be NaN. */
  readonly nodata: number | null;
  /** How the file itself says where it has data, before any request's nodata. */
  readonly masking: 'nodata' | 'alpha' | 'mask' | 'none';

  /**
   * Reads whole blocks into the block cache, so that later `readWindow` calls need no I/O. Ranges of neighbouring
   * blocks are coalesced; a block is fetched and decoded once while it is cached. `bands` are 1-based and matter only
   * where bands are stored apart; without them, all are read.
   */
  prefetch(
    level: number,
    windows: readonly Window[],
    options: { readonly signal: AbortSignal; readonly bands?: readonly number[] },
  ): Promise<void>;

  /**
   * Gives the pixels of one window of one level; the window lies wholly inside the level. `bands` are 1-based. The mask
   * comes from `nodata` where given (else the file's nodata), else alpha, else the internal mask of the level, else 255
   * everywhere. A pixel is nodata only if every band asked for is.
   *
   * @throws TilerError `ASSET_CORRUPT`, `ASSET_UNSUPPORTED`, `PIXELS_LIMIT`, `BYTES_LIMIT`, and those of `RangeSource.read`
   */
  readWindow(request: ReadWindow, options: { readonly signal: AbortSignal }): Promise<Raster>;
}

export interface ReadWindow {
  readonly level: number;
  readonly window: Window;
  readonly bands: readonly number[];
  /** Overrides the file's nodata, alpha and mask. */
  readonly nodata: number | null;
}
