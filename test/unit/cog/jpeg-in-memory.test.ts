import * as fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { EncodedBlock } from '../../../src/cog/codec/codec.ts';
import { decodeJpegInMemory } from '../../../src/cog/codec/jpeg-in-memory.ts';
import { decodeJpeg } from '../../../src/cog/codec/jpeg.ts';

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly samples: 1 | 3;
  readonly quality: number;
  readonly chromaSubsampling: '4:2:0' | '4:4:4';
  readonly optimiseCoding: boolean;
  /** How far pixels lie from a smooth ground. */
  readonly noise: number;
  readonly seed: number;
}

const picture = fc.record<Picture>({
  width: fc.integer({ min: 8, max: 70 }),
  height: fc.integer({ min: 1, max: 50 }),
  samples: fc.constantFrom(1, 3),
  quality: fc.integer({ min: 1, max: 100 }),
  chromaSubsampling: fc.constantFrom('4:2:0', '4:4:4'),
  optimiseCoding: fc.boolean(),
  noise: fc.constantFrom(0, 3, 40, 255),
  seed: fc.nat(),
});

async function encode(of: Picture): Promise<EncodedBlock> {
  const { width, height, samples, noise, quality, chromaSubsampling, optimiseCoding } = of;
  let state = of.seed;
  const pixels = Uint8Array.from({ length: width * height * samples }, (_, i) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const ground = 128 + 90 * Math.sin(((i / samples) % width) / 9 + (i % samples)) * Math.cos(i / samples / width / 7);
    return Math.min(255, Math.max(0, ground + (state / 2 ** 32 - 0.5) * 2 * noise));
  });
  const options = { quality, chromaSubsampling, optimiseCoding };
  const image = sharp(pixels, { raw: { width, height, channels: samples } });
  const bytes = await (samples === 1 ? image.toColourspace('b-w') : image).jpeg(options).toBuffer();
  return blockOf(of, new Uint8Array(bytes));
}

function blockOf({ width, height, samples }: Picture, bytes: Uint8Array): EncodedBlock {
  const shape = { width, rows: height, samples, dtype: 'uint8', photometric: samples === 1 ? 1 : 6 } as const;
  return { ...shape, bytes, jpegTables: null, decodedBytes: width * height * samples };
}

/** The library's pixels, band by band. */
async function reference(block: EncodedBlock): Promise<Uint8Array> {
  const interleaved = await decodeJpeg(block);
  const { samples } = block;
  const pixels = block.width * block.rows;
  return Uint8Array.from({ length: pixels * samples }, (_, i) => {
    return interleaved[(i % pixels) * samples + Math.floor(i / pixels)]!;
  });
}

/** True if the pixels are the library's, false if they are not, null if there are none. */
async function isReference(block: EncodedBlock): Promise<boolean | null> {
  const found = decodeJpegInMemory(block);
  if (found === null) return null;
  const copy = new Uint8Array(found);
  return Buffer.compare(copy, await reference(block)) === 0;
}

/** Damage that leaves a stream well-formed is not noticed by anyone. */
async function isAccepted(block: EncodedBlock): Promise<boolean> {
  try {
    await decodeJpeg(block);
    return true;
  } catch {
    return false;
  }
}

const COLOURS: Picture = {
  width: 40,
  height: 24,
  samples: 3,
  quality: 80,
  chromaSubsampling: '4:2:0',
  optimiseCoding: false,
  noise: 3,
  seed: 1,
};

describe('JPEG in memory', () => {
  test('is the library’s to the bit: grey and YCbCr, of every size, quality and content', async () => {
    const property = fc.asyncProperty(picture, async (of) => {
      const block = await encode(of);
      expect(await isReference(block)).toBe(true);
    });
    await fc.assert(property, { numRuns: 150 });
  });

  test('of three bands that are no YCbCr is the library’s too', async () => {
    const block = { ...(await encode({ ...COLOURS, chromaSubsampling: '4:4:4' })), photometric: 2 };
    expect(await isReference(block)).toBe(true);
  });

  test('gives nothing for a damaged stream that the library refuses', async () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 2 });
    const property = fc.asyncProperty(picture, damage, fc.boolean(), async (of, changes, isCut) => {
      const { bytes } = await encode(of);
      for (const [at, value] of changes) bytes[20 + (at % (bytes.length - 20))] = value;
      const block = blockOf(of, isCut ? bytes.subarray(0, bytes.length - 1 - (changes[0]![0] % 40)) : bytes);
      const isRefused = decodeJpegInMemory(block) === null;
      expect(isRefused || (await isAccepted(block))).toBe(true);
    });
    await fc.assert(property, { numRuns: 200 });
  });

  test('leaves to the library what is progressive, of another size, or between the two ways of subsampling', async () => {
    const shape: Picture = { ...COLOURS, chromaSubsampling: '4:4:4' };
    const raw = sharp(Buffer.alloc(40 * 24 * 3, 9), { raw: { width: 40, height: 24, channels: 3 } });
    const progressive = await raw.jpeg({ progressive: true }).toBuffer();
    expect(decodeJpegInMemory(blockOf(shape, progressive))).toBeNull();
    const block = await encode(shape);
    expect(decodeJpegInMemory({ ...block, width: 32 })).toBeNull();
    expect(decodeJpegInMemory({ ...block, rows: 25 })).toBeNull();
    expect(decodeJpegInMemory({ ...block, samples: 1 })).toBeNull();
    const subsampled = await encode({ ...shape, chromaSubsampling: '4:2:0' });
    expect(decodeJpegInMemory({ ...subsampled, photometric: 2 })).toBeNull();
    expect(decodeJpegInMemory({ ...block, bytes: block.bytes.subarray(0, 100) })).toBeNull();
  });

  test('gives the first rows of a picture that has more', async () => {
    const block = { ...(await encode(COLOURS)), rows: 21 };
    expect(await isReference(block)).toBe(true);
  });
});
