import { deflateSync } from 'node:zlib';
import * as fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { inflate } from '../../../src/cog/codec/deflate.ts';
import { completeJpeg, decodeJpeg } from '../../../src/cog/codec/jpeg.ts';
import { decodeLzw } from '../../../src/cog/codec/lzw.ts';
import { decodePackBits } from '../../../src/cog/codec/pack-bits.ts';
import { codecOf, compressionName } from '../../../src/cog/codec/registry.ts';
import { decompressZstd } from '../../../src/cog/codec/zstd.ts';
import { encodeLzw, encodePackBits } from '../../support/tiff-encoders.ts';

const runs = fc
  .array(fc.tuple(fc.nat(255), fc.integer({ min: 1, max: 300 })), { maxLength: 60 })
  .map((parts) => Uint8Array.from(parts.flatMap(([byte, count]) => Array.from({ length: count }, () => byte))));

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

describe('LZW', () => {
  test('gives back what was encoded: runs, and noise that fills the table several times', () => {
    expect(() =>
      fc.assert(fc.property(runs, (bytes) => isSame(decodeLzw(encodeLzw(bytes), bytes.length), bytes))),
    ).not.toThrow();
    const noise = Uint8Array.from({ length: 60_000 }, (_, i) => ((i * 2_654_435_761) >>> 13) & 0xff);
    expect(decodeLzw(encodeLzw(noise), noise.length)).toEqual(noise);
  });

  test('decodes the example of the TIFF specification', () => {
    const codes = [256, 7, 258, 8, 8, 258, 6, 257].map((code) => code.toString(2).padStart(9, '0')).join('');
    const bytes = codes.match(/.{1,8}/gu)!.map((bits) => Number.parseInt(bits.padEnd(8, '0'), 2));
    expect([...decodeLzw(Uint8Array.from(bytes), 10)]).toEqual([7, 7, 7, 8, 8, 7, 7, 6]);
  });

  test('damaged streams throw or end early, and never write beyond the block', () => {
    expect(() => decodeLzw(Uint8Array.of(0x80, 0x3f, 0xff, 0xff), 100)).toThrow('is not in the table');
    expect(() => decodeLzw(Uint8Array.of(0, 1, 2, 3), 100)).toThrow('old bit order');
    const bytes = encodeLzw(new Uint8Array(5_000).fill(7));
    expect(decodeLzw(bytes, 100).length).toBe(100);
    expect(decodeLzw(bytes.subarray(0, 20), 5_000).length).toBeLessThan(5_000);
    const outcome = (noise: Uint8Array): boolean => {
      try {
        return decodeLzw(noise, 500).length <= 500;
      } catch (error) {
        return error instanceof Error && error.message.includes('LZW');
      }
    };
    expect(() => fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), outcome))).not.toThrow();
  });
});

describe('PackBits', () => {
  test('gives back what was encoded, and stops at the block', () => {
    const back = fc.property(runs, (bytes) => isSame(decodePackBits(encodePackBits(bytes), bytes.length), bytes));
    expect(() => fc.assert(back)).not.toThrow();
    expect([...decodePackBits(Uint8Array.of(129, 9), 3)]).toEqual([9, 9, 9]);
    expect([...decodePackBits(Uint8Array.of(5, 1, 2), 9)]).toEqual([1, 2]);
    expect([...decodePackBits(Uint8Array.of(250), 9)]).toEqual([]);
  });
});

test('inflating stops far short of what a bomb would give', () => {
  const bomb = deflateSync(new Uint8Array(50_000_000));
  expect(() => inflate(bomb, 1_000)).toThrow(RangeError);
  expect(inflate(deflateSync(new Uint8Array(1_000).fill(3)), 1_000)).toHaveLength(1_000);
  expect(inflate(deflateSync(new Uint8Array(1_000)).subarray(0, 6), 1_000).length).toBeLessThan(1_000);
});

test('a Zstandard frame of one raw block (RFC 8878)', async () => {
  const content = Uint8Array.from({ length: 300 }, (_, i) => i % 256);
  const block = (content.length << 3) | 1;
  const frame = [0x28, 0xb5, 0x2f, 0xfd, 0xa0, 44, 1, 0, 0, block & 255, (block >> 8) & 255, block >> 16, ...content];
  expect(new Uint8Array(await decompressZstd(Uint8Array.from(frame), 300))).toEqual(content);
  expect(await decompressZstd(Uint8Array.from(frame), 1e9)).toHaveLength(300);
  expect(await decompressZstd(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0x58, 1, 0, 0), 1e9)).toHaveLength(0);
  await expect(decompressZstd(Uint8Array.of(1, 2, 3, 4, 5, 6, 7), 300)).rejects.toThrow('no Zstandard frame');
});

describe('JPEG', () => {
  const width = 32;
  const rows = 16;
  const pixels = Uint8Array.from({ length: width * rows * 3 }, (_, i) => (i * 5) % 256);
  const block = { width, rows, samples: 3, dtype: 'uint8', jpegTables: null, decodedBytes: width * rows * 3 } as const;
  const encoded = sharp(pixels, { raw: { width, height: rows, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();

  test('YCbCr comes out as RGB; said to be RGB, the same stream comes out unconverted', async () => {
    const bytes = await encoded;
    const expected = await sharp(bytes).raw().toBuffer();
    expect(Buffer.compare(await decodeJpeg({ ...block, bytes, photometric: 6 }), expected)).toBe(0);
    expect(Buffer.compare(await decodeJpeg({ ...block, bytes, photometric: 2 }), expected)).not.toBe(0);
  });

  test('tables that are kept apart are joined, and application data is left out', async () => {
    const bytes = await encoded;
    const quantisation = bytes.indexOf(Buffer.of(0xff, 0xdb));
    const length = 2 + bytes.readUInt16BE(quantisation + 2);
    const table = bytes.subarray(quantisation, quantisation + length);
    const tables = Buffer.concat([Buffer.of(0xff, 0xd8), table, Buffer.of(0xff, 0xd9)]);
    const rest = Buffer.concat([bytes.subarray(0, quantisation), bytes.subarray(quantisation + length)]);
    const joined = completeJpeg(rest, tables, 1);
    expect(Buffer.from(joined).includes('JFIF')).toBe(false);
    expect(Buffer.from(joined).includes('Adobe')).toBe(true);
    const decoded = await decodeJpeg({ ...block, bytes: rest, jpegTables: tables, photometric: 6 });
    expect(Buffer.compare(decoded, await sharp(bytes).raw().toBuffer())).toBe(0);
  });

  test('what is no JPEG, or one of another size, is an error', async () => {
    const bytes = await encoded;
    await expect(decodeJpeg({ ...block, bytes: pixels, photometric: 6 })).rejects.toThrow('FF D8');
    await expect(decodeJpeg({ ...block, width: 16, rows: 64, bytes, photometric: 6 })).rejects.toThrow('32 x 16');
    await expect(decodeJpeg({ ...block, bytes: bytes.subarray(0, -200), photometric: 6 })).rejects.toThrow(/JPEG/iu);
  });
});

test('compressions have names, also those that are not read', () => {
  expect([1, 5, 7, 8, 32773, 32946, 34887, 34925, 50000, 50001].map((tag) => codecOf(tag)?.name)).toEqual([
    'none',
    'LZW',
    'JPEG',
    'DEFLATE',
    'PackBits',
    'DEFLATE',
    'LERC',
    'LZMA',
    'ZSTD',
    'WebP',
  ]);
  expect(codecOf(34712)).toBeNull();
  expect(compressionName(34712)).toBe('JPEG 2000');
  expect(compressionName(4711)).toBe('number 4711');
});
