import type { Raster } from '../../raster/raster.ts';

/** Turns a styled raster into the bytes of one tile. The same raster always gives the same bytes. */
export interface TileEncoder {
  /** File ending without the dot. */
  readonly extension: string;
  readonly contentType: string;
  /** `raster` is uint8 with 1 band (grey) or 3 (RGB); mask 255 is opaque. */
  encode(raster: Raster): Promise<Uint8Array>;
}
