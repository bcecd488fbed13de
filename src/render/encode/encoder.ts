import type { Raster } from '../../raster/raster.ts';
import type { RenderOptions } from '../tile-renderer.ts';
import type { IndexedPicture } from './check-picture.ts';

/** How much of a picture a file keeps; PNG keeps all of it. The fields are those of the tileset request. */
export type EncodeOptions = Pick<RenderOptions, 'quality' | 'lossless'>;

/** Turns a styled picture into the bytes of one tile. The same picture always gives the same bytes. */
export interface TileEncoder {
  /** File ending without the dot. */
  readonly extension: string;
  readonly contentType: string;
  /**
   * `picture` is a raster of 1 band (grey) or 3 (RGB) of uint8, of uint16 where the format is PNG, or a picture by index;
   * mask 255 is opaque.
   */
  encode(picture: Raster | IndexedPicture): Promise<Uint8Array>;
}
