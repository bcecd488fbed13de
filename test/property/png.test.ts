import * as fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { DeepPicture, IndexedPicture, Picture } from '../../src/render/encode/check-picture.ts';
import { PngWriter } from '../../src/render/encode/png/png-writer.ts';
import { NATURES, pictureOf } from '../support/pictures.ts';
import { readStrictPng } from '../support/strict-png.ts';

const seed = fc.integer({ min: 0, max: 1_000_000 });
const side = fc.integer({ min: 1, max: 70 });
const bandCount = fc.constantFrom(1 as const, 3 as const);

/** What the mask of a picture may be: opaque, all or nothing, all degrees. */
const masking = fc.constantFrom('opaque', 'binary', 'partial');

/** Pixels of any few values in any order: nothing that a picture would be. */
const scattered = fc
  .record({ width: side, height: side, bandCount, colourCount: fc.integer({ min: 1, max: 300 }), seed })
  .map(({ width, height, bandCount, colourCount, seed }) => {
    const picture = pictureOf('photographic', width, height, bandCount, seed);
    const bands = picture.bands.map((band, b) =>
      Uint8Array.from(band, (_, i) => hash(hash(i + seed) % colourCount, b)),
    );
    return { ...picture, bands };
  });

const natural = fc
  .record({ nature: fc.constantFrom(...NATURES), width: side, height: side, bandCount, seed })
  .map(({ nature, width, height, bandCount, seed }) => pictureOf(nature, width, height, bandCount, seed) as Picture);

const picture = fc
  .record({ raster: fc.oneof(natural, scattered), masking, seed })
  .map(({ raster, masking, seed }): Picture => {
    if (masking === 'opaque') return raster;
    const mask = raster.mask.map((value, i) => {
      const chance = hash(Math.floor(i / 7), seed);
      return value === 0 || chance < 80 ? 0 : masking === 'partial' && chance < 160 ? chance : 255;
    });
    return { ...raster, mask };
  });

function hash(a: number, b = 0): number {
  const mixed = Math.imul(a + 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 1, 0xc2b2ae35);
  return (Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) >>> 13) & 255;
}

/** The picture in 16 bits, with lower bytes of their own. */
function deepen(raster: Picture, seed: number): DeepPicture {
  const bands = raster.bands.map((band) => Uint16Array.from(band, (value, i) => 256 * value + hash(i, seed)));
  return { ...raster, dtype: 'uint16', bands };
}

const indexed = fc
  .record({
    raster: picture,
    colourCount: fc.integer({ min: 1, max: 256 }),
    transparent: fc.integer({ min: -1, max: 255 }),
    seed,
  })
  .map(({ raster, colourCount, transparent, seed }): IndexedPicture => ({
    width: raster.width,
    height: raster.height,
    indices: raster.bands[0]!.map((value) => (value >= colourCount ? value % colourCount : value)),
    mask: raster.mask.map((value) => (value === 0 ? 0 : 255)),
    palette: Array.from({ length: colourCount }, (_, n) =>
      [hash(n, seed), hash(n, seed + 1), n, n === transparent ? 0 : hash(n) < 40 ? 1 + hash(n, 5) / 2 : 255].map(
        Math.trunc,
      ),
    ) as unknown as IndexedPicture['palette'],
  }));

/** The first pixel that is not as it was, or null. Colours under mask 0 carry no meaning. */
function firstDifference({ width, height, bands, mask }: Picture, rgba: Uint8Array): string | null {
  if (rgba.length !== 4 * width * height) return `${rgba.length} samples`;
  for (let i = 0; i < mask.length; i++) {
    if (rgba[4 * i + 3] !== mask[i]) return `mask of pixel ${i}: ${rgba[4 * i + 3]}, not ${mask[i]}`;
    for (let b = 0; b < 3 && mask[i] !== 0; b++) {
      const value = (bands[b] ?? bands[0])![i];
      if (rgba[4 * i + b] !== value) return `band ${b} of pixel ${i}: ${rgba[4 * i + b]}, not ${value}`;
    }
  }
  return null;
}

