import sharp from 'sharp';
import type { Sharp } from 'sharp';
import type { Raster } from '../../raster/raster.ts';
import { checkPicture } from './check-picture.ts';
import type { TileEncoder } from './encoder.ts';

/** Shows through a JPEG where a tile has no data: white, as the page under a map with transparent tiles. */
const JPEG_BACKGROUND = { r: 255, g: 255, b: 255 };

/**
 * Sets sharp up for a process of its own per core: one thread for an image, no cache of images that never come again.
 * Changes no byte of the result. Called once, where a process is put together.
 */
export function limitSharp(): void {
  sharp.concurrency(1);
  sharp.cache(false);
}

/** WebP: lossy colours at quality 80, lossless alpha. A mask stays exact. */
export function createWebpEncoder(): TileEncoder {
  return {
    extension: 'webp',
    contentType: 'image/webp',
    encode: async (raster) => await encodeWith(imageOf(raster).webp({ quality: 80, alphaQuality: 100, effort: 2 })),
  };
}

/** JPEG: quality 85, 4:2:0. It has no transparency: pixels without data are white, partly transparent ones lie on white. */
export function createJpegEncoder(): TileEncoder {
  return {
    extension: 'jpg',
    contentType: 'image/jpeg',
    encode: async (raster) => {
      const image = imageOf(raster);
      const opaque = isOpaque(raster) ? image : image.flatten({ background: JPEG_BACKGROUND });
      return await encodeWith(opaque.jpeg({ quality: 85, chromaSubsampling: '4:2:0', mozjpeg: false }));
    },
  };
}

function isOpaque({ mask }: Raster): boolean {
  for (let i = 0; i < mask.length; i++) if (mask[i]! !== 255) return false;
  return true;
}

/** Hands the pixels to sharp, interleaved: grey, grey + alpha, RGB or RGBA. */
function imageOf(raster: Raster): Sharp {
  const { width, height, bands, mask } = checkPicture(raster);
  const planes = isOpaque(raster) ? bands : [...bands, mask];
  const channels = planes.length as 1 | 2 | 3 | 4;
  const pixels = new Uint8Array(width * height * channels);
  planes.forEach((plane, channel) => {
    for (let i = 0, at = channel; at < pixels.length; i++, at += channels) pixels[at] = plane[i]!;
  });
  const image = sharp(pixels, { raw: { width, height, channels } });
  return bands.length === 1 ? image.toColourspace('b-w') : image;
}

/** No metadata goes in: sharp writes none unless asked, so that the bytes depend on the pixels alone. */
async function encodeWith(image: Sharp): Promise<Uint8Array> {
  return await image.toBuffer();
}
