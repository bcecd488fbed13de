import * as fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { Picture } from '../../src/render/encode/check-picture.ts';
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
