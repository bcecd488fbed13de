import sharp from 'sharp';
import { blockRectangles, syntheticLevels } from './synthetic-cog.ts';
import type { SyntheticCog, SyntheticLevel, SyntheticPictures } from './synthetic-cog.ts';

export interface PictureOptions {
  readonly format: 'jpeg' | 'webp';
  /** Default 75. */
  readonly quality?: number;
  /** Of WebP. Default false. */
  readonly lossless?: boolean;
  /** Of JPEG: keeps tables in the directory instead of in every block, as libtiff does. Default true. */
  readonly sharedTables?: boolean;
  /** Of JPEG: says that the three components are RGB, whatever they are. Default false. */
  readonly saysRgb?: boolean;
}

/** A COG whose blocks are JPEG or WebP, written by sharp: give the result to `writeCog`. */
export async function withPictures(cog: SyntheticCog, options: PictureOptions): Promise<SyntheticCog> {
  const blocks: Uint8Array[][] = [];
  let jpegTables: Uint8Array | null = null;
  for (const level of syntheticLevels(cog)) {
    const ofLevel: Uint8Array[] = [];
    for (const rectangle of blockRectangles(cog, level)) {
      const encoded = await encodeBlock(level, rectangle, options);
      if (options.format === 'webp' || options.sharedTables === false) {
        ofLevel.push(encoded);
        continue;
      }
      const { tables, rest } = splitJpeg(encoded);
      // Huffman's codes are the standard ones and quantisation follows from the quality: all blocks have the same tables.
      jpegTables ??= tables;
      ofLevel.push(rest);
    }
    blocks.push(ofLevel);
  }
  const isGrey = cog.bands.length === 1;
  const pictures: SyntheticPictures = {
    blocks,
    compressionTag: options.format === 'jpeg' ? 7 : 50001,
    photometric: isGrey ? 1 : options.format === 'jpeg' && options.saysRgb !== true ? 6 : 2,
    jpegTables,
  };
  return { ...cog, pictures };
}

type Rectangle = ReturnType<typeof blockRectangles>[number];

async function encodeBlock(level: SyntheticLevel, rectangle: Rectangle, options: PictureOptions): Promise<Buffer> {
  const { format, quality = 75, lossless = false } = options;
  const planes = level.alpha === null ? level.bands : [...level.bands, level.alpha];
  const { col, row, width, height } = rectangle;
  const pixels = new Uint8Array(width * height * planes.length);
  for (let i = 0; i < pixels.length; i += 1) {
    const at = Math.floor(i / planes.length);
    const x = Math.min(col + (at % width), level.width - 1);
    const y = Math.min(row + Math.floor(at / width), level.height - 1);
    pixels[i] = planes[i % planes.length]![y * level.width + x]!;
  }
  const channels = planes.length as 1 | 2 | 3 | 4;
  const image = sharp(pixels, { raw: { width, height, channels } });
  if (format === 'webp') return await image.webp({ quality, lossless, alphaQuality: 100 }).toBuffer();
  const coloured = channels === 1 ? image.toColourspace('b-w') : image;
  return await coloured.jpeg({ quality, chromaSubsampling: '4:2:0', optimiseCoding: false }).toBuffer();
}

/** A JPEG without its tables and application data, and a stream of the tables alone. */
function splitJpeg(jpeg: Buffer): { readonly tables: Uint8Array; readonly rest: Uint8Array } {
  const tables: Uint8Array[] = [];
  const rest: Uint8Array[] = [];
  for (let at = 2; at < jpeg.length;) {
    const marker = jpeg[at + 1];
    if (marker === 0xda) {
      rest.push(jpeg.subarray(at));
      break;
    }
    const end = at + 2 + jpeg.readUInt16BE(at + 2);
    if (marker === 0xdb || marker === 0xc4) tables.push(jpeg.subarray(at, end));
    else if (marker !== 0xe0) rest.push(jpeg.subarray(at, end));
    at = end;
  }
  const start = Buffer.of(0xff, 0xd8);
  return { tables: Buffer.concat([start, ...tables, Buffer.of(0xff, 0xd9)]), rest: Buffer.concat([start, ...rest]) };
}
