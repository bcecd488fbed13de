import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { Raster } from '../../../../src/raster/raster.ts';
import { createEncoder } from '../../../../src/render/encode/create-encoder.ts';

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

async function decode(bytes: Uint8Array): Promise<(band: number, i: number) => number> {
  const { data, info } = await sharp(bytes)
    .toColourspace('srgb')
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return (band, i) => data[i * info.channels + band] ?? -1;
}

describe('encoders', () => {
  test.each(CASES)('PNG keeps every value: $bandCount bands, opaque $isOpaque', async ({ bandCount, isOpaque }) => {
    const raster = picture(bandCount, isOpaque);
    const bytes = await createEncoder('png').encode(raster);
    expect(await sharp(bytes).metadata()).toMatchObject({
      format: 'png',
      width: SIZE,
      height: SIZE,
      channels: bandCount + (isOpaque ? 0 : 1),
      depth: 'uchar',
    });
    const at = await decode(bytes);
    for (let i = 0; i < SIZE * SIZE; i++) {
      expect(at(3, i)).toBe(raster.mask[i]);
      for (let b = 0; b < 3; b++) expect(at(b, i)).toBe(raster.bands[Math.min(b, bandCount - 1)]![i]);
    }
  });

  test.each(CASES)(
    'WebP is close and its mask is exact: $bandCount bands, opaque $isOpaque',
    async ({ bandCount, isOpaque }) => {
      const raster = picture(bandCount, isOpaque);
      const bytes = await createEncoder('webp').encode(raster);
      expect(await sharp(bytes).metadata()).toMatchObject({ format: 'webp', hasAlpha: !isOpaque });
      const at = await decode(bytes);
      for (let i = 0; i < SIZE * SIZE; i++) {
        expect(at(3, i)).toBe(raster.mask[i]);
        const error = raster.mask[i] === 255 ? Math.abs(at(0, i) - raster.bands[0]![i]!) : 0;
        expect(error).toBeLessThan(24);
      }
    },
  );

  test.each(CASES)(
    'JPEG is white where there is no data: $bandCount bands, opaque $isOpaque',
    async ({ bandCount, isOpaque }) => {
      const raster = picture(bandCount, isOpaque);
      const bytes = await createEncoder('jpeg').encode(raster);
      expect(await sharp(bytes).metadata()).toMatchObject({ format: 'jpeg', channels: bandCount, hasAlpha: false });
      const at = await decode(bytes);
      const farRight = SIZE - 4;
      expect(at(0, farRight)).toBeGreaterThan(isOpaque ? 50 : 250);
      expect(at(0, farRight) > 250).toBe(!isOpaque);
    },
  );

  test('partly transparent pixels keep their alpha', async () => {
    const raster = { ...picture(3, true), mask: new Uint8Array(SIZE * SIZE).fill(77) };
    const at = await decode(await createEncoder('png').encode(raster));
    expect(at(3, 5)).toBe(77);
    expect(at(0, 5)).toBe(raster.bands[0]![5]);
  });

  test.each(['png', 'jpeg', 'webp'] as const)('%s gives the same bytes again, without metadata', async (format) => {
    const encoder = createEncoder(format);
    const [one, two] = await Promise.all([
      encoder.encode(picture(3, false)),
      createEncoder(format).encode(picture(3, false)),
    ]);
    expect(Buffer.compare(one, two)).toBe(0);
    const { exif, icc, xmp, density } = await sharp(one).metadata();
    expect([exif, icc, xmp]).toEqual([undefined, undefined, undefined]);
    expect(density ?? 72).toBe(72);
  });

  test.each([
    ['png', 'png', 'image/png'],
    ['jpeg', 'jpg', 'image/jpeg'],
    ['webp', 'webp', 'image/webp'],
  ] as const)('%s files end in %s and are %s', (format, extension, contentType) => {
    expect(createEncoder(format)).toMatchObject({ extension, contentType });
  });

  test('anything but a picture is a fault', async () => {
    const two = { ...picture(1, true), bands: [new Uint8Array(1), new Uint8Array(1)] };
    await expect((async () => await createEncoder('png').encode(two))()).rejects.toThrow(RangeError);
  });
});
