import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { Raster } from '../../src/raster/raster.ts';
import { toColours } from '../../src/render/encode/check-picture.ts';
import type { IndexedPicture } from '../../src/render/encode/check-picture.ts';
import { createEncoder } from '../../src/render/encode/create-encoder.ts';
import type { TileFormat } from '../../src/render/encode/create-encoder.ts';
import type { EncodeOptions } from '../../src/render/encode/encoder.ts';
import { pictureOf } from '../support/pictures.ts';

export interface TileEncoderCase {
  readonly name: string;
  readonly format: TileFormat;
  readonly options: EncodeOptions;
  /** The greatest difference of a colour in a smooth picture; 0 = every value is kept. */
  readonly maxError: number;
  /** The same where classes meet. */
  readonly maxEdgeError: number;
  /** False for a format that shows white where there is no data. */
  readonly keepsMask: boolean;
}

const SIZE = 96;

/** Smooth colours; opaque, with a hole, or with a rim that fades. */
function smooth(bandCount: 1 | 3, masking: 'opaque' | 'hole' | 'fading'): Raster {
  const raster = pictureOf('smooth', SIZE, SIZE, bandCount, 3);
  const mask = Uint8Array.from({ length: SIZE * SIZE }, (_, i) => {
    const [x, y] = [i % SIZE, Math.floor(i / SIZE)];
    if (masking === 'opaque') return 255;
    return masking === 'hole' ? (x + y < SIZE ? 255 : 0) : Math.min(255, 3 * x);
  });
  return { ...raster, bands: raster.bands.map((band) => band.map((value, i) => (mask[i] === 0 ? 0 : value))), mask };
}

/** Classes in stripes, one of them half transparent, and a corner without data. */
function classes(): IndexedPicture {
  const length = SIZE * SIZE;
  const mask = Uint8Array.from({ length }, (_, i) => (i % SIZE > 80 && i > 8000 ? 0 : 255));
  const indices = Uint8Array.from({ length }, (_, i) => (mask[i] === 0 ? 0 : Math.floor((i % SIZE) / 32)));
  return {
    width: SIZE,
    height: SIZE,
    indices,
    mask,
    palette: [
      [0, 100, 0, 255],
      [255, 187, 34, 255],
      [0, 0, 200, 128],
    ],
  };
}

/** Red, green, blue and alpha of every pixel. */
async function decode(bytes: Uint8Array): Promise<Uint8Array> {
  const { data, info } = await sharp(bytes)
    .toColourspace('srgb')
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect([info.width, info.height, info.channels]).toEqual([SIZE, SIZE, 4]);
  return data;
}

/** The greatest difference of a colour where `minAlpha` or more of it is seen, and of alpha anywhere. */
function differences({ bands, mask }: Raster, rgba: Uint8Array, minAlpha = 1): { colour: number; alpha: number } {
  let [colour, alpha] = [0, 0];
  for (let i = 0; i < mask.length; i++) {
    alpha = Math.max(alpha, Math.abs(rgba[4 * i + 3]! - mask[i]!));
    for (let b = 0; b < 3 && mask[i]! >= minAlpha; b++) {
      colour = Math.max(colour, Math.abs(rgba[4 * i + b]! - bands[b % bands.length]![i]!));
    }
  }
  return { colour, alpha };
}

/** What every encoder of tiles promises. */
export function describeTileEncoder({
  name,
  format,
  options,
  maxError,
  maxEdgeError,
  keepsMask,
}: TileEncoderCase): void {
  const create = () => createEncoder(format, options);
  const maskings = keepsMask ? (['opaque', 'hole', 'fading'] as const) : (['opaque'] as const);

  describe(`tile encoder: ${name}`, () => {
    test.each(maskings.flatMap((masking) => ([1, 3] as const).map((bandCount) => ({ masking, bandCount }))))(
      'keeps the mask, and colours as far as it says: $bandCount bands, $masking',
      async ({ masking, bandCount }) => {
        const raster = smooth(bandCount, masking);
        const { colour, alpha } = differences(raster, await decode(await create().encode(raster)));
        expect(alpha).toBe(0);
        expect(colour).toBeLessThanOrEqual(maxError);
      },
    );

    test('shows a picture by index in its colours', async () => {
      const picture = classes();
      const colours = toColours(picture);
      const [indexed, direct] = [await create().encode(picture), await create().encode(colours)];
      expect(Buffer.compare(await decode(indexed), await decode(direct))).toBe(0);
      const minAlpha = keepsMask ? 1 : 255;
      expect(differences(colours, await decode(indexed), minAlpha).colour).toBeLessThanOrEqual(maxEdgeError);
    });

    test('gives the same bytes again, alone or beside others, by one thread or four', async () => {
      const pictures = [smooth(3, 'hole'), smooth(1, 'fading'), smooth(3, 'opaque'), classes()];
      const encoder = create();
      const threads = sharp.concurrency();
      try {
        sharp.concurrency(1);
        const alone: Uint8Array[] = [];
        for (const picture of pictures) alone.push(await encoder.encode(picture));
        sharp.concurrency(4);
        const beside = await Promise.all(pictures.toReversed().map((picture) => create().encode(picture)));
        expect(beside.toReversed().map((bytes, n) => Buffer.compare(bytes, alone[n]!))).toEqual([0, 0, 0, 0]);
      } finally {
        sharp.concurrency(threads);
      }
    });

    test('leaves the picture as it is, and no metadata in the file', async () => {
      const raster = smooth(3, 'fading');
      const bytes = await create().encode(raster);
      expect(raster).toEqual(smooth(3, 'fading'));
      const { exif, icc, xmp, iptc } = await sharp(bytes).metadata();
      expect([exif, icc, xmp, iptc]).toEqual([undefined, undefined, undefined, undefined]);
    });

    test('refuses what is no picture', async () => {
      const two = { ...smooth(1, 'opaque'), bands: [new Uint8Array(SIZE * SIZE), new Uint8Array(SIZE * SIZE)] };
      const float: Raster = { ...smooth(1, 'opaque'), dtype: 'float32', bands: [new Float32Array(SIZE * SIZE)] };
      for (const raster of [two, float]) {
        await expect((async () => await create().encode(raster))()).rejects.toThrow(RangeError);
      }
    });
  });
}
