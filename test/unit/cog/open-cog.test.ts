import { describe, expect, test } from 'vitest';
import { BlockCache } from '../../../src/cog/block-cache.ts';
import type { Cog } from '../../../src/cog/cog.ts';
import { openCog } from '../../../src/cog/open-cog.ts';
import { DEFAULT_COG_LIMITS } from '../../../src/cog/limits.ts';
import { createIoCounters } from '../../../src/observe.ts';
import { createSamples, type Dtype, type Raster, type Samples, type Window } from '../../../src/raster/raster.ts';
import { createMemorySource } from '../../support/recording-source.ts';
import {
  syntheticLevels,
  writeCog,
  type SyntheticCog,
  type SyntheticCompression,
} from '../../support/synthetic-cog.ts';

const NEVER = { signal: new AbortController().signal };
const WIDTH = 150;
const HEIGHT = 101;

function samplesOf(dtype: Dtype, band: number): Samples {
  const samples = createSamples(dtype, WIDTH * HEIGHT);
  const scale = dtype === 'uint8' ? 1 : dtype === 'int8' ? 0.4 : dtype.startsWith('float') ? 7.3 : 90;
  for (let i = 0; i < samples.length; i += 1)
    samples[i] =
      (((i % WIDTH) * 2 + Math.floor(i / WIDTH) + band * 31) % 251) * scale - (dtype.startsWith('u') ? 0 : 40);
  return samples;
}

const PLACE = { width: WIDTH, height: HEIGHT, epsg: 32633, transform: [10, 0, 500_000, 0, -10, 5_000_000] } as const;

function open(
  cog: SyntheticCog,
  options: { cacheBytes?: number; limits?: Partial<typeof DEFAULT_COG_LIMITS> } = {},
): Promise<Cog> {
  return openCog(createMemorySource({ bytes: writeCog(cog) }), {
    cache: new BlockCache(options.cacheBytes ?? 50_000_000),
    counters: createIoCounters(),
    limits: { ...DEFAULT_COG_LIMITS, ...options.limits },
    ...NEVER,
  });
}

function crop(from: Samples, width: number, window: Window): number[] {
  const values: number[] = [];
  for (let row = window.row; row < window.row + window.height; row += 1) {
    values.push(...from.subarray(row * width + window.col, row * width + window.col + window.width));
  }
  return values;
}

/** Comparing arrays by value through `toEqual` would take most of the time of this file. */
function areSame(found: readonly Samples[], expected: readonly Samples[]): boolean {
  return (
    found.length === expected.length &&
    found.every(({ constructor, buffer, byteOffset, byteLength }, n) => {
      const other = expected[n]!;
      const bytes = Buffer.from(other.buffer, other.byteOffset, other.byteLength);
      return constructor === other.constructor && bytes.equals(Buffer.from(buffer, byteOffset, byteLength));
    })
  );
}

const all = ({ width, height }: { width: number; height: number }): Window => ({ col: 0, row: 0, width, height });

const read = (
  cog: Cog,
  level: number,
  window: Window,
  bands: readonly number[],
  nodata: number | null = null,
): Promise<Raster> => cog.readWindow({ level, window, bands, nodata }, NEVER);

