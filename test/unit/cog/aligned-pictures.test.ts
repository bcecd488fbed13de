import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { BlockCache } from '../../../src/cog/block-cache.ts';
import { openCog } from '../../../src/cog/open-cog.ts';
import { createIoCounters } from '../../../src/observe.ts';
import type { Window } from '../../../src/raster/raster.ts';
import { withPictures, type PictureOptions } from '../../support/picture-blocks.ts';
import { createMemorySource, recordReads } from '../../support/recording-source.ts';
import { writeCog, type SyntheticCog } from '../../support/synthetic-cog.ts';

const NEVER = { signal: new AbortController().signal };
const BLOCK = 64;
const [WIDTH, HEIGHT] = [4 * BLOCK, 2 * BLOCK + 20];

/** Soft colours, as pictures have them. */
function ramp(seed: number): Uint8Array {
  return Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => {
    return 128 + 100 * Math.sin((i % WIDTH) / (9 + seed)) * Math.cos(Math.floor(i / WIDTH) / (7 + seed));
  });
}

const RGB: SyntheticCog = {
  width: WIDTH,
  height: HEIGHT,
  bands: [ramp(1), ramp(2), ramp(3)],
  epsg: 3857,
  transform: [1, 0, 0, 0, -1, 0],
  blockSize: BLOCK,
  overviews: 1,
};
const GREY = { ...RGB, bands: [ramp(4)] };

const blockAt = (col: number, row: number): Window => {
  return { col: col * BLOCK, row: row * BLOCK, width: BLOCK, height: BLOCK };
};

async function open(cog: SyntheticCog, options: PictureOptions, change: (bytes: Uint8Array) => void = () => {}) {
  const written = await withPictures(cog, options);
  const bytes = writeCog(written);
  change(bytes);
  const source = recordReads(createMemorySource({ bytes }));
  const counters = createIoCounters();
  const opened = await openCog(source, { cache: new BlockCache(1e8), counters, ...NEVER });
  const blocks = written.pictures!.blocks[0]!;
  return { cog: opened, blocks, source, counters };
}

/** What sharp makes of a file, and what reading the window gives: band by band in turn. */
async function bothWays({ cog }: Awaited<ReturnType<typeof open>>, picture: Uint8Array, window: Window, level = 0) {
  const image = cog.bandCount === 1 ? sharp(picture).toColourspace('b-w') : sharp(picture);
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  const bands = Array.from({ length: cog.bandCount }, (_, b) => b + 1);
  const raster = await cog.readWindow({ level, window, bands, nodata: null }, NEVER);
  const pixels = new Uint8Array(data.length);
  raster.bands.forEach((band, b) => band.forEach((value, i) => (pixels[i * cog.bandCount + b] = value)));
  expect([info.width, info.height, info.channels]).toEqual([window.width, window.height, cog.bandCount]);
  expect(raster.mask.every((opacity) => opacity === 255)).toBe(true);
  return { decoded: new Uint8Array(data), pixels };
}

const KINDS: readonly (readonly [string, SyntheticCog, PictureOptions])[] = [
  ['JPEG with shared tables, YCbCr', RGB, { format: 'jpeg' }],
  ['JPEG with its own tables', RGB, { format: 'jpeg', sharedTables: false }],
  ['JPEG of RGB', RGB, { format: 'jpeg', saysRgb: true }],
  ['grey JPEG', GREY, { format: 'jpeg' }],
  ['WebP', RGB, { format: 'webp' }],
  ['lossless WebP', RGB, { format: 'webp', lossless: true }],
  ['WebP with alpha that is all 255', { ...RGB, alpha: ramp(5).fill(255) }, { format: 'webp' }],
];

