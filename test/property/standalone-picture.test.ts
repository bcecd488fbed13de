import * as fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { standaloneJpeg, standaloneWebp } from '../../src/cog/codec/standalone-picture.ts';

const [width, height] = [48, 32];
const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => 128 + 100 * Math.sin(i / 70));
const image = () => sharp(pixels, { raw: { width, height, channels: 3 } });

/** A few bytes that become others, and how much of the end is missing. */
const damage = fc.record({
  changes: fc.array(fc.tuple(fc.nat(100_000), fc.nat(255)), { maxLength: 4 }),
  missing: fc.option(fc.nat(400), { nil: 0, freq: 3 }),
});

function damaged(bytes: Uint8Array, { changes, missing }: typeof damage extends fc.Arbitrary<infer T> ? T : never) {
  const copy = new Uint8Array(bytes.subarray(0, Math.max(0, bytes.length - missing)));
  for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value;
  return copy;
}

/** A picture is none, or says to be of the size expected. */
async function isSound(picture: Uint8Array | null, format: 'jpeg' | 'webp'): Promise<boolean> {
  if (picture === null) return true;
  const found = await sharp(picture)
    .metadata()
    .catch(() => null);
  return found === null || (found.format === format && found.width === width && found.height === height);
}

describe('a damaged block is no picture, or one of the size expected', () => {
  const expected = { width, height };

  test('JPEG', async () => {
    const bytes = await image().jpeg({ quality: 80 }).toBuffer();
    expect(standaloneJpeg(bytes, null, { ...expected, samples: 3, photometric: 6 })).not.toBeNull();
    const property = fc.asyncProperty(damage, fc.constantFrom(2, 6), async (how, photometric) => {
      return await isSound(standaloneJpeg(damaged(bytes, how), null, { ...expected, samples: 3, photometric }), 'jpeg');
    });
    await expect(fc.assert(property, { numRuns: 2_000 })).resolves.toBeUndefined();
  });

  test.each([false, true])('WebP, lossless %s', async (lossless) => {
    const bytes = await image().webp({ quality: 80, lossless }).toBuffer();
    expect(standaloneWebp(bytes, expected)).not.toBeNull();
    const property = fc.asyncProperty(damage, async (how) => {
      return await isSound(standaloneWebp(damaged(bytes, how), expected), 'webp');
    });
    await expect(fc.assert(property, { numRuns: 2_000 })).resolves.toBeUndefined();
  });

  test('noise is none', () => {
    const property = fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 60 }),
      (noise, tables) => {
        const jpeg = standaloneJpeg(noise, tables, { ...expected, samples: 3, photometric: 6 });
        return jpeg === null && standaloneWebp(noise, expected) === null;
      },
    );
    expect(() => fc.assert(property)).not.toThrow();
  });
});
