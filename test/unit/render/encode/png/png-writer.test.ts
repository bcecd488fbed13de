import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { DeepPicture, IndexedPicture, Picture } from '../../../../../src/render/encode/check-picture.ts';
import type { PaletteColour } from '../../../../../src/raster/raster.ts';
import { PngWriter } from '../../../../../src/render/encode/png/png-writer.ts';
import { NATURES, pictureOf, type Nature } from '../../../../support/pictures.ts';
import { readStrictPng } from '../../../../support/strict-png.ts';

const writer = new PngWriter();

/** Bytes of sharp's own PNG of the picture at its default settings, with alpha only where it is needed. */
async function sharpBytes({ width, height, bands, mask }: Picture): Promise<number> {
  const planes = mask.every((alpha) => alpha === 255) ? bands : [...bands, mask];
  const channels = planes.length as 1 | 2 | 3 | 4;
  const pixels = new Uint8Array(width * height * channels);
  planes.forEach((plane, p) => plane.forEach((value, i) => (pixels[i * channels + p] = value)));
  const image = sharp(pixels, { raw: { width, height, channels } });
  const options = { compressionLevel: 6, adaptiveFiltering: false, palette: false };
  return (await (bands.length === 1 ? image.toColourspace('b-w') : image).png(options).toBuffer()).length;
}

function picture(width: number, height: number, bandCount: 1 | 3, value: (i: number, b: number) => number): Picture {
  const bands = Array.from({ length: bandCount }, (_, b) =>
    Uint8Array.from({ length: width * height }, (_, i) => value(i, b)),
  );
  return { width, height, dtype: 'uint8', bands, mask: new Uint8Array(width * height).fill(255) };
}

function withHole(raster: Picture): Picture {
  return { ...raster, mask: raster.mask.map((value, i) => (i % 5 === 0 ? 0 : value)) };
}

/** Every value, in no order: nothing to compress. */
function noise(i: number, b: number): number {
  const mixed = Math.imul(i ^ (b << 24) ^ 0x5bd1e995, 0x85ebca6b);
  return (Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) >>> 16) & 255;
}

describe('size', () => {
  /**
   * Share of sharp's default, of RGB and of grey, that is allowed at most; what is well below 1 is there to stay so.
   * Ragged grey classes are the one nature that is not smaller.
   */
  const LIMITS: Readonly<Record<Nature, Readonly<Record<1 | 3, number>>>> = {
    photographic: { 3: 0.75, 1: 0.75 },
    smooth: { 3: 0.3, 1: 0.7 },
    flat: { 3: 0.75, 1: 1 },
    palette: { 3: 0.9, 1: 1.04 },
    'half-empty': { 3: 0.85, 1: 0.7 },
    uniform: { 3: 0.15, 1: 0.3 },
  };

  test.each(NATURES.flatMap((nature) => ([1, 3] as const).map((bandCount) => ({ nature, bandCount }))))(
    'is no more than that of sharp: $nature, $bandCount bands',
    async ({ nature, bandCount }) => {
      for (const size of [256, 512]) {
        for (const seed of [1, 2, 3]) {
          const raster = pictureOf(nature, size, size, bandCount, seed) as Picture;
          const share = writer.write(raster).length / (await sharpBytes(raster));
          expect(share, `${size} px, seed ${seed}`).toBeLessThanOrEqual(LIMITS[nature][bandCount]);
        }
      }
    },
  );

  test('of noise is that of its pixels', () => {
    const raster = picture(256, 256, 3, noise);
    expect(writer.write(raster).length).toBeLessThan(256 * 256 * 3 + 256 + 200);
  });

  test('of a uniform tile is next to nothing', () => {
    expect(writer.write(picture(512, 512, 3, () => 200)).length).toBeLessThan(150);
  });
});