function bytesOf(samples: Uint8Array | Uint16Array): Uint8Array {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
}

async function decodeBySharp(file: Uint8Array): Promise<Uint8Array> {
  return await sharp(file).toColourspace('srgb').ensureAlpha().raw().toBuffer();
}

describe('PNG', () => {
  const shared = new PngWriter();

  test('every picture comes back from a strict decoder and from sharp, and has the same bytes again', async () => {
    await fc.assert(
      fc.asyncProperty(picture, async (raster) => {
        const file = shared.write(raster);
        const read = readStrictPng(file);
        expect([read.width, read.height]).toEqual([raster.width, raster.height]);
        expect(firstDifference(raster, read.rgba)).toBeNull();
        expect(firstDifference(raster, await decodeBySharp(file))).toBeNull();
        // What was written before, and how large it was, leaves no trace.
        expect(Buffer.compare(new PngWriter().write(raster), file)).toBe(0);
      }),
      { numRuns: 400 },
    );
  });

  test('every picture of 16 bits comes back from a strict decoder and from sharp', async () => {
    await fc.assert(
      fc.asyncProperty(picture, seed, async (raster, seed) => {
        const deep = deepen(raster, seed);
        const file = shared.write(deep);
        const { samples, bitDepth, colourType } = readStrictPng(file);
        const isOpaque = deep.mask.every((alpha) => alpha === 255);
        expect([bitDepth, colourType]).toEqual([16, (deep.bands.length === 1 ? 0 : 2) + (isOpaque ? 0 : 4)]);
        const planes = isOpaque ? deep.bands : [...deep.bands, Uint16Array.from(deep.mask, (alpha) => 257 * alpha)];
        const expected = Uint16Array.from({ length: planes.length * deep.mask.length }, (_, n) => {
          const i = Math.floor(n / planes.length);
          return deep.mask[i] === 0 ? 0 : planes[n % planes.length]![i]!;
        });
        expect(Buffer.compare(bytesOf(samples), bytesOf(expected))).toBe(0);
        const space = deep.bands.length === 1 ? 'grey16' : 'rgb16';
        const bySharp = await sharp(file).toColourspace(space).raw({ depth: 'ushort' }).toBuffer();
        expect(Buffer.compare(bySharp, bytesOf(expected))).toBe(0);
        expect(Buffer.compare(new PngWriter().write(deep), file)).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  test('every picture by index keeps its indices and colours', async () => {
    await fc.assert(
      fc.asyncProperty(indexed, async (raster) => {
        const file = shared.writeIndexed(raster);
        const read = readStrictPng(file);
        const bySharp = await decodeBySharp(file);
        const isSame = raster.indices.every((index, i) => raster.mask[i] === 0 || read.samples[i] === index);
        expect(isSame || read.colourType !== 3).toBe(true);
        const part = (n: number): Uint8Array => raster.indices.map((index) => raster.palette[index]![n]!);
        const mask = part(3).map((alpha, i) => (raster.mask[i] === 0 ? 0 : alpha));
        const colours: Picture = { ...raster, dtype: 'uint8', bands: [part(0), part(1), part(2)], mask };
        expect(firstDifference(colours, read.rgba)).toBeNull();
        expect(firstDifference(colours, bySharp)).toBeNull();
        expect(Buffer.compare(new PngWriter().writeIndexed(raster), file)).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  test.each(NATURES.flatMap((nature) => [256, 512].map((size) => ({ nature, size }))))(
    'tiles of $size px come back: $nature',
    async ({ nature, size }) => {
      for (const bandCount of [1, 3] as const) {
        const raster = pictureOf(nature, size, size, bandCount, size) as Picture;
        const file = shared.write(raster);
        expect(firstDifference(raster, readStrictPng(file).rgba)).toBeNull();
        expect(firstDifference(raster, await decodeBySharp(file))).toBeNull();
      }
    },
  );
});
