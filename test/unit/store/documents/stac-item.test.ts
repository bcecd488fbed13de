import * as z from 'zod';
import { describe, expect, test } from 'vitest';
import { tilesetDocuments } from '../../../../src/store/documents/tileset-documents.ts';
import { documentsInput, ROOT } from '../../../support/tileset-documents.ts';

const UtcSchema = z.iso.datetime();
const LinkSchema = z.looseObject({ rel: z.string().min(1), href: z.string().min(1), type: z.string().optional() });

/** What STAC 1.1.0 and the extensions that are named demand of an item, as far as it concerns this one. */
const ItemSchema = z.strictObject({
  type: z.literal('Feature'),
  stac_version: z.literal('1.1.0'),
  stac_extensions: z.array(z.url()).refine((urls) => new Set(urls).size === urls.length),
  id: z.string().regex(/^[A-Za-z0-9._-]+$/),
  geometry: z.looseObject({ type: z.enum(['Polygon', 'MultiPolygon']), coordinates: z.array(z.unknown()).min(1) }),
  bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  properties: z
    .looseObject({
      datetime: UtcSchema.nullable(),
      start_datetime: UtcSchema.optional(),
      end_datetime: UtcSchema.optional(),
      version: z.string(),
      'proj:code': z.literal('EPSG:3857'),
      'processing:software': z.record(z.string().min(1), z.string()),
    })
    .refine(
      ({ datetime, start_datetime: start, end_datetime: end }) => datetime !== null || (start ?? '') < (end ?? ''),
    ),
  links: z
    .array(LinkSchema)
    .refine((links) => links.some(({ rel }) => ['xyz', 'wmts', 'tilejson', 'pmtiles'].includes(rel)))
    .refine((links) => links.every((link) => link.rel !== 'wmts' || typeof link['wmts:layer'] === 'string')),
  assets: z.record(
    z.string(),
    z.strictObject({
      href: z.string().min(1),
      title: z.string().optional(),
      type: z.string().optional(),
      roles: z.array(z.string().min(1)).min(1),
      'file:size': z.int().min(0).optional(),
    }),
  ),
});

async function itemOf(input: Parameters<typeof documentsInput>[0] = {}): Promise<z.output<typeof ItemSchema>> {
  for await (const { path, text } of tilesetDocuments(documentsInput(input))) {
    if (path === 'item.json') return ItemSchema.parse(JSON.parse(text));
  }
  throw new Error('there is no item');
}

function hrefs(item: z.output<typeof ItemSchema>, rel: string): readonly string[] {
  return item.links.filter((link) => link.rel === rel).map(({ href }) => href);
}

