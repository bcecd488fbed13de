import { describe, expect, test } from 'vitest';
import { ownField, parseSearchPage } from '../../../src/stac/item.ts';
import { boxItem, readItem } from '../../support/stac-items.ts';

const WHERE = 'page 3 of the search at http://stac.test/search';

function page(...features: readonly unknown[]): unknown {
  return { type: 'FeatureCollection', features, links: [{ rel: 'next' }] };
}

describe('parseSearchPage', () => {
  test('keeps what is read of an item and drops the rest', () => {
    const { items, links } = parseSearchPage(page(boxItem('a', [0, 0, 1, 1], { unknown: 1 })), WHERE);
    expect(items).toHaveLength(1);
    expect(Object.keys(items[0] ?? {}).sort()).toEqual([
      'assets',
      'bbox',
      'collection',
      'geometry',
      'id',
      'links',
      'properties',
    ]);
    expect(links).toEqual([{ rel: 'next' }]);
  });

  test('takes items that the fields extension thinned out', () => {
    expect(readItem({ id: 'thin', type: 'Feature' })).toEqual({
      id: 'thin',
      collection: null,
      geometry: null,
      bbox: null,
      properties: {},
      assets: {},
      links: [],
    });
  });

  test('takes a geometry without area as none', () => {
    expect(readItem({ id: 'p', geometry: { type: 'Point', coordinates: [1, 2] } }).geometry).toBeNull();
    expect(readItem({ id: 'p', geometry: { type: 'GeometryCollection', geometries: [] } }).geometry).toBeNull();
  });

  test.each([
    ['properties', { id: 'broken', properties: 'none' }],
    ['assets', { id: 'broken', assets: [1] }],
    ['bbox', { id: 'broken', bbox: [1, 2, 3] }],
    ['bbox.2', { id: 'broken', bbox: [1, 2, '3', 4] }],
    ['geometry.coordinates', { id: 'broken', geometry: { type: 'Polygon', coordinates: [[1, 2]] } }],
    ['geometry.coordinates', { id: 'broken', geometry: { type: 'MultiPolygon', coordinates: [[[[null, 1]]]] } }],
    ['collection', { id: 'broken', collection: 7 }],
  ])('names the item and the field %s when that is broken', (field, item) => {
    const parse = (): unknown => parseSearchPage(page(boxItem('fine', [0, 0, 1, 1]), item), WHERE);
    expect(parse).toThrow(
      expect.objectContaining({
        code: 'STAC_RESPONSE_INVALID',
        message: expect.stringContaining(`${WHERE}: item 'broken' is broken: field '${field}'`),
      }),
    );
  });

  test('numbers an item that has no ID', () => {
    const parse = (): unknown => parseSearchPage(page(boxItem('fine', [0, 0, 1, 1]), { properties: {} }), WHERE);
    expect(parse).toThrow(/item number 2 is broken: field 'id'/);
  });

  test('bounds the positions of a footprint and the items of a page', () => {
    const ring = Array.from({ length: 100_001 }, (_, i) => [i / 1e6, 0]);
    const big = { id: 'big', geometry: { type: 'Polygon', coordinates: [ring] } };
    expect(() => parseSearchPage(page(big), WHERE)).toThrow(/item 'big' .* at most 100000 positions/);
    const many = Array.from({ length: 20_001 }, () => null);
    expect(() => parseSearchPage(page(...many), WHERE)).toThrow(/20001 items on one page/);
  });

  test.each([[null], ['text'], [[]], [{}], [{ type: 'Catalog', links: [] }], [{ features: {} }]])(
    'refuses a document that is no item collection: %j',
    (document) => {
      expect(() => parseSearchPage(document, WHERE)).toThrow(/expected a GeoJSON FeatureCollection/);
    },
  );

  test('does not let a document reach prototypes', () => {
    const text = `{"features":[{"id":"a","__proto__":{"polluted":1},"assets":{"__proto__":{"href":"http://evil.test/x.tif"}},
      "properties":{"__proto__":{"updated":"x"}}}]}`;
    const [item] = parseSearchPage(JSON.parse(text), WHERE).items;
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(ownField(item?.assets ?? {}, 'href')).toBeUndefined();
    expect(ownField(item?.assets ?? {}, 'constructor')).toBeUndefined();
    expect(ownField(item?.properties ?? {}, 'updated')).toBeUndefined();
  });
});
