import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { itemBands } from '../../../src/stac/item-bands.ts';
import { findRealData } from '../../support/real-data.ts';

const NOTHING = { scale: null, offset: null, nodata: null };

describe('what an item says of the bands of an asset', () => {
  test.each<[string, object, unknown]>([
    ['nothing', {}, null],
    ['bands without values', { bands: [{ name: 'red' }], 'raster:bands': [{ data_type: 'uint8' }] }, null],
    [
      'the raster extension 1',
      { 'raster:bands': [{ scale: 0.0001, offset: -0.1, nodata: 0 }, {}] },
      { kind: 'each', bands: [{ scale: 0.0001, offset: -0.1, nodata: 0 }, NOTHING] },
    ],
    [
      'STAC 1.1, with values of the asset for all bands that state none',
      { bands: [{ 'raster:scale': 2 }, { nodata: 'nan' }], 'raster:offset': 5, nodata: -1 },
      {
        kind: 'each',
        bands: [
          { scale: 2, offset: 5, nodata: -1 },
          { scale: null, offset: 5, nodata: Number.NaN },
        ],
      },
    ],
    [
      'values of the asset alone',
      { 'raster:scale': 2, nodata: '-inf' },
      { kind: 'all', band: { scale: 2, offset: null, nodata: -Infinity } },
    ],
    [
      'a scale of 0',
      { 'raster:bands': [{ scale: 0 }] },
      { kind: 'unreadable', problem: "its 'scale' is 0, expected a number that is not 0" },
    ],
    [
      'a text',
      { 'raster:bands': [{ offset: '1' }] },
      { kind: 'unreadable', problem: `its 'offset' is "1", expected a number` },
    ],
    ['an unknown nodata', { nodata: 'none' }, { kind: 'unreadable', problem: expect.stringContaining('"none"') }],
    [
      'too many',
      { bands: Array.from({ length: 5000 }, () => ({})) },
      { kind: 'unreadable', problem: expect.stringContaining('2048') },
    ],
    ['bands that are none', { 'raster:bands': [null, 5], bands: 'x' }, null],
  ])('%s', (_, asset, expected) => {
    expect(itemBands({}, { ...asset })).toEqual(expected);
  });

  test('an offset that Earth Search has taken off the pixels already counts as 0', () => {
    const asset = { 'raster:bands': [{ scale: 0.0001, offset: -0.1 }] };
    const bands = [{ scale: 0.0001, offset: 0, nodata: null }];
    expect(itemBands({ 'earthsearch:boa_offset_applied': true }, asset)).toEqual({ kind: 'each', bands });
    expect(itemBands({ 'earthsearch:boa_offset_applied': false }, asset)).toMatchObject({ bands: [{ offset: -0.1 }] });
  });
});

const realData = findRealData();

describe.each(realData === null ? [] : [realData])('in real items', (folder) => {
  test.each([
    [
      's2-33TW-mosaic/S2A_33TWL_20230815_0_L2A/S2A_33TWL_20230815_0_L2A.json',
      'red',
      { scale: 0.0001, offset: 0, nodata: 0 },
    ],
    [
      'stac/items/S2A_OPER_MSI_L2A_TL_2APS_20230806T022123_A042412_T60VXH.json',
      'red',
      { scale: 0.0001, offset: -0.1, nodata: 0 },
    ],
    ['stac/items/LC09_L2SP_010065_20220129_02_T1.json', 'red', { scale: 2.75e-5, offset: -0.2, nodata: 0 }],
  ])('of %s: %s', (path, key, band) => {
    const item = JSON.parse(readFileSync(join(folder, path), 'utf8')) as {
      properties: Record<string, unknown>;
      assets: Record<string, Record<string, unknown>>;
    };
    expect(itemBands(item.properties, item.assets[key]!)).toEqual({ kind: 'each', bands: [band] });
  });
});
