import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { itemCrs } from '../../../src/stac/item-crs.ts';
import { findRealData } from '../../support/real-data.ts';

const UTM_33 = { kind: 'epsg', code: 32633 };
const PROJJSON = {
  type: 'GeographicCRS',
  name: 'WGS 84',
  datum: {
    type: 'GeodeticReferenceFrame',
    name: 'World Geodetic System 1984',
    ellipsoid: { name: 'WGS 84', semi_major_axis: 6_378_137, inverse_flattening: 298.257223563 },
  },
};

describe('the CRS that an item states for an asset', () => {
  test.each<[string, object, object, unknown]>([
    ['nothing', {}, {}, null],
    ['version 1', { 'proj:epsg': 32633 }, {}, UTM_33],
    ['version 2', { 'proj:code': 'EPSG:32633' }, {}, UTM_33],
    ['version 2 before version 1', { 'proj:code': 'EPSG:32633', 'proj:epsg': 32634 }, {}, UTM_33],
    ['a code before a definition', { 'proj:epsg': 32633, 'proj:projjson': PROJJSON }, {}, UTM_33],
    [
      'a definition where there is no code',
      { 'proj:epsg': null, 'proj:projjson': PROJJSON },
      {},
      { kind: 'epsg', code: 4326 },
    ],
    ['the asset before the item', { 'proj:code': 'EPSG:32634' }, { 'proj:code': 'EPSG:32633' }, UTM_33],
    [
      'the definition of the asset before the code of the item',
      { 'proj:code': 'EPSG:32634' },
      { 'proj:wkt2': '+proj=longlat +datum=WGS84' },
      { kind: 'epsg', code: 4326 },
    ],
    ['an asset without a code, whose item has one', { 'proj:epsg': 32634 }, { 'proj:epsg': null }, null],
    [
      'what is not read, with the reason',
      { 'proj:wkt2': 'somewhere' },
      {},
      { kind: 'unreadable', problem: expect.stringContaining('"somewhere"') },
    ],
    ['an array', { 'proj:epsg': [32633] }, {}, { kind: 'unreadable', problem: expect.any(String) }],
  ])('%s', (_, properties, asset, expected) => {
    expect(itemCrs({ ...properties }, { ...asset })).toEqual(expected);
  });
});

const realData = findRealData();

describe.each(realData === null ? [] : [realData])('in real items', (folder) => {
  test.each([
    ['stac/items/stac_proj_2_0.json', { kind: 'epsg', code: 32617 }],
    ['stac/items/LC08_L2SP_028030_20200114_20200824_02_T1_SR.json', { kind: 'epsg', code: 32615 }],
    ['rgb/20200307aC0853900w361030.json', null],
  ])('of %s', (path, expected) => {
    const item = JSON.parse(readFileSync(join(folder, path), 'utf8')) as { properties: Record<string, unknown> };
    expect(itemCrs(item.properties, {})).toEqual(expected);
  });
});
