import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BlockCache } from '../../../src/cog/block-cache.ts';
import { openCog } from '../../../src/cog/open-cog.ts';
import { isTilerError } from '../../../src/errors.ts';
import { createIoCounters } from '../../../src/observe.ts';
import { createMemorySource, recordReads } from '../../support/recording-source.ts';
import { writeCog, type SyntheticCog } from '../../support/synthetic-cog.ts';
import { writeTiff, type TiffField } from '../../support/tiff-writer.ts';

const NEVER = { signal: new AbortController().signal };
const PLAIN = { bigEndian: false, bigTiff: false };

const long = (tag: number, ...values: number[]): TiffField => ({ tag, type: 'long', values });

/** 16 × 16 bytes in one tile, in EPSG:3857. */
const FIELDS: readonly TiffField[] = [
  long(256, 16),
  long(257, 16),
  long(258, 8),
  long(259, 1),
  long(322, 16),
  long(323, 16),
  { tag: 33550, type: 'double', values: [1, 1, 0] },
  { tag: 33922, type: 'double', values: [0, 0, 0, 5, 6, 0] },
  { tag: 34735, type: 'short', values: [1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 3857] },
];
const BLOCK = new Uint8Array(256).fill(9);

/** The file with some tags replaced or added; a tag without values is left out. */
function tiff(...changes: readonly TiffField[]): Uint8Array {
  const changed = new Set(changes.map(({ tag }) => tag));
  const fields = [...FIELDS.filter(({ tag }) => !changed.has(tag)), ...changes].filter(
    ({ values }) => values.length > 0,
  );
  return writeTiff([{ fields, blocks: [BLOCK], tiled: true }], PLAIN);
}

async function openBytes(bytes: Uint8Array) {
  const source = recordReads(createMemorySource({ bytes }));
  const options = { cache: new BlockCache(1e7), counters: createIoCounters(), ...NEVER };
  return { source, cog: await openCog(source, options) };
}

async function readAll(bytes: Uint8Array): Promise<Uint8Array> {
  const { cog } = await openBytes(bytes);
  const [{ width, height } = { width: 1, height: 1 }] = cog.levels;
  const window = { col: 0, row: 0, width: Math.min(width, 64), height: Math.min(height, 64) };
  const { bands } = await cog.readWindow({ level: 0, window, bands: [1], nodata: null }, NEVER);
  return bands[0] as Uint8Array;
}

test('the file that the others are variants of is read', async () => {
  expect(await readAll(tiff())).toEqual(BLOCK);
});

