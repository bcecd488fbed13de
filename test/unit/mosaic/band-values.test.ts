import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BlockCache } from '../../../src/cog/block-cache.ts';
import type { Cog } from '../../../src/cog/cog.ts';
import { openCog } from '../../../src/cog/open-cog.ts';
import { bandValuesOf, unscale } from '../../../src/mosaic/band-values.ts';
import { openScene } from '../../../src/mosaic/scene-reader.ts';
import type { AssetRef, Scene } from '../../../src/mosaic/scene.ts';
import { createRaster, type Dtype } from '../../../src/raster/raster.ts';
import type { ItemBand, ItemBands } from '../../../src/stac/item-bands.ts';
import { itemToScene } from '../../../src/stac/accessor.ts';
import { createIoCounters } from '../../../src/observe.ts';
import { memoryCog } from '../../support/memory-cog.ts';
import { findRealData } from '../../support/real-data.ts';
import { createMemorySource } from '../../support/recording-source.ts';
import { readItem } from '../../support/stac-items.ts';

const SCENE: Scene = {
  itemId: 'a',
  collection: null,
  datetime: null,
  version: '1',
  footprint: null,
  bbox: null,
  assets: [],
};

function cogOf(dtype: Dtype, bandCount = 1, fields: Partial<Cog> = {}): Cog {
  const levels = [createRaster(1, 1, dtype, bandCount)];
  return { ...memoryCog({ crs: { kind: 'epsg', code: 3857 }, transform: [1, 0, 0, 0, -1, 0], levels }), ...fields };
}

function band(fields: Partial<ItemBand>): ItemBand {
  return { scale: null, offset: null, nodata: null, ...fields };
}

function each(...bands: readonly Partial<ItemBand>[]): ItemBands {
  return { kind: 'each', bands: bands.map(band) };
}

function assetOf(cog: Cog, bands?: ItemBands, read = Array.from({ length: cog.bandCount }, (_, b) => b + 1)) {
  const ref: AssetRef = { key: 'data', href: 'memory', ...(bands !== undefined && { bands }) };
  return { scene: SCENE, ref, cog, bands: read };
}

describe('scale and offset', () => {
  const tagged = cogOf('uint16', 2, {
    bandScales: [
      { scale: 2, offset: 1 },
      { scale: 3, offset: 0 },
    ],
  });

  test('samples stay as they are without a wish', () => {
    const values = bandValuesOf(assetOf(tagged, each({ scale: 5 }, {})), { unscale: 'none', nodata: null });
    expect(values).toEqual({ scales: null, dtype: 'uint16', itemNodata: null });
  });

  test.each([
    ['the tags of the file', 'file', each({ scale: 5 }, {}), tagged.bandScales],
    [
      'the item, where it states them, else the file',
      'item',
      each({ scale: 5 }, {}),
      [
        { scale: 5, offset: 0 },
        { scale: 3, offset: 0 },
      ],
    ],
    [
      'an offset alone',
      'item',
      each({ offset: -7 }, {}),
      [
        { scale: 1, offset: -7 },
        { scale: 3, offset: 0 },
      ],
    ],
    [
      'the same of all bands',
      'item',
      { kind: 'all', band: band({ scale: 9 }) } as const,
      [
        { scale: 9, offset: 0 },
        { scale: 9, offset: 0 },
      ],
    ],
    ['the file, for an item that says nothing', 'item', undefined, tagged.bandScales],
  ] as const)('are those of %s', (_, by, bands, scales) => {
    expect(bandValuesOf(assetOf(tagged, bands), { unscale: by, nodata: null }).scales).toEqual(scales);
  });

  test('are those of the bands that are read', () => {
    const values = bandValuesOf(assetOf(tagged, each({ scale: 5 }, { scale: 6 }), [2]), {
      unscale: 'item',
      nodata: null,
    });
    expect(values.scales).toEqual([{ scale: 6, offset: 0 }]);
  });

  test.each<[Dtype, Dtype]>([
    ['uint8', 'float32'],
    ['int16', 'float32'],
    ['uint16', 'float32'],
    ['float32', 'float32'],
    ['uint32', 'float64'],
    ['int32', 'float64'],
    ['float64', 'float64'],
  ])('make %s %s', (dtype, expected) => {
    expect(bandValuesOf(assetOf(cogOf(dtype)), { unscale: 'file', nodata: null }).dtype).toBe(expected);
  });

  test('are not for indices into a palette', () => {
    const cog = cogOf('uint8', 1, { colormap: [[0, 0, 0, 255]], bandScales: [{ scale: 2, offset: 0 }] });
    expect(bandValuesOf(assetOf(cog), { unscale: 'file', nodata: null })).toMatchObject({
      scales: null,
      dtype: 'uint8',
    });
  });

  test('are for valid pixels', () => {
    const raster = {
      ...createRaster(3, 1, 'uint16', 1),
      bands: [Uint16Array.of(0, 65_535, 1000)],
      mask: Uint8Array.of(0, 255, 1),
    };
    const values = unscale(raster, { scales: [{ scale: 0.5, offset: -1 }], dtype: 'float32' });
    expect(values).toEqual({ ...raster, dtype: 'float32', bands: [Float32Array.of(0, 32_766.5, 499)] });
  });

  test('make assets of different dtypes one scene', async () => {
    const cogs = { open: async (href: string) => await Promise.resolve(cogOf(href === 'a' ? 'uint8' : 'uint16')) };
    const scene = { ...SCENE, assets: ['a', 'b'].map((href) => ({ key: href, href })) };
    const { signal } = new AbortController();
    const opened = await openScene(scene, cogs, { bidx: null, unscale: 'file' }, { signal });
    expect(opened.dtype).toBe('float32');
    await expect(openScene(scene, cogs, { bidx: null }, { signal })).rejects.toMatchObject({
      code: 'MOSAIC_BANDS_DIFFER',
    });
  });
});

