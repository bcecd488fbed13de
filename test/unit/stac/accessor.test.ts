import { describe, expect, test } from 'vitest';
import { itemToScene } from '../../../src/stac/accessor.ts';
import type { AccessorOptions } from '../../../src/stac/accessor.ts';
import { boxItem, boxPolygon, readItem } from '../../support/stac-items.ts';

const OPTIONS: AccessorOptions = {
  assets: ['red', 'green'],
  onMissingAsset: 'error',
  searchUrl: 'http://stac.test/api/search',
};

const ASSETS = { green: { href: 'https://f.test/g.tif' }, red: { href: 'https://f.test/r.tif' }, thumbnail: {} };

function scene(fields: object, options: Partial<AccessorOptions> = {}): ReturnType<typeof itemToScene> {
  return itemToScene(readItem({ ...boxItem('a', [1, 2, 3, 4], { assets: ASSETS }), ...fields }), {
    ...OPTIONS,
    ...options,
  });
}

describe('itemToScene', () => {
  test('gives the assets in the order of the request', () => {
    expect(scene({})).toMatchObject({
      itemId: 'a',
      collection: 'scenes',
      datetime: '2024-06-01T00:00:00Z',
      bbox: [1, 2, 3, 4],
      assets: [
        { key: 'red', href: 'https://f.test/r.tif' },
        { key: 'green', href: 'https://f.test/g.tif' },
      ],
    });
  });

  test('keeps what the item says of the files, whose version it is part of', () => {
    const assets = { ...ASSETS, red: { href: 'https://f.test/r.tif', 'raster:bands': [{ scale: 2 }] } };
    const properties = { datetime: '2024-06-01T00:00:00Z', 'proj:code': 'EPSG:32633' };
    const found = scene({ assets, properties });
    const crs = { kind: 'epsg', code: 32633 };
    expect(found?.assets).toEqual([
      {
        key: 'red',
        href: 'https://f.test/r.tif',
        crs,
        bands: { kind: 'each', bands: [{ scale: 2, offset: null, nodata: null }] },
      },
      { key: 'green', href: 'https://f.test/g.tif', crs },
    ]);
    expect(found?.version).not.toBe(scene({ assets })?.version);
  });

  test('says which item lacks which asset, and which it has', () => {
    expect(() => scene({}, { assets: ['red', 'nir'] })).toThrow(
      expect.objectContaining({
        code: 'ASSET_KEY_UNKNOWN',
        context: { collection: 'scenes', itemId: 'a', assetKey: 'nir' },
        message: expect.stringMatching(/asset 'nir' in item 'a' .*green, red, thumbnail/),
      }),
    );
    expect(scene({}, { assets: ['red', 'nir'], onMissingAsset: 'skip' })).toBeNull();
  });

  test.each(['constructor', '__proto__', 'toString'])('finds no asset in the prototype: %s', (key) => {
    expect(scene({}, { assets: [key], onMissingAsset: 'skip' })).toBeNull();
  });

  test.each([
    ['red.tif', 'https://cat.test/items/a/item.json', 'https://cat.test/items/a/red.tif'],
    ['../red.tif', 's3://bucket/items/a/item.json', 's3://bucket/items/red.tif'],
    ['/data/red.tif', undefined, 'http://stac.test/data/red.tif'],
    ['red.tif', './item/a', 'http://stac.test/api/item/red.tif'],
    ['s3://bucket/a b#1.tif', 'https://cat.test/a', 's3://bucket/a b#1.tif'],
    ['HTTPS://cat.test/A.tif?x=1', undefined, 'HTTPS://cat.test/A.tif?x=1'],
  ])('resolves %s against %s', (href, self, expected) => {
    const links = self === undefined ? [{ rel: 'root', href: 'https://no.test/' }] : [{ rel: 'self', href: self }];
    expect(scene({ assets: { red: { href } }, links }, { assets: ['red'] })?.assets[0]?.href).toBe(expected);
  });

  test.each([
    [{}],
    [{ href: 7 }],
    [{ href: '' }],
    ['text'],
    [null],
    [{ href: 'http://[bad/' }],
    [{ href: 'x'.repeat(9000) }],
  ])('refuses an asset without a usable href: %j', (red) => {
    expect(() => scene({ assets: { red } }, { assets: ['red'] })).toThrow(
      expect.objectContaining({
        code: 'STAC_RESPONSE_INVALID',
        context: { collection: 'scenes', itemId: 'a', assetKey: 'red' },
      }),
    );
  });

  test('cuts the footprint at the antimeridian and gives the narrow bbox', () => {
    const geometry = {
      type: 'MultiPolygon',
      coordinates: [boxPolygon([178, 66, 180, 67]).coordinates, boxPolygon([-180, 66, -179, 67]).coordinates],
    };
    const found = scene({ geometry, bbox: [-180, 66, 180, 67] });
    expect(found?.bbox).toEqual([178, 66, -179, 67]);
    expect(found?.footprint?.coordinates).toHaveLength(2);
    const unsplit = boxPolygon([178, 66, 181, 67]);
    expect(scene({ geometry: unsplit })?.bbox).toEqual([178, 66, -179, 67]);
  });

  test('takes the bbox where there is no geometry with an area', () => {
    expect(scene({ geometry: null, bbox: [1, 2, 0, 3, 4, 99] })?.footprint?.coordinates).toEqual([
      boxPolygon([1, 2, 3, 4]).coordinates,
    ]);
    expect(scene({ geometry: null, bbox: [179, 2, -179, 4] })?.footprint?.coordinates).toHaveLength(2);
    const line = { type: 'Polygon', coordinates: [Array.from({ length: 4 }, () => [5, 5])] };
    expect(scene({ geometry: line })?.bbox).toEqual([1, 2, 3, 4]);
  });

  test.each([[null], [undefined], [[5, 5, 5, 5]], [[0, 0, 400, 1]]])('knows no footprint with bbox %j', (bbox) => {
    expect(scene({ geometry: null, bbox })).toMatchObject({ footprint: null, bbox: null });
  });

  test('keeps the checksum that an item states of a file', () => {
    const assets = { ...ASSETS, red: { href: 'https://f.test/r.tif', 'file:checksum': '1220aa' } };
    expect(scene({ assets })?.assets.map(({ checksum }) => checksum)).toEqual(['1220aa', undefined]);
    const odd = { ...ASSETS, red: { href: 'https://f.test/r.tif', 'file:checksum': 7 } };
    expect(scene({ assets: odd })?.assets[0]).not.toHaveProperty('checksum');
  });
});