describe('colour type and depth', () => {
  const few = (count: number) => (i: number, b: number) => (b === 0 ? (i * 7) % count : 9 + b);
  const GREY = 0;
  const RGB = 2;
  const INDEXED = 3;
  const GREY_ALPHA = 4;
  const RGB_ALPHA = 6;

  test.each([
    ['grey', picture(64, 64, 1, (i) => i & 255), GREY, 8],
    ['grey of 16 values', picture(64, 64, 1, (i) => 16 * (noise(i, 0) & 15)), INDEXED, 4],
    ['grey with a hole', withHole(picture(64, 64, 1, (i) => noise(i, 0) >> 2)), INDEXED, 8],
    ['grey of all values with a hole', withHole(picture(64, 64, 1, noise)), GREY_ALPHA, 8],
    ['RGB', picture(64, 64, 3, noise), RGB, 8],
    ['RGB that is grey', picture(64, 64, 3, (i) => noise(i, 0)), GREY, 8],
    ['RGB that is grey but for one sample', picture(64, 64, 3, (i, b) => noise(i, 0) ^ (i === 4095 ? b : 0)), RGB, 8],
    ['RGB with a hole', withHole(picture(64, 64, 3, noise)), RGB_ALPHA, 8],
    ['one colour', picture(64, 64, 3, () => 1), INDEXED, 1],
    ['two colours', picture(64, 64, 3, few(2)), INDEXED, 1],
    ['two colours and a hole', withHole(picture(64, 64, 3, few(2))), INDEXED, 2],
    ['16 colours', picture(63, 64, 3, few(16)), INDEXED, 4],
    ['17 colours', picture(64, 64, 3, few(17)), INDEXED, 8],
    ['256 colours', picture(256, 256, 3, (i, b) => noise(noise(i, 0), b)), INDEXED, 8],
  ])('%s', (_, raster, colourType, bitDepth) => {
    const { chunks, ...read } = readStrictPng(writer.write(raster));
    expect(read).toMatchObject({ colourType, bitDepth });
    expect(chunks.includes('PLTE')).toBe(colourType === INDEXED);
    expect(chunks.includes('tRNS')).toBe(colourType === INDEXED && raster.mask.includes(0));
  });

  test('a ramp whose palette would be larger than its pixels has none', () => {
    const ramp = picture(256, 256, 3, (i, b) => (b === 0 ? i >> 8 : 9));
    expect(readStrictPng(writer.write(ramp)).colourType).toBe(RGB);
  });

  test('degrees of transparency are entries of the palette', () => {
    const raster = { ...picture(64, 64, 3, few(3)), mask: Uint8Array.from({ length: 4096 }, (_, i) => 60 + (i & 1)) };
    const { chunks, rgba } = readStrictPng(writer.write(raster));
    expect(chunks).toEqual(['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND']);
    expect([...rgba.subarray(0, 8)]).toEqual([0, 10, 11, 60, 1, 10, 11, 61]);
  });
});

describe('16 bits', () => {
  const deep = (bandCount: 1 | 3, alpha: (i: number) => number): DeepPicture => ({
    width: 37,
    height: 20,
    dtype: 'uint16',
    bands: Array.from({ length: bandCount }, (_, b) =>
      Uint16Array.from({ length: 740 }, (_, i) => 257 * noise(i, b) + i),
    ),
    mask: Uint8Array.from({ length: 740 }, (_, i) => alpha(i)),
  });

  test.each([
    [1, false, 0],
    [3, false, 2],
    [1, true, 4],
    [3, true, 6],
  ] as const)('%i bands, with alpha: %s', (bandCount, hasAlpha, colourType) => {
    const raster = deep(bandCount, (i) => (hasAlpha ? noise(i, 7) & 0xc0 : 255));
    const read = readStrictPng(writer.write(raster));
    expect(read).toMatchObject({ width: 37, height: 20, bitDepth: 16, colourType });
    const samples = Array.from(raster.mask, (alpha, i) => [
      ...Array.from(raster.bands, (band) => (alpha === 0 ? 0 : band[i]!)),
      ...(hasAlpha ? [257 * alpha] : []),
    ]);
    expect(Buffer.compare(Buffer.from(Uint16Array.from(samples.flat()).buffer), Buffer.from(read.samples.buffer))).toBe(
      0,
    );
  });
});