describe('what is refused, and why', () => {
  test.each<[string, () => Uint8Array, string, string]>([
    ['nothing', () => new Uint8Array(), 'ASSET_UNSUPPORTED', 'does not begin like a TIFF'],
    ['text', () => Buffer.from('<html>Not found</html>'), 'ASSET_UNSUPPORTED', 'does not begin like a TIFF'],
    ['another version', () => tiff().fill(44, 2, 3), 'ASSET_UNSUPPORTED', 'version is 44'],
    ['a directory behind the end', () => tiff().fill(0xff, 4, 8), 'ASSET_CORRUPT', 'behind its end'],
    ['no directory', () => tiff().fill(0, 4, 8), 'ASSET_CORRUPT', 'no directory'],
    ['JPEG 2000', () => tiff(long(259, 34712)), 'ASSET_UNSUPPORTED', 'JPEG 2000'],
    ['an unknown compression', () => tiff(long(259, 4711)), 'ASSET_UNSUPPORTED', 'number 4711'],
    ['complex samples', () => tiff(long(258, 32), long(339, 5)), 'ASSET_UNSUPPORTED', 'complex integers'],
    ['samples of 64 bits', () => tiff(long(258, 64)), 'ASSET_UNSUPPORTED', '64 bits'],
    ['bands of different types', () => tiff(long(277, 2), long(258, 8, 16)), 'ASSET_UNSUPPORTED', 'differ'],
    ['YCbCr without JPEG', () => tiff(long(262, 6)), 'ASSET_UNSUPPORTED', 'YCbCr'],
    ['four bands in JPEG', () => tiff(long(259, 7), long(277, 4)), 'ASSET_UNSUPPORTED', 'interleaved'],
    ['JPEG of 16 bits', () => tiff(long(259, 7), long(258, 16)), 'ASSET_UNSUPPORTED', 'uint16'],
    ['bits in reverse order', () => tiff(long(266, 2)), 'ASSET_UNSUPPORTED', 'FillOrder'],
    ['an unknown predictor', () => tiff(long(259, 8), long(317, 9)), 'ASSET_UNSUPPORTED', 'predictor'],
    ['a float predictor on bytes', () => tiff(long(259, 8), long(317, 3)), 'ASSET_UNSUPPORTED', 'predictor 3'],
    ['no width', () => tiff(long(256, 0)), 'ASSET_CORRUPT', '0 x 16'],
    ['no samples', () => tiff(long(277, 0)), 'ASSET_CORRUPT', '0 samples'],
    ['more samples than any sensor has', () => tiff(long(277, 65_535)), 'ASSET_UNSUPPORTED', 'up to 4096'],
    ['no block height', () => tiff(long(323, 0)), 'ASSET_CORRUPT', '16 x 0'],
    ['huge blocks', () => tiff(long(322, 0x7fff_fff0)), 'BYTES_LIMIT', '2147483632 x 16'],
    ['more blocks than offsets', () => tiff(long(256, 100_000)), 'ASSET_CORRUPT', 'for 6250 blocks'],
    ['more bands than offsets', () => tiff(long(277, 3), long(284, 2)), 'ASSET_CORRUPT', 'for 3 blocks'],
    ['no place', () => tiff(long(33550), long(33922)), 'ASSET_UNSUPPORTED', 'does not say where it lies'],
    [
      'control points',
      () => tiff(long(33550), { tag: 33922, type: 'double', values: Array.from({ length: 24 }, (_, n) => n) }),
      'ASSET_UNSUPPORTED',
      '4 ground control points',
    ],
    [
      'a transform without inverse',
      () => tiff(long(33550), long(33922), { tag: 34264, type: 'double', values: Array.from({ length: 16 }, () => 1) }),
      'ASSET_CORRUPT',
      'no inverse',
    ],
    [
      'a place beyond the world',
      () => tiff({ tag: 33550, type: 'double', values: [1e12, 1, 0] }),
      'ASSET_CORRUPT',
      'up to 1000000000',
    ],
    ['no CRS', () => tiff(long(34735)), 'ASSET_UNSUPPORTED', 'does not name its CRS'],
    [
      'a geocentric CRS',
      () => tiff({ tag: 34735, type: 'short', values: [1, 1, 0, 1, 1024, 0, 1, 3] }),
      'ASSET_UNSUPPORTED',
      'geocentric',
    ],
    [
      'a CRS of unknown keys',
      () => tiff({ tag: 34735, type: 'short', values: [1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32767] }),
      'ASSET_UNSUPPORTED',
      'user-defined',
    ],
    [
      'GeoKeys that lead nowhere',
      () => tiff({ tag: 34735, type: 'short', values: [1, 1, 0, 1, 2057, 34736, 1, 0] }),
      'ASSET_CORRUPT',
      'cannot be read',
    ],
  ])('%s', async (_, bytes, code, found) => {
    await expect(openBytes(bytes())).rejects.toMatchObject({
      code,
      message: expect.stringContaining(found) as string,
      context: { href: 'memory:file' },
    });
  });

  test('a chain of directories that leads back to itself, or has too many', async () => {
    const bytes = tiff();
    const view = new DataView(bytes.buffer);
    const next = 8 + 2 + view.getUint16(8, true) * 12;
    view.setUint32(next, 8, true);
    await expect(openBytes(bytes)).rejects.toMatchObject({
      code: 'ASSET_CORRUPT',
      message: expect.stringContaining('itself') as string,
    });
    const page = { fields: FIELDS, blocks: [BLOCK], tiled: true };
    const many = writeTiff(
      Array.from({ length: 130 }, () => page),
      PLAIN,
    );
    await expect(openBytes(many)).rejects.toMatchObject({
      code: 'ASSET_UNSUPPORTED',
      message: expect.stringContaining('128') as string,
    });
  });

  test.each([
    [324, 1_600_000_000, 'BYTES_LIMIT'],
    [324, 1_000_000, 'ASSET_CORRUPT'],
    [347, 500_000_000, 'BYTES_LIMIT'],
  ])('tag %i with %i values costs neither memory nor time', async (tag, count, code) => {
    const bytes = tiff({ tag: 347, type: 'byte', values: [1, 2, 3, 4, 5, 6, 7, 8] });
    const view = new DataView(bytes.buffer);
    for (let at = 10; at < 10 + view.getUint16(8, true) * 12; at += 12) {
      if (view.getUint16(at, true) === tag) view.setUint32(at + 4, count, true);
    }
    await expect(openBytes(bytes)).rejects.toMatchObject({ code });
  });

  test('a block that says it is huge is not fetched', async () => {
    const bytes = tiff();
    const view = new DataView(bytes.buffer);
    for (let at = 10; at < 10 + view.getUint16(8, true) * 12; at += 12) {
      if (view.getUint16(at, true) === 325) view.setUint32(at + 8, 3_000_000_000, true);
    }
    const { cog, source } = await openBytes(bytes);
    const before = source.reads.length;
    const window = { col: 0, row: 0, width: 16, height: 16 };
    await expect(cog.readWindow({ level: 0, window, bands: [1], nodata: null }, NEVER)).rejects.toMatchObject({
      code: 'BYTES_LIMIT',
    });
    expect(source.reads.length).toBe(before);
  });
});

