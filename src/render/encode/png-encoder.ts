import { setImmediate } from 'node:timers/promises';
import { checkPicture } from './check-picture.ts';
import type { TileEncoder } from './encoder.ts';
import { PngWriter } from './png/png-writer.ts';

/**
 * PNG: a palette where the tile has at most 256 colours, else grey or RGB, with an alpha channel only if a pixel needs
 * it. Lossless; what lies under mask 0 may come back as 0.
 *
 * The file is made on the calling thread in about a millisecond for 256 px, so each call first lets the event loop turn:
 * a metatile whose blocks are all cached would otherwise hold it for as long as it has tiles.
 */
export function createPngEncoder(): TileEncoder {
  const writer = new PngWriter();
  return {
    extension: 'png',
    contentType: 'image/png',
    encode: async (raster) => {
      const picture = checkPicture(raster);
      await setImmediate();
      return writer.write(picture);
    },
  };
}