describe('by index', () => {
  const colour = (n: number): PaletteColour => [n, 255 - n, (7 * n) & 255, 255];
  const palette = (count: number, transparent = -1): PaletteColour[] =>
    Array.from({ length: count }, (_, n) => (n === transparent ? [1, 2, 3, 0] : colour(n)));
  const indexed = (
    colours: readonly PaletteColour[],
    index: (i: number) => number,
    isHidden = false,
  ): IndexedPicture => ({
    width: 30,
    height: 20,
    indices: Uint8Array.from({ length: 600 }, (_, i) => index(i)),
    mask: Uint8Array.from({ length: 600 }, (_, i) => (isHidden && i % 7 === 0 ? 0 : 255)),
    palette: colours,
  });

  test.each([
    ['keeps its indices', indexed(palette(256), (i) => (i * 7) % 120), 8, 120, null],
    ['takes fewer bits where all indices fit', indexed(palette(200), (i) => i % 16), 4, 16, null],
    ['takes 2 bits', indexed(palette(3), (i) => i % 3), 2, 3, null],
    ['takes 1 bit', indexed(palette(3), (i) => i % 2), 1, 2, null],
    ['hides pixels behind an entry that is transparent', indexed(palette(80, 40), (i) => i % 30, true), 8, 41, 40],
    ['hides them behind a transparent entry that others have', indexed(palette(80, 5), (i) => i % 30, true), 8, 30, 5],
    ['hides them behind one more entry', indexed(palette(60), (i) => i % 30, true), 8, 61, 60],
    ['hides them behind an entry that no pixel has', indexed(palette(256), (i) => 1 + (i % 30), true), 8, 31, 0],
  ] as const)('%s', (_, picture, bitDepth, entries, hidden) => {
    const read = readStrictPng(writer.writeIndexed(picture));
    expect(read).toMatchObject({ bitDepth, colourType: 3 });
    expect(read.palette).toHaveLength(entries);
    const expected = Array.from(picture.indices, (index, i) => (picture.mask[i] === 0 ? hidden : index));
    expect([...read.samples]).toEqual(expected);
    const expectedPalette = Array.from({ length: entries }, (_, n) => (n === hidden ? 0 : picture.palette[n]));
    expect(read.palette.map((entry, n) => (n === hidden ? entry[3] : entry))).toEqual(expectedPalette);
  });

  test('is written by its colours where no entry is left to hide pixels behind', () => {
    const picture = {
      ...indexed(palette(256), (i) => i & 255),
      mask: Uint8Array.from({ length: 600 }, (_, i) => (i < 300 ? 255 : 0)),
    };
    const { colourType, rgba } = readStrictPng(writer.writeIndexed(picture));
    expect(colourType).toBe(6);
    expect([...rgba.subarray(4 * 77, 4 * 77 + 4)]).toEqual(colour(77));
    expect([...rgba.subarray(4 * 300, 4 * 300 + 4)]).toEqual([0, 0, 0, 0]);
  });

  test('is one index where no pixel is seen', () => {
    const picture = { ...indexed(palette(9), () => 3), mask: new Uint8Array(600) };
    const { rgba } = readStrictPng(writer.writeIndexed(picture));
    expect(rgba.every((sample, i) => i % 4 !== 3 || sample === 0)).toBe(true);
  });

  test('refuses an index beyond the palette', () => {
    expect(() => writer.writeIndexed(indexed(palette(9), (i) => i % 10))).toThrow(
      'palette of 9 colours: found index 9',
    );
    expect(() => writer.writeIndexed(indexed(palette(9), (i) => (i % 7 === 0 ? 99 : i % 9), true))).not.toThrow();
  });
});

test('colours under mask 0 do not count', () => {
  const hidden = (shift: number): Picture => {
    const raster = picture(64, 64, 3, (i, b) => (i % 3 === 0 ? noise(i + shift, b) : 50 + b));
    return { ...raster, mask: raster.mask.map((_, i) => (i % 3 === 0 ? 0 : 255)) };
  };
  const file = writer.write(hidden(0));
  expect(readStrictPng(file)).toMatchObject({ colourType: 3, bitDepth: 1 });
  expect(Buffer.compare(file, writer.write(hidden(1)))).toBe(0);
});

test('files of the same writer do not share memory', () => {
  const first = writer.write(picture(16, 16, 3, noise));
  const before = Uint8Array.from(first);
  writer.write(picture(16, 16, 3, (i) => i & 3));
  expect(first).toEqual(before);
  expect(first.byteLength).toBe(first.buffer.byteLength);
});
