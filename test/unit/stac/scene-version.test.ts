import { describe, expect, test } from 'vitest';
import { itemToScene } from '../../../src/stac/accessor.ts';
import { parseSortby } from '../../../src/stac/order.ts';
import { pixelsOfVersion, placeOfVersion } from '../../../src/stac/scene-version.ts';
import { boxItem, boxPolygon, readItem } from '../../support/stac-items.ts';

type Fields = Readonly<Record<string, unknown>>;

const RED = { href: 'https://f.test/r.tif?sig=1', 'file:checksum': '1220aa', 'file:size': 10 };
const GREEN = { href: 's3://bucket/g.tif' };
const PROPERTIES = { datetime: '2024-06-01T00:00:00Z', 'eo:cloud_cover': 3, updated: '2024-06-02T00:00:00Z' };

function versionOf(fields: Fields = {}, sortby: readonly string[] = ['-properties.datetime']): string {
  const item = { ...boxItem('a', [1, 2, 3, 4]), properties: PROPERTIES, assets: { red: RED, green: GREEN } };
  const scene = itemToScene(readItem({ ...item, ...fields }), {
    assets: ['red', 'green'],
    onMissingAsset: 'error',
    searchUrl: 'https://stac.test/search',
    sortby: parseSortby(sortby),
  });
  return scene?.version ?? 'skipped';
}

const red = (fields: Fields): Fields => ({ assets: { red: { ...RED, ...fields }, green: GREEN } });
const properties = (fields: Fields): Fields => ({ properties: { ...PROPERTIES, ...fields } });

test('a version is 40 hex digits, the same for the same item', () => {
  expect(versionOf()).toMatch(/^[0-9a-f]{40}$/);
  expect(versionOf()).toBe(versionOf());
});

describe('a version stays the same with what nobody reads', () => {
  test.each<[string, Fields]>([
    ['when the metadata was updated', properties({ updated: '2030-01-01T00:00:00Z', created: 'now' })],
    ['properties that are no order', properties({ 'eo:cloud_cover': 99, title: 'b' })],
    ['assets that were not asked for', { assets: { red: RED, green: GREEN, nir: { href: 'https://f.test/n.tif' } } }],
    ['the order in which assets stand', { assets: { green: GREEN, red: RED } }],
    ['titles and roles of assets', red({ title: 'Red', roles: ['data'], created: 'now' })],
    ['the signature of an href', red({ href: 'https://f.test/r.tif?sig=2&se=3#x' })],
    ['heights in the bbox', { bbox: [1, 2, 0, 3, 4, 100] }],
    ['links', { links: [{ rel: 'parent', href: 'https://stac.test/' }] }],
  ])('%s', (_, fields) => {
    expect(versionOf(fields)).toBe(versionOf());
  });
});

describe('a version changes with each thing that is read', () => {
  test.each<[string, Fields]>([
    ['id', { id: 'b' }],
    ['collection', { collection: 'others' }],
    ['no collection', { collection: null }],
    ['datetime', properties({ datetime: '2024-06-01T00:00:01Z' })],
    ['href', red({ href: 'https://f.test/r2.tif' })],
    ['an s3 key, which has no query', { assets: { red: RED, green: { href: 's3://bucket/g.tif?2' } } }],
    ['checksum', red({ 'file:checksum': '1220ab' })],
    ['no checksum', red({ 'file:checksum': undefined })],
    ['an older checksum', red({ 'checksum:multihash': '1220ab' })],
    ['size', red({ 'file:size': 11 })],
    ['when the file was updated', red({ updated: '2024-06-02T00:00:00Z' })],
    ['CRS of the asset', red({ 'proj:code': 'EPSG:32633' })],
    ['CRS of the item', properties({ 'proj:epsg': 32633 })],
    ['bands', red({ bands: [{ nodata: 0 }] })],
    ['a nodata that JSON lacks', red({ bands: [{ nodata: 'nan' }] })],
    ['scale', red({ 'raster:bands': [{ scale: 0.1 }] })],
  ])('%s', (_, fields) => {
    expect(versionOf(fields)).not.toBe(versionOf());
    expect(placeOfVersion(versionOf(fields))).toBe(placeOfVersion(versionOf()));
  });

  test('bands whose nodata is a word are told apart', () => {
    const versions = ['nan', 'inf', '-inf'].map((nodata) => versionOf(red({ bands: [{ nodata }] })));
    expect(new Set([...versions, versionOf(red({ bands: [{ 'raster:scale': 1 }] }))]).size).toBe(4);
  });

  test.each<[string, Fields]>([
    ['geometry', { geometry: boxPolygon([1, 2, 3, 4.1]) }],
    ['no geometry and another bbox', { geometry: null, bbox: [1, 2, 3, 4.1] }],
    ['no place at all', { geometry: null, bbox: null }],
  ])('%s, in the half that is about the place', (_, fields) => {
    expect(versionOf(fields)).not.toBe(versionOf());
    expect(placeOfVersion(versionOf(fields))).not.toBe(placeOfVersion(versionOf()));
    expect(versionOf(fields).slice(16)).toBe(versionOf().slice(16));
  });

  test('the fields that items are ordered by, and no others', () => {
    const cloudy = properties({ 'eo:cloud_cover': 4 });
    expect(versionOf(cloudy, ['+eo:cloud_cover'])).not.toBe(versionOf({}, ['+eo:cloud_cover']));
    expect(versionOf(cloudy, ['-properties.datetime'])).toBe(versionOf());
    const updated = properties({ updated: '2030-01-01T00:00:00Z' });
    expect(versionOf(updated, ['-updated'])).not.toBe(versionOf({}, ['-updated']));
  });

  test('another order, but not in the part that is about pixels', () => {
    const [one, other] = [versionOf(), versionOf({}, ['+eo:cloud_cover'])];
    expect(one).not.toBe(other);
    expect(pixelsOfVersion(one)).toBe(pixelsOfVersion(other));
  });

  test('the order in which assets are asked for', () => {
    const item = readItem({ ...boxItem('a', [1, 2, 3, 4]), assets: { red: RED, green: GREEN } });
    const options = { onMissingAsset: 'error', searchUrl: 'https://stac.test/search' } as const;
    const [one, other] = [
      ['red', 'green'],
      ['green', 'red'],
    ].map((assets) => itemToScene(item, { ...options, assets })?.version);
    expect(one).not.toBe(other);
  });
});