describe.each(KINDS)('%s', (_, shape, options) => {
  test('whole blocks are files of their own, with the pixels that reading gives', async () => {
    const opened = await open(shape, options);
    expect(opened.cog.pictureFormat).toBe(options.format);
    const windows = [blockAt(0, 0), blockAt(3, 1), blockAt(1, 0)];
    const pictures = await opened.cog.readPictures(0, windows, NEVER);
    for (const [n, window] of windows.entries()) {
      expect((await sharp(pictures[n]!).metadata()).format).toBe(options.format);
      const { decoded, pixels } = await bothWays(opened, pictures[n]!, window);
      expect(Buffer.compare(decoded, pixels)).toBe(0);
    }
    const [overview] = await opened.cog.readPictures(1, [blockAt(1, 0)], NEVER);
    const { decoded, pixels } = await bothWays(opened, overview!, blockAt(1, 0), 1);
    expect(Buffer.compare(decoded, pixels)).toBe(0);
  });

  test('costs the blocks alone, in one range, undecoded; their pixels cost nothing more', async () => {
    const { cog, blocks, source, counters } = await open(shape, options);
    const windows = [0, 1, 2, 3].map((col) => blockAt(col, 0));
    await cog.readPictures(0, windows, NEVER);
    const bytes = blocks.slice(0, 4).reduce((sum, { length }) => sum + length, 0);
    expect(source.reads.slice(1)).toMatchObject([{ length: bytes }]);
    expect(counters.blocksDecoded).toBe(0);
    await cog.readPictures(0, windows, NEVER);
    await cog.prefetch(0, windows, NEVER);
    await cog.readWindow({ level: 0, window: windows[2]!, bands: [1], nodata: null }, NEVER);
    expect([source.reads.length, counters.blocksDecoded]).toEqual([2, 4]);
  });

  test('what is not one whole block is null', async () => {
    const { cog, source } = await open(shape, options);
    const windows = [
      { ...blockAt(0, 0), col: 1 },
      { ...blockAt(0, 0), width: 2 * BLOCK },
      { ...blockAt(0, 0), height: BLOCK - 1 },
      // Its block goes on below the image.
      { ...blockAt(0, 2), height: 20 },
    ];
    expect(await cog.readPictures(0, windows, NEVER)).toEqual([null, null, null, null]);
    expect(source.reads.length).toBe(1);
  });
});

test('the colours of JPEG are said in markers that all decoders know', async () => {
  const markers = async (shape: SyntheticCog, options: PictureOptions) => {
    const { cog } = await open(shape, options);
    const [picture] = await cog.readPictures(0, [blockAt(0, 0)], NEVER);
    const text = Buffer.from(picture!).toString('latin1');
    return [text.indexOf('JFIF'), text.indexOf('Adobe')];
  };
  expect(await markers(RGB, { format: 'jpeg' })).toEqual([6, -1]);
  expect(await markers(RGB, { format: 'jpeg', sharedTables: false })).toEqual([6, -1]);
  expect(await markers(GREY, { format: 'jpeg' })).toEqual([6, -1]);
  expect(await markers(RGB, { format: 'jpeg', saysRgb: true })).toEqual([-1, 6]);
});

describe('holes', () => {
  /** All but one pixel of block (1, 0), or all of that block and one pixel of (2, 1). */
  const holed = (hole: number, rest: number): Uint8Array => {
    const values = new Uint8Array(WIDTH * HEIGHT).fill(rest);
    values[5 * WIDTH + BLOCK + 9] = hole;
    return values;
  };
  const windows = [blockAt(0, 0), blockAt(1, 0), blockAt(2, 0)];

  test('in the mask', async () => {
    for (const format of ['jpeg', 'webp'] as const) {
      const { cog, source } = await open({ ...RGB, mask: holed(0, 255) }, { format });
      const pictures = await cog.readPictures(0, windows, NEVER);
      expect(pictures.map((picture) => picture !== null)).toEqual([true, false, true]);
      // The blocks of the mask, and those of the image: two places of the file.
      expect(source.reads.length).toBeLessThanOrEqual(3);
    }
  });

  test('in alpha', async () => {
    for (const lossless of [false, true]) {
      const { cog, counters } = await open({ ...RGB, alpha: holed(128, 255) }, { format: 'webp', lossless });
      const pictures = await cog.readPictures(0, windows, NEVER);
      expect(pictures.map((picture) => picture !== null)).toEqual([true, false, true]);
      expect(counters.blocksDecoded).toBe(0);
    }
  });

  test('by value: only then blocks are decoded, and read once nevertheless', async () => {
    const bands = RGB.bands.map((band) => {
      const copy = Uint8Array.from(band, (value) => Math.max(value, 1));
      for (let i = 0; i < copy.length; i++) {
        const [col, row] = [i % WIDTH, Math.floor(i / WIDTH)];
        if (row < BLOCK && col >= BLOCK && col < 1.5 * BLOCK) copy[i] = 0;
      }
      return copy;
    });
    const { cog, counters, source } = await open({ ...RGB, bands, nodata: 0 }, { format: 'webp', lossless: true });
    const pictures = await cog.readPictures(0, windows, NEVER);
    expect(pictures.map((picture) => picture !== null)).toEqual([true, false, true]);
    expect([source.reads.length, counters.blocksDecoded]).toEqual([2, 3]);
  });
});