describe("the item's nodata", () => {
  test.each<[string, Dtype, ItemBands | undefined, number | null]>([
    ['is taken', 'uint16', each({ nodata: 7 }), 7],
    ['is taken in the precision of the samples', 'float32', each({ nodata: 0.1 }), Math.fround(0.1)],
    ['may be NaN', 'float32', each({ nodata: Number.NaN }), Number.NaN],
    ['is none that no sample can have', 'uint8', each({ nodata: -9999 }), null],
    ['is no NaN of whole numbers', 'uint8', each({ nodata: Number.NaN }), null],
    ['may not be stated', 'uint8', each({ scale: 2 }), null],
    ['may not be stated by any means', 'uint8', undefined, null],
  ])('%s', (_, dtype, bands, expected) => {
    expect(bandValuesOf(assetOf(cogOf(dtype), bands), { unscale: 'none', nodata: 'item' }).itemNodata).toBe(expected);
  });

  test('has to be the same of all bands that are read', () => {
    const bands = each({ nodata: 0 }, { nodata: 1 });
    const options = { unscale: 'none', nodata: 'item' } as const;
    expect(() => bandValuesOf(assetOf(cogOf('uint8', 2), bands), options)).toThrow(
      expect.objectContaining({ code: 'ASSET_UNSUPPORTED', message: expect.stringContaining('different nodata') }),
    );
    expect(bandValuesOf(assetOf(cogOf('uint8', 2), bands, [2]), options).itemNodata).toBe(1);
  });
});

describe('what an item says wrongly', () => {
  const broken: ItemBands = { kind: 'unreadable', problem: "its 'scale' is 0" };

  test.each([
    ['is an error where it is asked for', broken, "its 'scale' is 0"],
    ['may be the number of bands', each({ scale: 1 }, { scale: 1 }), 'it lists 2 bands, and the file has 1'],
  ])('%s', (_, bands, message) => {
    for (const wish of [
      { unscale: 'item', nodata: null },
      { unscale: 'none', nodata: 'item' },
    ] as const) {
      expect(() => bandValuesOf(assetOf(cogOf('uint8'), bands), wish)).toThrow(
        expect.objectContaining({ code: 'STAC_RESPONSE_INVALID', message: expect.stringContaining(message) }),
      );
    }
  });

  test('does not matter where it is not asked for', () => {
    expect(bandValuesOf(assetOf(cogOf('uint8'), broken), { unscale: 'file', nodata: 0 }).scales).toEqual([
      { scale: 1, offset: 0 },
    ]);
  });

  test('may list an alpha band, which is none', () => {
    const cog = cogOf('uint8', 1, { masking: 'alpha' });
    const values = bandValuesOf(assetOf(cog, each({ scale: 4 }, {})), { unscale: 'item', nodata: null });
    expect(values.scales).toEqual([{ scale: 4, offset: 0 }]);
  });
});

/** Items, the asset looked at, its file, and where most of its reflectances lie. */
const ASSETS = [
  ['s2-33TW-mosaic/S2A_33TWL_20230815_0_L2A/S2A_33TWL_20230815_0_L2A.json', 'red', 'B04.tif', 0.02, 0.04],
  ['s2-33TW-mosaic/S2B_33TWM_20230813_0_L2A/S2B_33TWM_20230813_0_L2A.json', 'red', 'B04.tif', 0.02, 0.04],
] as const;

const realData = findRealData();

describe.each(realData === null ? [] : [realData])('what real items say of their files', (folder) => {
  test.each(ASSETS)('%s', async (path, key, name, low, high) => {
    const { signal } = new AbortController();
    const item = readItem(JSON.parse(readFileSync(join(folder, path), 'utf8')));
    const options = { assets: [key], onMissingAsset: 'error', searchUrl: 'https://stac.test/search' } as const;
    const scene = itemToScene(item, options)!;
    const [ref] = scene.assets;
    const source = createMemorySource({ bytes: readFileSync(join(folder, dirname(path), name)) });
    await using cog = await openCog(source, { cache: new BlockCache(1e7), counters: createIoCounters(), signal });
    // The item's CRS is only used where the file has none, but here it is the same.
    expect(ref!.crs).toEqual(cog.crs);
    const values = bandValuesOf({ scene, ref: ref!, cog, bands: [1] }, { unscale: 'item', nodata: 'item' });
    expect(values.itemNodata).toBe(cog.nodata);
    const { width, height } = cog.levels[0]!;
    const window = { col: 0, row: 0, width, height };
    const raw = await cog.readWindow({ level: 0, window, bands: [1], nodata: values.itemNodata }, { signal });
    const { bands, mask } = unscale(raw, values);
    const reflectances = Array.from(bands[0]!).filter((_, i) => mask[i]! !== 0);
    const median = reflectances.sort((a, b) => a - b)[Math.floor(reflectances.length / 2)]!;
    expect(median).toBeGreaterThan(low);
    expect(median).toBeLessThan(high);
    expect(reflectances[0]).toBeGreaterThan(0);
  });
});