test('tags that nobody looks at may be of any size and type', async () => {
  const bytes = tiff({ tag: 305, type: 'ascii', values: [65, 66, 67, 68, 69, 0] }, long(65_000, 1, 2, 3));
  const view = new DataView(bytes.buffer);
  for (let at = 10; at < 10 + view.getUint16(8, true) * 12; at += 12) {
    if (view.getUint16(at, true) === 305) view.setUint32(at + 4, 0xffff_ffff, true);
    if (view.getUint16(at, true) === 65_000) view.setUint16(at + 2, 99, true);
  }
  expect(await readAll(bytes)).toEqual(BLOCK);
});

/** A file of every kind of directory; small, so that most changes hit something that matters. */
const BANDS = [0, 1, 2].map((band) => Uint8Array.from({ length: 40 * 30 }, (_, i) => (i * 3 + band) % 200));
const SMALL: SyntheticCog = {
  width: 40,
  height: 30,
  bands: BANDS,
  mask: BANDS[0]!,
  epsg: 3857,
  transform: [1, 0, 0, 0, -1, 0],
  blockSize: 16,
  overviews: 1,
};

test.each<[string, Partial<SyntheticCog>]>([
  ['DEFLATE', { predictor: 2 }],
  ['LZW, big-endian BigTIFF', { compression: 'lzw', bigEndian: true, bigTiff: true }],
  ['PackBits, separate', { compression: 'packbits', planar: 'separate' }],
  ['none, strips', { compression: 'none', rowsPerStrip: 7 }],
])('a damaged file of %s is read or refused by a typed error, never anything else', async (_, layout) => {
  const original = writeCog({ ...SMALL, ...layout });
  const change = fc.tuple(fc.oneof(fc.nat(original.length - 1), fc.nat(900)), fc.nat(255));
  const property = fc.asyncProperty(
    fc.array(change, { minLength: 1, maxLength: 4 }),
    fc.nat(3),
    async (changes, cut) => {
      const bytes = original.slice(0, cut === 0 ? Math.floor(original.length * 0.7) : original.length);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      try {
        await readAll(bytes);
        return true;
      } catch (error) {
        return isTilerError(error);
      }
    },
  );
  await expect(fc.assert(property, { numRuns: 250, seed: 7 })).resolves.toBeUndefined();
});
