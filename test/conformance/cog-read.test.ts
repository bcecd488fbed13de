import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { BlockCache } from '../../src/cog/block-cache.ts';
import type { BandScale, Cog } from '../../src/cog/cog.ts';
import { createHttpAgent } from '../../src/cog/http-agent.ts';
import { openCog } from '../../src/cog/open-cog.ts';
import { createRangeSourceOpener } from '../../src/cog/open-range-source.ts';
import { createIoCounters } from '../../src/observe.ts';
import type { Raster, Window } from '../../src/raster/raster.ts';
import { findRealData } from '../support/real-data.ts';
import { createMemorySource } from '../support/recording-source.ts';

interface Fixtures {
  readonly gdal: string;
  readonly width: number;
  readonly height: number;
  readonly files: Readonly<Record<string, Fixture>>;
}

interface Fixture {
  readonly tiff: string;
  readonly pixels: string;
  readonly mask: string;
  /** Digest of the 256 colours. */
  readonly colormap?: string;
  readonly bandScales?: readonly BandScale[];
}

type WindowDigests = readonly [
  level: number,
  col: number,
  row: number,
  width: number,
  height: number,
  pixels: string,
  mask: string,
];

interface RealFiles {
  readonly gdal: string;
  readonly files: Readonly<
    Record<string, { readonly windows: readonly WindowDigests[]; readonly transform: readonly number[] }>
  >;
}

const NEVER = { signal: new AbortController().signal };
/** For files that say nothing or something unusual of their place: their pixels are compared, not their place. */
const ASSUMED = { crs: { kind: 'epsg', code: 4326 }, transform: [1, 0, 0, 0, -1, 0] } as const;

function load(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));
}

function digest(arrays: Iterable<ArrayBufferView>): string {
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of arrays) hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex').slice(0, 16);
}

function readAll(cog: Cog, level: number, window: Window): Promise<Raster> {
  const bands = Array.from({ length: cog.bandCount }, (_, n) => n + 1);
  return cog.readWindow({ level, window, bands, nodata: null }, NEVER);
}

const fixtures = load('cog-read.fixtures.json') as Fixtures;

describe(`pixels and masks as GDAL ${fixtures.gdal} gives them`, () => {
  test.each(Object.entries(fixtures.files))('%s', async (_, { tiff, pixels, mask, colormap, bandScales }) => {
    const source = createMemorySource({ bytes: gunzipSync(Buffer.from(tiff, 'base64')) });
    const cache = new BlockCache(1024 * 1024);
    await using cog = await openCog(source, { cache, counters: createIoCounters(), ...NEVER });
    expect(cog.crs).toEqual({ kind: 'epsg', code: 32633 });
    expect(cog.transform).toEqual([10, 0, 500_000, 0, -10, 5_000_000]);
    const raster = await readAll(cog, 0, { col: 0, row: 0, width: fixtures.width, height: fixtures.height });
    expect(digest(raster.bands)).toBe(pixels);
    expect(digest([raster.mask])).toBe(mask);
    const colours = cog.colormap === null ? undefined : digest([Uint8Array.from(cog.colormap.flat())]);
    expect(colours).toBe(colormap);
    const unscaled = raster.bands.map(() => ({ scale: 1, offset: 0 }));
    expect(cog.bandScales).toEqual(bandScales ?? unscaled);
  });
});

const real = load('cog-read.real.json') as RealFiles;
const realData = findRealData();
/** None where there is no real data: then these tests are not there, as standard error says. */
const folders = realData === null ? [] : [realData];

describe.each(folders)(`windows of real files as GDAL ${real.gdal} gives them`, (folder) => {
  const agent = createHttpAgent();
  const counters = createIoCounters();
  const opener = createRangeSourceOpener({ counters, agent, fileRoot: folder, allowedHosts: null, s3Client: null });
  const cache = new BlockCache(128 * 1024 * 1024);
  afterAll(() => agent.close());

  test.each(Object.entries(real.files))('%s', async (name, { windows }) => {
    const source = opener(pathToFileURL(join(folder, name)).href);
    await using cog = await openCog(source, { cache, counters, assumed: ASSUMED, ...NEVER });
    for (const [level, col, row, width, height, pixels, mask] of windows) {
      const raster = await readAll(cog, level, { col, row, width, height });
      const where = `level ${level}, ${width} x ${height} at ${col}, ${row}`;
      expect.soft(digest(raster.bands), `pixels of ${where}`).toBe(pixels);
      expect.soft(digest([raster.mask]), `mask of ${where}`).toBe(mask);
    }
  });

  test('JPEG XL, which has no decoder here, is refused by its name', async () => {
    const source = opener(pathToFileURL(join(folder, 'codecs/byte_JXL_tiled.tif')).href);
    const opening = openCog(source, { cache, counters, assumed: ASSUMED, ...NEVER });
    await expect(opening).rejects.toMatchObject({
      code: 'ASSET_UNSUPPORTED',
      message: expect.stringContaining('JPEG XL'),
    });
  });

  /** No place at all. */
  const elsewhere = ['codecs/stefan_full_rgba_LZW_predictor_2.tif'];

  test('transforms are GDAL’s', async () => {
    for (const [name, { transform }] of Object.entries(real.files)) {
      if (elsewhere.includes(name)) continue;
      await using cog = await openCog(opener(pathToFileURL(join(folder, name)).href), { cache, counters, ...NEVER });
      const [c, a, b, f, d, e] = transform;
      for (const [n, value] of [a, b, c, d, e, f].entries()) {
        expect.soft(cog.transform[n], `${name}, element ${n}`).toBeCloseTo(value!, 9);
      }
    }
  });

  test.each(elsewhere)('%s is refused: it does not say where it lies', async (name) => {
    const opening = openCog(opener(pathToFileURL(join(folder, name)).href), { cache, counters, ...NEVER });
    await expect(opening).rejects.toMatchObject({ code: 'ASSET_UNSUPPORTED' });
  });
});