describe('every layout that is written is read back exactly, on every level', () => {
  const cases: [string, Partial<SyntheticCog>, Dtype, number][] = [];
  const compressions: SyntheticCompression[] = ['none', 'deflate', 'lzw', 'packbits'];
  for (const compression of compressions) {
    for (const [dtype, predictor] of [
      ['uint8', 2],
      ['int8', 1],
      ['uint16', 2],
      ['int16', 2],
      ['uint32', 2],
      ['int32', 1],
      ['float32', 3],
      ['float64', 3],
    ] as const) {
      for (const [planar, bigEndian, bigTiff, count] of [
        ['chunky', false, false, 3],
        ['separate', true, true, 2],
        ['chunky', true, false, 5],
      ] as const) {
        const name = `${compression} ${dtype} x${count} ${planar}${bigEndian ? ' big-endian' : ''}${bigTiff ? ' BigTIFF' : ''}`;
        cases.push([name, { compression, predictor, planar, bigEndian, bigTiff }, dtype, count]);
      }
    }
  }

  test.each(cases)('%s', async (_, layout, dtype, count) => {
    const bands = Array.from({ length: count }, (__, band) => samplesOf(dtype, band));
    const written: SyntheticCog = { ...PLACE, ...layout, bands, blockSize: 64, overviews: 2 };
    await using cog = await open(written);
    expect(cog).toMatchObject({ dtype, bandCount: count, masking: 'none', nodata: null });
    expect(cog.levels).toMatchObject([
      { width: 150, height: 101, blockWidth: 64, blockHeight: 64 },
      { width: 75, height: 51 },
      { width: 38, height: 26 },
    ]);
    for (const [level, expected] of syntheticLevels(written).entries()) {
      const order = Array.from({ length: count }, (__, n) => n + 1);
      const raster = await read(cog, level, all(expected), order);
      expect(areSame(raster.bands, expected.bands)).toBe(true);
      expect(raster.mask.every((value) => value === 255)).toBe(true);
    }
  });

  test('strips are blocks too, the last one shorter', async () => {
    const bands = [samplesOf('uint16', 0)];
    await using cog = await open({ ...PLACE, bands, rowsPerStrip: 17, predictor: 2 });
    expect(cog.levels[0]).toMatchObject({ blockWidth: 150, blockHeight: 17 });
    expect(areSame((await read(cog, 0, all(PLACE), [1])).bands, bands)).toBe(true);
    const window = { col: 3, row: 80, width: 20, height: 21 };
    expect([...(await read(cog, 0, window, [1])).bands[0]!]).toEqual(crop(bands[0]!, WIDTH, window));
  });
});

