import type { Affine } from '../geo/affine.ts';
import type { Crs } from '../geo/crs.ts';
import type { Dtype, PaletteColour, Raster, Window } from '../raster/raster.ts';
import type { WindowRoom } from './window-room.ts';

/** One resolution of a COG. `levels[0]` is full size; the others are the overviews, finest first. */
export interface CogLevel {
  readonly width: number;
  readonly height: number;
  readonly blockWidth: number;
  readonly blockHeight: number;
}

/**
 * The CRS of a file as its GeoKeys state it: an EPSG code, or a proj string for user-defined keys. A file that is placed
 * by ground control points only has its own pixels for a CRS, and a transform that changes nothing.
 */
export type CogCrs = Crs;

/** What the samples of a band mean: value = sample × scale + offset. */
export interface BandScale {
  readonly scale: number;
  readonly offset: number;
}

/** A file of which a COG is made, or would be if it were there. */
export interface CogFile {
  /** What its href ends with behind that of the COG; empty for the COG itself. */
  readonly suffix: '' | SidecarSuffix;
  /** `RangeSource.version`, or `FILE_ABSENT`. */
  readonly version: string | null;
}

/** The version of a file that is not there. No ETag is like it, as those are in quotes. */
export const FILE_ABSENT = 'absent';

/** Endings of files beside a COG; `.msk.ovr` holds the overviews of the mask if the `.msk` itself does not. */
export type SidecarSuffix = '.ovr' | '.msk' | '.msk.ovr';

/**
 * An open cloud-optimised GeoTIFF: what it is, and windows of its pixels.
 *
 * `transform` belongs to `levels[0]`; a PixelIsPoint origin is already moved to the pixel corner. The resolution of an
 * overview is full size divided by overview size, which need not be a power of two. `bandCount` leaves an alpha band
 * out: alpha arrives in the mask.
 */
export interface Cog extends AsyncDisposable {
  readonly label: string;
  /** The files that were read when it was opened: first its own, then those that were looked for beside it. */
  readonly files: readonly CogFile[];
  readonly crs: CogCrs;
  readonly transform: Affine;
  readonly levels: readonly CogLevel[];
  readonly bandCount: number;
  readonly dtype: Dtype;
  /** The value that means "no data" in the file's own tags; may be NaN. */
  readonly nodata: number | null;
  /** The colour of every value of a file with a palette, nodata transparent; null without a palette. Pixels stay values. */
  readonly colormap: readonly PaletteColour[] | null;
  /** As GDAL's metadata in the file states it, band by band; scale 1 and offset 0 where it does not. Not applied. */
  readonly bandScales: readonly BandScale[];
  /** How the file itself says where it has data, before any request's nodata. */
  readonly masking: 'nodata' | 'alpha' | 'mask' | 'none';
  /** The format of which every block is a picture of its own, of grey or RGB; null if blocks are something else. */
  readonly pictureFormat: PictureFormat | null;

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

  /**
   * True if cached blocks and those that are not stored say that no pixel of the window is valid, so that it need not be
   * read; false means nothing. Does no I/O.
   */
  isEmptyWindow(request: ReadWindow): boolean;

  /**
   * Gives windows of one level as the file stores them: complete files of `pictureFormat`, not to be written to. `null`
   * for a window that is not one block, whose block reaches beyond the image or is not stored, in which any pixel is not
   * valid by the file's own masking, or whose block is not what it should be; reading its pixels then says more.
   *
   * The blocks are fetched in coalesced ranges and kept as they are, so that their pixels are read later without I/O.
   * They are decoded only where nodata could lie in them. Damage inside a block's entropy-coded data is not noticed.
   *
   * @throws TilerError `ASSET_CORRUPT`, `BYTES_LIMIT`, and those of `RangeSource.read`
   */
  readPictures(
    level: number,
    windows: readonly Window[],
    options: { readonly signal: AbortSignal },
  ): Promise<readonly (Uint8Array | null)[]>;
}

/** Formats of pictures that blocks of a TIFF can have. */
export type PictureFormat = 'jpeg' | 'webp';

export interface ReadWindow {
  readonly level: number;
  readonly window: Window;
  readonly bands: readonly number[];
  /** Overrides the file's nodata, alpha and mask. */
  readonly nodata: number | null;
  /** Where the arrays of the raster lie, which end when it is released. By default they are new. */
  readonly room?: WindowRoom;
}
