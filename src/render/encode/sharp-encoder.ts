import type { Sharp } from 'sharp';
import { loadSharp } from '../../cog/codec/load-sharp.ts';
import { isOpaque } from '../../raster/mask.ts';
import type { Raster } from '../../raster/raster.ts';
import { joinAvif } from './avif-container.ts';
import { toColours } from './check-picture.ts';
import type { Picture } from './check-picture.ts';
import { fillHidden } from './fill-hidden.ts';
import type { EncodeOptions, TileEncoder } from './encoder.ts';

/** Shows through a JPEG where a tile has no data: white, as the page under a map with transparent tiles. */
const JPEG_BACKGROUND = { r: 255, g: 255, b: 255 };

/** From this quality on, colours are worth as many samples as brightness. */
const JPEG_FULL_COLOUR_QUALITY = 90;

/** WebP: lossy colours, quality 80 unless another is given, or lossless ones. Alpha is lossless: a mask stays exact. */
export function createWebpEncoder({ quality, lossless }: EncodeOptions): TileEncoder {
  const options = lossless === true ? { lossless } : { quality: quality ?? 80, alphaQuality: 100 };
  return {
    extension: 'webp',
    contentType: 'image/webp',
    encode: async (picture) => await encodeWith((await imageOf(toColours(picture))).webp({ ...options, effort: 2 })),
  };
}

/**
 * JPEG: quality 85 unless another is given, 4:2:0 below 90. It has no transparency: pixels without data are white, partly
 * transparent ones lie on white.
 */
export function createJpegEncoder(options: EncodeOptions): TileEncoder {
  const quality = options.quality ?? 85;
  const chromaSubsampling = quality < JPEG_FULL_COLOUR_QUALITY ? '4:2:0' : '4:4:4';
  return {
    extension: 'jpg',
    contentType: 'image/jpeg',
    encode: async (picture) => {
      const raster = toColours(picture);
      const image = await imageOf(raster);
      const opaque = isOpaque(raster.mask) ? image : image.flatten({ background: JPEG_BACKGROUND });
      return await encodeWith(opaque.jpeg({ quality, chromaSubsampling, mozjpeg: false }));
    },
  };
}

/**
 * AVIF: lossy colours, quality 60 unless another is given, or lossless ones; 8 bits, 4:4:4. Alpha is lossless: a mask
 * stays exact. Effort 1: 0 makes maps of classes half as large again, those above save up to 5 percent of the bytes of
 * imagery and take up to twenty times as long.
 */
export function createAvifEncoder({ quality, lossless }: EncodeOptions): TileEncoder {
  const withoutLoss = { effort: 1, chromaSubsampling: '4:4:4', lossless: true };
  const options = lossless === true ? withoutLoss : { ...withoutLoss, lossless: false, quality: quality ?? 60 };
  return {
    extension: 'avif',
    contentType: 'image/avif',
    encode: async (picture) => {
      const raster = toColours(picture);
      if (lossless === true || isOpaque(raster.mask)) return await encodeWith((await imageOf(raster)).avif(options));
      const colours = await interleave(raster, fillHidden(raster));
      const alpha = await alphaImageOf(raster);
      return joinAvif(await encodeWith(colours.avif(options)), await encodeWith(alpha.avif(withoutLoss)));
    },
  };
}

/** Hands the pixels to sharp, interleaved: grey, grey + alpha, RGB or RGBA. */
async function imageOf(raster: Picture): Promise<Sharp> {
  return await interleave(raster, isOpaque(raster.mask) ? raster.bands : [...raster.bands, raster.mask]);
}

/** The mask alone, over black. */
async function alphaImageOf(raster: Picture): Promise<Sharp> {
  return await interleave(raster, [new Uint8Array(raster.mask.length), raster.mask]);
}

async function interleave({ width, height }: Raster, planes: readonly Uint8Array[]): Promise<Sharp> {
  const channels = planes.length as 1 | 2 | 3 | 4;
  const pixels = new Uint8Array(width * height * channels);
  planes.forEach((plane, channel) => {
    for (let i = 0, at = channel; at < pixels.length; i++, at += channels) pixels[at] = plane[i]!;
  });
  const sharp = await loadSharp();
  const image = sharp(pixels, { raw: { width, height, channels } });
  return channels < 3 ? image.toColourspace('b-w') : image;
}

/** No metadata goes in: sharp writes none unless asked, so that the bytes depend on the pixels alone. */
async function encodeWith(image: Sharp): Promise<Uint8Array> {
  return await image.toBuffer();
}