describe('windows', () => {
  const bands = [0, 1, 2].map((band) => samplesOf('uint16', band));

  test.each<Window>([
    { col: 0, row: 0, width: 1, height: 1 },
    { col: 149, row: 100, width: 1, height: 1 },
    { col: 63, row: 63, width: 2, height: 2 },
    { col: 10, row: 60, width: 130, height: 41 },
  ])('of %o hold those pixels, of the bands asked for in that order', async (window) => {
    await using cog = await open({ ...PLACE, bands, blockSize: 64 });
    const raster = await read(cog, 0, window, [3, 1, 3]);
    expect(raster).toMatchObject({ width: window.width, height: window.height, dtype: 'uint16' });
    expect(raster.bands.map((band) => [...band])).toEqual([2, 0, 2].map((band) => crop(bands[band]!, WIDTH, window)));
  });

  test('larger than the cache come out the same', async () => {
    await using cog = await open({ ...PLACE, bands, blockSize: 32 }, { cacheBytes: 20_000 });
    await cog.prefetch(0, [all(PLACE)], NEVER);
    expect(areSame((await read(cog, 0, all(PLACE), [1, 2, 3])).bands, bands)).toBe(true);
  });

  test('outside of the level, and levels and bands that are not there, are errors', async () => {
    await using cog = await open({ ...PLACE, bands });
    await expect(read(cog, 0, { col: 100, row: 0, width: 51, height: 1 }, [1])).rejects.toThrow(RangeError);
    await expect(read(cog, 0, { col: -1, row: 0, width: 5, height: 1 }, [1])).rejects.toThrow(RangeError);
    await expect(read(cog, 0, { col: 0.5, row: 0, width: 5, height: 1 }, [1])).rejects.toThrow(RangeError);
    await expect(read(cog, 1, all(PLACE), [1])).rejects.toThrow(RangeError);
    await expect(read(cog, 0, all(PLACE), [4])).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  test('and blocks have limits', async () => {
    await using cog = await open({ ...PLACE, bands }, { limits: { maxWindowSamples: 1_000 } });
    await expect(read(cog, 0, all(PLACE), [1])).rejects.toMatchObject({ code: 'PIXELS_LIMIT' });
    await expect(open({ ...PLACE, bands }, { limits: { maxBlockBytes: 256 * 256 * 6 - 1 } })).rejects.toMatchObject({
      code: 'BYTES_LIMIT',
    });
  });
});

describe('masks', () => {
  const grey = samplesOf('uint8', 0);
  const other = samplesOf('uint8', 1);
  const alpha = grey.map((_, i) => (i % WIDTH < 30 ? 0 : i % WIDTH < 60 ? 120 : 255)) as Uint8Array;

  test('nodata hides a pixel only if every band asked for has it', async () => {
    await using cog = await open({ ...PLACE, bands: [grey, other], nodata: 31 });
    expect(cog).toMatchObject({ masking: 'nodata', nodata: 31 });
    const both = await read(cog, 0, all(PLACE), [1, 2]);
    const one = await read(cog, 0, all(PLACE), [2]);
    expect(areSame([both.mask], [grey.map((value, i) => (value === 31 && other[i] === 31 ? 0 : 255))])).toBe(true);
    expect(areSame([one.mask], [other.map((value) => (value === 31 ? 0 : 255))])).toBe(true);
    expect(one.mask.includes(0)).toBe(true);
  });

  test('a nodata value of the request takes the place of all that the file says', async () => {
    await using cog = await open({ ...PLACE, bands: [grey], nodata: 31, alpha, mask: alpha });
    expect((await read(cog, 0, all(PLACE), [1], 40)).mask).toEqual(grey.map((value) => (value === 40 ? 0 : 255)));
    expect((await read(cog, 0, all(PLACE), [1], Number.NaN)).mask.includes(0)).toBe(false);
    expect((await read(cog, 0, all(PLACE), [1], -1)).mask.includes(0)).toBe(false);
  });

  test('NaN is nodata where the file says so', async () => {
    const values = samplesOf('float32', 0).map((value, i) => (i % 7 === 0 ? Number.NaN : value));
    await using cog = await open({ ...PLACE, bands: [values], nodata: Number.NaN });
    expect(cog.nodata).toBeNaN();
    const { mask } = await read(cog, 0, all(PLACE), [1]);
    expect([...mask.subarray(0, 8)]).toEqual([0, 255, 255, 255, 255, 255, 255, 0]);
  });

  test('a nodata value is compared in the precision of the samples', async () => {
    const values = new Float32Array(WIDTH * HEIGHT).fill(0.1);
    await using cog = await open({ ...PLACE, bands: [values], nodata: 0.1 });
    expect((await read(cog, 0, all(PLACE), [1])).mask.includes(255)).toBe(false);
    expect((await read(cog, 0, all(PLACE), [1], 0.1)).mask.includes(255)).toBe(false);
  });

  test('a nodata value that no sample can have is not one', async () => {
    await using cog = await open({ ...PLACE, bands: [grey], nodata: -9_999, alpha });
    expect(cog).toMatchObject({ nodata: null, masking: 'alpha' });
  });

  test.each(['chunky', 'separate'] as const)(
    'alpha (%s) is the mask, with its partial values, and no band',
    async (planar) => {
      const written: SyntheticCog = {
        ...PLACE,
        bands: [grey, other, grey],
        alpha,
        planar,
        overviews: 1,
        blockSize: 64,
      };
      await using cog = await open(written);
      expect(cog).toMatchObject({ masking: 'alpha', bandCount: 3 });
      for (const [level, expected] of syntheticLevels(written).entries()) {
        const raster = await read(cog, level, all(expected), [2]);
        expect(areSame(raster.bands, [expected.bands[1]!])).toBe(true);
        expect(areSame([raster.mask], [expected.alpha!])).toBe(true);
      }
    },
  );

  test('colours that are multiplied by alpha already stay as they are, as GDAL leaves them', async () => {
    const bytes = writeCog({ ...PLACE, bands: [grey, other, grey], alpha });
    const view = new DataView(bytes.buffer);
    // ExtraSamples, one SHORT: 2, unassociated alpha, becomes 1, associated.
    const field = Array.from({ length: 600 }, (_, at) => at).find(
      (at) => view.getUint16(at, true) === 338 && view.getUint32(at + 4, true) === 1,
    );
    view.setUint16(field! + 8, 1, true);
    const options = { cache: new BlockCache(50_000_000), counters: createIoCounters(), ...NEVER };
    await using cog = await openCog(createMemorySource({ bytes }), options);
    expect(cog).toMatchObject({ masking: 'alpha', bandCount: 3 });
    const raster = await read(cog, 0, all(PLACE), [1, 2]);
    expect(areSame(raster.bands, [grey, other])).toBe(true);
    expect(areSame([raster.mask], [alpha])).toBe(true);
  });

  test('alpha of 16 bits is scaled to bytes, and nothing but 0 becomes 0', async () => {
    const deep = new Uint16Array(WIDTH * HEIGHT);
    deep.set([0, 1, 257, 32_768, 65_535]);
    await using cog = await open({ ...PLACE, bands: [samplesOf('uint16', 0)], alpha: deep });
    const { mask } = await read(cog, 0, { col: 0, row: 0, width: 5, height: 1 }, [1]);
    expect([...mask]).toEqual([0, 1, 1, 127, 255]);
  });

  test.each([false, true])('an internal mask is read on every level (sparse: %s)', async (sparse) => {
    const written: SyntheticCog = {
      ...PLACE,
      bands: [grey, other, grey],
      mask: alpha,
      overviews: 2,
      blockSize: 64,
      sparse,
    };
    await using cog = await open(written);
    expect(cog).toMatchObject({ masking: 'mask', bandCount: 3 });
    for (const [level, expected] of syntheticLevels(written).entries()) {
      const raster = await read(cog, level, all(expected), [1, 2]);
      expect(areSame(raster.bands, expected.bands.slice(0, 2))).toBe(true);
      expect(areSame([raster.mask], [expected.mask!.map((value) => (value === 0 ? 0 : 255))])).toBe(true);
    }
  });

  test('an overview without a mask is valid everywhere, as GDAL reads it', async () => {
    const bytes = writeCog({ ...PLACE, bands: [grey], mask: alpha, overviews: 1, blockSize: 64 });
    const view = new DataView(bytes.buffer);
    // NewSubfileType 5, the mask of an overview, becomes 0, a page that is not looked at.
    const field = Array.from({ length: 1_000 }, (_, at) => at).filter(
      (at) => view.getUint32(at, true) === 254 + 4 * 65_536 && view.getUint32(at + 8, true) === 5,
    );
    expect(field).toHaveLength(1);
    view.setUint32(field[0]! + 8, 0, true);
    const options = { cache: new BlockCache(50_000_000), counters: createIoCounters(), ...NEVER };
    await using cog = await openCog(createMemorySource({ bytes }), options);
    expect(cog).toMatchObject({ masking: 'mask', levels: [{ width: WIDTH }, { width: 75 }] });
    expect(new Set((await read(cog, 0, all(cog.levels[0]!), [1])).mask)).toEqual(new Set([0, 255]));
    expect(new Set((await read(cog, 1, all(cog.levels[1]!), [1])).mask)).toEqual(new Set([255]));
  });

  test.each([
    [undefined, 0],
    [7, 7],
  ])('blocks that are not stored are nodata %s', async (nodata, value) => {
    const holes = samplesOf('uint16', 0).map((sample, i) => (i % WIDTH < 128 ? value : sample));
    await using cog = await open({
      ...PLACE,
      bands: [holes],
      blockSize: 64,
      sparse: true,
      ...(nodata === undefined ? {} : { nodata }),
    });
    expect(areSame((await read(cog, 0, all(PLACE), [1])).bands, [holes])).toBe(true);
  });
});

test.each([
  ['little-endian', {}],
  ['pixel is point', { pixelIsPoint: true }],
  ['big-endian BigTIFF', { bigEndian: true, bigTiff: true }],
  ['rotated', { transform: [10, 2, 500_000, 3, -10, 5_000_000] as const }],
  ['rotated, pixel is point', { transform: [10, 2, 500_000, 3, -10, 5_000_000] as const, pixelIsPoint: true }],
  ['south up', { transform: [10, 0, 500_000, 0, 10, 5_000_000] as const }],
])('the place of a file is read: %s', async (_, layout) => {
  await using cog = await open({ ...PLACE, bands: [samplesOf('uint8', 0)], ...layout });
  expect(cog.crs).toEqual({ kind: 'epsg', code: 32633 });
  expect(cog.transform).toEqual('transform' in layout ? layout.transform : PLACE.transform);
});
