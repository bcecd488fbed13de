import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { Raster } from '../../../../src/raster/raster.ts';
import { createEncoder } from '../../../../src/render/encode/create-encoder.ts';
import type { EncodeOptions } from '../../../../src/render/encode/encoder.ts';
import { pictureOf } from '../../../support/pictures.ts';

const SIZE = 64;

/** Smooth colours, and in the right half no data if it is not opaque. */
function picture(bandCount: 1 | 3, isOpaque: boolean): Raster {
  const pixels = Array.from({ length: SIZE * SIZE }, (_, i) => ({ x: i % SIZE, y: Math.floor(i / SIZE) }));
  const mask = Uint8Array.from(pixels, ({ x }) => (isOpaque || x < SIZE / 2 ? 255 : 0));
  const bands = Array.from({ length: bandCount }, (_, b) =>
    Uint8Array.from(pixels, ({ x, y }, i) => (mask[i] === 0 ? 0 : 40 * b + x + y)),
  );
  return { width: SIZE, height: SIZE, dtype: 'uint8', bands, mask };
}

const CASES = [1, 3].flatMap((bandCount) =>
  [true, false].map((isOpaque) => ({ bandCount: bandCount as 1 | 3, isOpaque })),
);

test.each(CASES)('JPEG is white where there is no data: $bandCount bands, opaque $isOpaque', async (given) => {
  const { bandCount, isOpaque } = given;
  const bytes = await createEncoder('jpeg').encode(picture(bandCount, isOpaque));
  expect(await sharp(bytes).metadata()).toMatchObject({ format: 'jpeg', channels: bandCount, hasAlpha: false });
  const red = await sharp(bytes).toColourspace('srgb').extractChannel(0).raw().toBuffer();
  const farRight = red[SIZE - 4]!;
  expect(farRight).toBeGreaterThan(50);
  expect(farRight > 250).toBe(!isOpaque);
});

test.each([
  ['png', 'png', 'image/png', 'png'],
  ['jpeg', 'jpg', 'image/jpeg', 'jpeg'],
  ['webp', 'webp', 'image/webp', 'webp'],
  ['avif', 'avif', 'image/avif', 'heif'],
] as const)('%s files end in %s and are %s', async (format, extension, contentType, found) => {
  const encoder = createEncoder(format);
  expect(encoder).toMatchObject({ extension, contentType });
  expect(await sharp(await encoder.encode(picture(3, false))).metadata()).toMatchObject({ format: found });
});

describe('quality', () => {
  const bytesOf = async (format: 'jpeg' | 'webp' | 'avif', options: EncodeOptions): Promise<Uint8Array> =>
    await createEncoder(format, options).encode(pictureOf('photographic', 128, 128, 3));

  test.each(['jpeg', 'webp', 'avif'] as const)('more of it takes more bytes of %s', async (format) => {
    const sizes: number[] = [];
    for (const quality of [1, 30, 60, 89, 100]) sizes.push((await bytesOf(format, { quality })).length);
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
    expect(new Set(sizes).size).toBe(sizes.length);
  });

  test.each([
    ['jpeg', 85],
    ['webp', 80],
    ['avif', 60],
  ] as const)('of %s is %i unless another is given', async (format, quality) => {
    const expected = await bytesOf(format, { quality });
    for (const options of [{}, { quality: null }, { lossless: false }]) {
      expect(Buffer.compare(await bytesOf(format, options), expected)).toBe(0);
    }
  });

  test('from 90 on JPEG keeps a sample of colour for each pixel', async () => {
    const subsampling = async (quality: number): Promise<string | undefined> =>
      (await sharp(await bytesOf('jpeg', { quality })).metadata()).chromaSubsampling;
    expect([await subsampling(89), await subsampling(90)]).toEqual(['4:2:0', '4:4:4']);
  });
});