describe('blocks that are not what they should be', () => {
  const window = blockAt(1, 0);
  /** Changes the second block of the file's full size. */
  async function changed(options: PictureOptions, change: (block: Uint8Array) => void): Promise<unknown> {
    const written = await withPictures({ ...RGB, overviews: 0 }, options);
    const block = Buffer.from(written.pictures!.blocks[0]![1]!);
    const { cog } = await open({ ...RGB, overviews: 0 }, options, (bytes) => {
      const file = Buffer.from(bytes.buffer);
      const at = file.indexOf(block);
      expect(at).toBeGreaterThan(0);
      change(file.subarray(at, at + block.length));
    });
    const [picture, other] = await cog.readPictures(0, [window, blockAt(0, 0)], NEVER);
    expect(other).not.toBeNull();
    return picture;
  }
  const frame = (block: Uint8Array): number =>
    Buffer.from(block.buffer, block.byteOffset).indexOf(Buffer.of(0xff, 0xc0));

  test.each([
    ['cut off', (block: Uint8Array) => block.fill(0, block.length - 40)],
    ['no JPEG', (block: Uint8Array) => block.fill(0, 0, 2)],
    ['no scan', (block: Uint8Array) => block.fill(0, 2, block.length - 2)],
    ['of another size', (block: Uint8Array) => (block[frame(block) + 8] = 32)],
    ['of 12 bits', (block: Uint8Array) => (block[frame(block) + 4] = 12)],
    ['of one band', (block: Uint8Array) => (block[frame(block) + 9] = 1)],
    ['of arithmetic coding', (block: Uint8Array) => (block[frame(block) + 1] = 0xc9)],
  ])('JPEG %s', async (_, change) => {
    expect(await changed({ format: 'jpeg' }, change)).toBeNull();
  });

  test.each([
    ['no WebP', false, (block: Uint8Array) => block.fill(0, 8, 12)],
    ['said to be longer', false, (block: Uint8Array) => (block[6] = 9)],
    ['a picture said to be longer', false, (block: Uint8Array) => (block[18] = 9)],
    ['of another size', false, (block: Uint8Array) => (block[26] = 32)],
    ['no key frame', false, (block: Uint8Array) => (block[23] = 0)],
    ['extended', false, (block: Uint8Array) => (block[15] = 0x58)],
    ['lossless of another size', true, (block: Uint8Array) => (block[21] = 3)],
    ['lossless without its signature', true, (block: Uint8Array) => (block[20] = 0)],
  ])('WebP %s', async (_, lossless, change) => {
    expect(await changed({ format: 'webp', lossless }, change)).toBeNull();
  });

  test('tables that are missing', async () => {
    const written = await withPictures(RGB, { format: 'jpeg' });
    const bytes = writeCog({ ...written, pictures: { ...written.pictures!, jpegTables: null } });
    const source = createMemorySource({ bytes });
    const cog = await openCog(source, { cache: new BlockCache(1e8), counters: createIoCounters(), ...NEVER });
    expect(await cog.readPictures(0, [window], NEVER)).toEqual([null]);
  });

  test('a block that is not stored, and one larger than its pixels', async () => {
    const written = await withPictures(RGB, { format: 'webp' });
    const [first, second, ...rest] = written.pictures!.blocks[0]!;
    const large = Buffer.concat([second!, new Uint8Array(BLOCK * BLOCK * 3)]);
    const blocks = [[new Uint8Array(0), large, first!, ...rest.slice(1)], ...written.pictures!.blocks.slice(1)];
    const bytes = writeCog({ ...written, pictures: { ...written.pictures!, blocks } });
    const source = createMemorySource({ bytes });
    const cog = await openCog(source, { cache: new BlockCache(1e8), counters: createIoCounters(), ...NEVER });
    const pictures = await cog.readPictures(0, [blockAt(0, 0), blockAt(1, 0), blockAt(2, 0)], NEVER);
    expect(pictures.map((picture) => picture !== null)).toEqual([false, false, true]);
  });
});

test('files of other codecs, and of bands that make no picture, have no pictures', async () => {
  const opened = async (cog: SyntheticCog) => {
    const source = createMemorySource({ bytes: writeCog(cog) });
    return await openCog(source, { cache: new BlockCache(1e8), counters: createIoCounters(), ...NEVER });
  };
  const cog = await opened(RGB);
  expect(cog.pictureFormat).toBeNull();
  expect(await cog.readPictures(0, [blockAt(0, 0)], NEVER)).toEqual([null]);
  const planes = await withPictures(GREY, { format: 'jpeg' });
  const apart = await opened({ ...planes, bands: RGB.bands, planar: 'separate' }).catch(() => null);
  expect(apart?.pictureFormat ?? null).toBeNull();
});

test('a failed read is a failure, not a block that cannot be used', async () => {
  const { cog, source } = await open(RGB, { format: 'jpeg' });
  const controller = new AbortController();
  controller.abort();
  await expect(cog.readPictures(0, [blockAt(0, 0)], { signal: controller.signal })).rejects.toMatchObject({
    name: 'AbortError',
  });
  expect(source.reads.length).toBe(1);
  expect((await cog.readPictures(0, [blockAt(0, 0)], NEVER))[0]).not.toBeNull();
});
