import { setImmediate } from 'node:timers/promises';
import { checkDeepPicture, isIndexed } from './check-picture.ts';
import type { TileEncoder } from './encoder.ts';
import { PngWriter } from './png/png-writer.ts';

let sharedWriter: PngWriter | null = null;
/** Resolves with the turn of the event loop that the last one who asked for one has got. */
let lastTurn: Promise<void> = Promise.resolve();

/**
 * PNG: a palette where the tile has at most 256 colours, else grey or RGB, with an alpha channel only if a pixel needs
 * it; 16 bits where the picture has them, and its own palette where it is one by index. Red, green and blue that are the
 * same everywhere are grey. Lossless; what lies under mask 0 may come back as 0.
 *
 * The file is made on the calling thread, in less than a millisecond for 256 px and in up to ten for 512, so each call
 * waits for a turn of the event loop of its own: tiles that are encoded at the same time, of a metatile whose blocks are all
 * cached, would otherwise hold it together.
 */
export function createPngEncoder(): TileEncoder {
  sharedWriter ??= new PngWriter();
  const writer = sharedWriter;
  return {
    extension: 'png',
    contentType: 'image/png',
    encode: async (raster) => {
      const picture = isIndexed(raster) ? raster : checkDeepPicture(raster);
      lastTurn = lastTurn.then(async () => await setImmediate());
      await lastTurn;
      return isIndexed(picture) ? writer.writeIndexed(picture) : writer.write(picture);
    },
  };
}