describe('the STAC item', () => {
  test('says where, from when, of what and by what a tileset is', async () => {
    const item = await itemOf();
    expect(item.id).toBe('Karst-coast');
    expect(item.bbox).toEqual([13.5, 45.1, 15.25, 46.5]);
    expect(item.geometry.coordinates).toEqual([
      [
        [13.5, 45.1],
        [15.25, 45.1],
        [15.25, 46.5],
        [13.5, 46.5],
        [13.5, 45.1],
      ],
    ]);
    expect(item.properties).toMatchObject({
      title: 'Karst & coast',
      datetime: null,
      start_datetime: '2025-06-28T10:00:31.000000Z',
      end_datetime: '2025-07-03T10:00:31.024Z',
      version: '3-a1b2c3d4',
      'processing:software': { Tilewright: '0.1.0' },
      'tilewright:request_hash': 'ab'.repeat(32),
      'tilewright:records_root': ROOT,
      'tilewright:input_count': 2,
    });
    expect(hrefs(item, 'derived_from')).toEqual([
      'https://stac.example/v1/collections/sentinel-2-l2a/items/S2B_33TVL',
      'https://stac.example/v1/collections/sentinel-2-l2a/items/S2A_33TVL',
    ]);
  });

  test.each([
    ['tiles in a folder', {}, { xyz: './{z}/{x}/{y}.png', tilejson: './tilejson.json' }, './'],
    [
      'tiles with a public URL',
      { publicUrl: 'https://t.example/a' },
      {
        self: 'https://t.example/a/item.json',
        xyz: 'https://t.example/a/{z}/{x}/{y}.png',
        wmts: 'https://t.example/a/WMTSCapabilities.xml',
        tilejson: 'https://t.example/a/tilejson.json',
      },
      'https://t.example/a/',
    ],
    [
      'an archive',
      { archive: 'world.pmtiles' },
      { pmtiles: './world.versions/3-a1b2c3d4.pmtiles', tilejson: './world.tilejson.json' },
      './world.versions/3-a1b2c3d4.pmtiles',
    ],
    [
      'an archive with a public URL',
      { archive: 'world.pmtiles', publicUrl: 'https://t.example/world.pmtiles' },
      {
        self: 'https://t.example/world.item.json',
        pmtiles: 'https://t.example/world.versions/3-a1b2c3d4.pmtiles',
        tilejson: 'https://t.example/world.tilejson.json',
      },
      'https://t.example/world.versions/3-a1b2c3d4.pmtiles',
    ],
  ])('of %s leads to them', async (_name, place, links, tiles) => {
    const item = await itemOf({ place });
    const found = item.links.filter(({ rel }) => rel !== 'derived_from').map(({ rel, href }) => [rel, href]);
    expect(Object.fromEntries(found)).toEqual(links);
    expect(item.assets['tiles']?.href).toBe(tiles);
    expect(item.assets['records']?.href).toMatch(/3-a1b2c3d4\.records\.gz$/);
    expect(Object.keys(item.assets)).toEqual(['tiles', 'tilejson', 'style', 'records']);
  });

  test.each([
    ['one scene is one time', [['a', '2025-07-03T12:00:31+02:00']], null, '2025-07-03T10:00:31.000Z', undefined],
    [
      'times are compared as times, whatever their zone',
      [
        ['a', '2025-07-03T12:00:31+02:00'],
        ['b', '2025-07-03T11:00:00Z'],
        ['c', 'not a time'],
        ['d', null],
      ],
      null,
      '2025-07-03T10:00:31.000Z',
      '2025-07-03T11:00:00Z',
    ],
    [
      'without a scene that says one, the search does',
      [['a', null]],
      '2025-06-01T00:00:00Z/2025-09-01T00:00:00Z',
      '2025-06-01T00:00:00Z',
      '2025-09-01T00:00:00Z',
    ],
  ] as const)('%s', async (_name, scenes, datetime, from, to) => {
    const { properties } = await itemOf({
      origin: { datetime, scenes: scenes.map(([scene, time]) => ({ scene, datetime: time })) },
    });
    const { datetime: time, start_datetime: start, end_datetime: end } = properties;
    expect([time, start, end]).toEqual(to === undefined ? [from, undefined, undefined] : [null, from, to]);
  });

  test.each([null, '../2025-01-01T00:00:00Z', '2025-01-01T00:00:00Z/..', 'yesterday'])(
    'without any time there is none (the search says %s)',
    async (datetime) => {
      await expect(itemOf({ origin: { datetime, scenes: [] } })).rejects.toThrow('there is no item');
    },
  );

  test('an area across the antimeridian is two polygons and one box', async () => {
    const { bbox, geometry } = await itemOf({ tileset: { bbox: [170, -20, -170, -10] } });
    expect(bbox).toEqual([170, -20, -170, -10]);
    expect(geometry.type).toBe('MultiPolygon');
    const longitudes = (geometry.coordinates as number[][][][]).map(([ring = []]) => ring.map(([lng]) => lng));
    expect(longitudes).toEqual([
      [170, 180, 180, 170, 170],
      [-180, -170, -170, -180, -180],
    ]);
  });

  test('a polygon is given as it is, but not with any number of positions', async () => {
    const ring = (count: number): number[][] => {
      const positions = Array.from({ length: count - 1 }, (_, i) => [14 + i / count, 45 + (i % 2)]);
      return [...positions, [14, 45]];
    };
    const small = { type: 'Polygon' as const, coordinates: [ring(5)] };
    expect((await itemOf({ tileset: { geometry: small } })).geometry).toEqual(small);
    const large = { type: 'MultiPolygon' as const, coordinates: [[ring(15_000)], [ring(6_000)]] };
    const { geometry } = await itemOf({ tileset: { geometry: large } });
    expect(geometry.type).toBe('Polygon');
    expect((geometry.coordinates as number[][][])[0]).toHaveLength(5);
  });

  test('links to a thousand inputs, and says how many there are; without a collection an item has no address', async () => {
    const scenes = Array.from({ length: 5_000 }, (_, i) => ({
      scene: `a b/${i % 2_500}#`,
      datetime: '2025-01-01T00:00:00Z',
    }));
    const item = await itemOf({ origin: { scenes } });
    expect(hrefs(item, 'derived_from')).toHaveLength(1_000);
    expect(hrefs(item, 'derived_from')[0]).toBe('https://stac.example/v1/collections/a%20b/items/0%23');
    expect(item.properties['tilewright:input_count']).toBe(2_500);
    const alone = await itemOf({ origin: { scenes: [{ scene: 'alone', datetime: '2025-01-01T00:00:00Z' }] } });
    expect(hrefs(alone, 'derived_from')).toEqual([]);
  });

  test.each([
    ['https://stac.example/v1/search', 'https://stac.example/v1'],
    ['https://stac.example/v1/', 'https://stac.example/v1'],
    ['https://me:secret@stac.example/?key=secret#x', 'https://stac.example'],
  ])('the API at %s is named without secrets', async (stacUrl, root) => {
    const [first = ''] = hrefs(await itemOf({ origin: { stacUrl } }), 'derived_from');
    expect(first).toBe(`${root}/collections/sentinel-2-l2a/items/S2B_33TVL`);
  });

  test.each([
    ['Łódź / 2025 (été)', 'odz-2025-ete'],
    ['東京', 'tileset'],
    ['..-', 'tileset'],
  ])('the name %s becomes the ID %s', async (name, id) => {
    expect((await itemOf({ tileset: { name } })).id).toBe(id);
  });
});
