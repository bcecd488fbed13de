import { afterEach, describe, expect, test } from 'vitest';
import type { Bbox } from '../../../src/geo/bbox.ts';
import { metatileOf, metatileTiles } from '../../../src/tms/metatile.ts';
import { closeBackends, GRID, ids, setUpBackend as setUp } from '../../support/dynamic-backend.ts';
import { boxItem, boxPolygon, rowOfItems } from '../../support/stac-items.ts';

afterEach(closeBackends);

const signal = new AbortController().signal;

describe('the contract of the field', () => {
  test('has the defaults of a dynamic backend and an empty document', async () => {
    const { backend, server } = await setUp([]);
    expect(backend).toMatchObject({
      tileMatrixSet: 'WebMercatorQuad',
      minzoom: 0,
      maxzoom: 30,
      bounds: [-180, -90, 180, 90],
      crs: 'EPSG:4326',
    });
    await backend.write();
    await backend.update();
    expect(await backend.read()).toMatchObject({
      mosaicjson: '0.0.3',
      minzoom: 0,
      maxzoom: 30,
      center: [0, 0, 0],
      tiles: {},
    });
    expect(server.requests).toEqual([]);
  });

  test.each([
    { z: -1, x: 0, y: 0 },
    { z: 31, x: 0, y: 0 },
    { z: 2, x: 4, y: 0 },
    { z: 2, x: 0, y: -1 },
    { z: 2, x: 0.5, y: 0 },
    { z: Number.NaN, x: 0, y: 0 },
  ])('refuses the tile $z/$x/$y', async (tile) => {
    const { backend, counters } = await setUp([]);
    await expect(backend.assetsForTile(tile, { signal })).rejects.toMatchObject({ code: 'TILE_OUT_OF_RANGE' });
    await expect(backend.assetsForMetatile({ ...tile, size: 1 }, { signal })).rejects.toMatchObject({
      code: 'TILE_OUT_OF_RANGE',
    });
    expect(counters.searches).toBe(0);
  });

  test('refuses metatiles, points and boxes that cannot be', async () => {
    const { backend } = await setUp([]);
    for (const size of [0, 3, 8]) {
      const asked = backend.assetsForMetatile({ z: 2, x: 0, y: 0, size }, { signal });
      await expect(asked).rejects.toMatchObject({ code: 'TILE_OUT_OF_RANGE' });
    }
    for (const [lng, lat] of [
      [181, 0],
      [0, 91],
      [Number.NaN, 0],
    ] as const) {
      await expect(backend.assetsForPoint(lng, lat, { signal })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    }
    for (const bbox of [
      [0, 1, 1, 0],
      [0, 0, 0, 1],
      [-181, 0, 0, 1],
      [0, 0, 1, 91],
    ] as const) {
      await expect(backend.assetsForBbox(bbox, { signal })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    }
  });
});

describe('one search per metatile', () => {
  test('answers all its tiles, and fetches no item', async () => {
    const { server, backend, counters } = await setUp(GRID, { limit: 20 });
    const metatile = metatileOf({ z: 6, x: 33, y: 27 }, 8);
    const scenes = await backend.assetsForMetatile(metatile, { signal });
    const pages = counters.searches;
    expect(pages).toBe(Math.ceil(scenes.length / 20));
    await Promise.all(metatileTiles(metatile).map(async (tile) => backend.assetsForTile(tile, { signal })));
    await backend.assetsForMetatile(metatile, { signal });
    await backend.assetsForTile({ z: 9, x: 33 * 8 + 1, y: 27 * 8 }, { signal });
    expect(counters.searches).toBe(pages);
    expect(server.requests.filter(({ path }) => path !== '/search' && path !== '/')).toEqual([]);
  });

  test('tiles get the same scenes in the same order with any metatile size', async () => {
    const reference = await setUp(GRID);
    const tiles = metatileTiles(metatileOf({ z: 6, x: 33, y: 27 }, 4));
    const expected = await Promise.all(
      tiles.map(async (tile) => ids(await reference.backend.assetsForTile(tile, { signal }))),
    );
    expect(expected.some((scenes) => scenes.length > 1)).toBe(true);
    expect(reference.counters.searches).toBe(tiles.length);
    for (const size of [2, 8, 64]) {
      const { backend } = await setUp(GRID);
      for (const [i, tile] of tiles.entries()) {
        await backend.assetsForMetatile(metatileOf(tile, size), { signal });
        expect(ids(await backend.assetsForTile(tile, { signal }))).toEqual(expected[i]);
      }
    }
  });

  test('newest first, then by ID; only scenes whose footprint overlaps the tile', async () => {
    const corner = {
      ...boxItem('corner', [0, 0, 10, 10]),
      geometry: {
        type: 'Polygon' as const,
        coordinates: [
          [
            [0, 0],
            [10, 0],
            [0, 10],
            [0, 0],
          ],
        ],
      },
    };
    const { backend } = await setUp([
      corner,
      boxItem('b', [0, 0, 10, 10]),
      boxItem('a', [0, 0, 10, 10]),
      boxItem('newer', [0, 0, 10, 10], { properties: { datetime: '2024-06-02T00:00:00Z' } }),
      boxItem('south', [0, -10, 10, 0]),
    ]);
    expect(ids(await backend.assetsForTile({ z: 7, x: 64, y: 63 }, { signal }))).toEqual([
      'newer',
      'a',
      'b',
      'corner',
      'south',
    ]);
    expect(ids(await backend.assetsForTile({ z: 7, x: 66, y: 60 }, { signal }))).toEqual(['newer', 'a', 'b']);
  });

  test('the halo reaches over the edge of the tile, and over the antimeridian', async () => {
    const pixel = 360 / 2 ** 10 / 256;
    const near = boxItem('near', [-1, 0, -pixel, 1]);
    const far = boxItem('far', [-1, 0, -3 * pixel, 1]);
    const over = boxItem('over', [179, 0, 180, 1]);
    const { backend, server } = await setUp([near, far, over]);
    expect(ids(await backend.assetsForTile({ z: 10, x: 512, y: 511 }, { signal }))).toEqual(['near']);
    expect(ids(await backend.assetsForTile({ z: 10, x: 0, y: 511 }, { signal }))).toEqual(['over']);
    expect(server.searches.map(({ search }) => (search['intersects'] as { type: string }).type)).toEqual([
      'Polygon',
      'MultiPolygon',
    ]);
  });

  test('the whole world is one polygon', async () => {
    const { backend, server } = await setUp(rowOfItems(3));
    expect(await backend.assetsForTile({ z: 0, x: 0, y: 0 }, { signal })).toHaveLength(3);
    expect(server.searches[0]?.search['intersects']).toMatchObject({ type: 'Polygon' });
  });

  test('nothing there is an empty list', async () => {
    const { backend } = await setUp(GRID);
    expect(await backend.assetsForTile({ z: 6, x: 0, y: 0 }, { signal })).toEqual([]);
  });
});

describe('points and boxes', () => {
  test.each([
    [0.5, 0.5, ['zero']],
    [179.9999, 0.5, ['east']],
    [179.9999999, 0.5, ['east', 'west']],
    [-180, 0.5, ['east', 'west']],
    [170, 89.9999, ['pole']],
    [170, 90, ['pole']],
    [50, 50, []],
  ])('the point %d, %d', async (lng, lat, expected) => {
    const { backend, server } = await setUp([
      boxItem('zero', [0, 0, 1, 1]),
      boxItem('east', [179, 0, 180, 1]),
      boxItem('west', [-180, 0, -179, 1]),
      boxItem('pole', [100, 80, 179, 90]),
    ]);
    expect(ids(await backend.assetsForPoint(lng, lat, { signal }))).toEqual(expected);
    const area = server.searches[0]?.search['intersects'] as { type: string; coordinates: number[][][] };
    expect(area.type).toMatch(/Polygon$/);
    const positions = area.coordinates.flat(area.type === 'Polygon' ? 1 : 2) as unknown as number[][];
    expect(
      new Set(positions.map(([x, y]) => `${Math.fround(x ?? 0)} ${Math.fround(y ?? 0)}`)).size,
    ).toBeGreaterThanOrEqual(4);
  });

  test('a box that crosses the antimeridian', async () => {
    const items = [
      boxItem('east', [179, 0, 180, 1]),
      boxItem('west', [-180, 0, -179, 1]),
      boxItem('zero', [0, 0, 1, 1]),
    ];
    const { backend, counters } = await setUp(items);
    expect(ids(await backend.assetsForBbox([179.5, 0.2, -179.5, 0.8], { signal }))).toEqual(['east', 'west']);
    expect(counters.searches).toBe(1);
  });
});

describe('the area of interest in the query', () => {
  const items = [boxItem('in', [0, 0, 1, 1]), boxItem('partly', [1, 0, 3, 1]), boxItem('out', [5, 0, 6, 1])];
  const all: Bbox = [-1, -1, 7, 2];

  test.each<[string, Record<string, unknown>, readonly string[]]>([
    ['none', {}, ['in', 'out', 'partly']],
    ['bbox', { bbox: [0, 0, 2, 1] }, ['in', 'partly']],
    ['bbox with heights', { bbox: [4, 0, -5, 6, 1, 900] }, ['out']],
    ['crossing bbox', { bbox: [2.5, 0, 0.5, 1] }, ['in', 'out', 'partly']],
    ['Polygon', { intersects: boxPolygon([0.2, 0.2, 0.8, 0.8]) }, ['in']],
    ['Polygon around one', { intersects: boxPolygon([4, -1, 7, 2]) }, ['out']],
    ['Polygon the same as one', { intersects: boxPolygon([5, 0, 6, 1]) }, ['out']],
    ['Point', { intersects: { type: 'Point', coordinates: [2, 0.5] } }, ['partly']],
    ['both', { bbox: [0, 0, 2, 1], intersects: boxPolygon([1.2, 0, 9, 1]) }, ['partly']],
  ])('%s is kept', async (_, query, expected) => {
    const { backend, server } = await setUp(items, { query });
    expect(ids(await backend.assetsForBbox(all, { signal }))).toEqual(expected);
    expect(server.searches[0]?.search['bbox']).toBeUndefined();
    expect(server.searches[0]?.search['intersects']).toMatchObject({ type: 'Polygon' });
  });

  test('everything else of the query is sent', async () => {
    const query = { collections: ['scenes'], datetime: '2024-06-01T00:00:00Z/..', bbox: [0, 0, 2, 1] };
    const { backend, server } = await setUp(items, { query, limit: 2 });
    await backend.assetsForBbox(all, { signal });
    for (const { search } of server.searches) {
      expect(search).toMatchObject({
        collections: ['scenes'],
        datetime: query.datetime,
        limit: 2,
        sortby: [{ field: 'properties.datetime', direction: 'desc' }],
      });
    }
  });

  test.each([
    [{ bbox: [0, 0, 1] }, 'mosaic.query.bbox'],
    [{ bbox: [1, 1, 1, 2] }, 'mosaic.query.bbox'],
    [{ intersects: { type: 'LineString', coordinates: [] } }, 'mosaic.query.intersects'],
    [
      {
        intersects: {
          type: 'Polygon',
          coordinates: [
            [
              [0, 0],
              [0, 0],
              [0, 0],
              [0, 0],
            ],
          ],
        },
      },
      'mosaic.query.intersects',
    ],
    [{ limit: 5 }, 'mosaic.query.limit'],
    [{ sortby: [] }, 'mosaic.query.sortby'],
  ])('%j is refused at once', async (query, field) => {
    await expect(setUp(items, { query })).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: expect.stringContaining(field),
    });
  });
});

describe('items that lack an asset', () => {
  const items = [
    boxItem('fine', [0, 0, 1, 1]),
    boxItem('bare', [2, 0, 3, 1], { assets: { scl: { href: 'scl.tif' } } }),
  ];

  test('are an error where they are needed, and only there', async () => {
    const { backend } = await setUp(items);
    expect(ids(await backend.assetsForBbox([0.1, 0.1, 0.9, 0.9], { signal }))).toEqual(['fine']);
    expect(ids(await backend.assetsForBbox([0.1, 0.1, 1.999, 0.9], { signal }))).toEqual(['fine']);
    await expect(backend.assetsForBbox([0.1, 0.1, 2.1, 0.9], { signal })).rejects.toMatchObject({
      code: 'ASSET_KEY_UNKNOWN',
      message: expect.stringMatching(/asset 'visual' in item 'bare' .*it has scl/),
    });
  });

  test('are left out where the request says so', async () => {
    const { backend } = await setUp(items, {}, { onMissingAsset: 'skip' });
    expect(ids(await backend.assetsForBbox([0, 0, 3, 1], { signal }))).toEqual(['fine']);
  });
});
