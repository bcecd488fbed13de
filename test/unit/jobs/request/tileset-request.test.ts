import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { renderHash, requestHash, runHash } from '../../../../jobs/request/request-hash.ts';
import { parseTilesetRequest, tilesetRequestJsonSchema } from '../../../../jobs/request/tileset-request.ts';
import { nodataOf, renderOptionsOf } from '../../../../jobs/render-options.ts';
import { REQUEST, problemsOf } from '../../../support/request-problems.ts';

function polygon(...rings: number[][][]): object {
  return { geometry: { type: 'Polygon', coordinates: rings } };
}

test('the defaults are filled in', () => {
  expect(parseTilesetRequest(REQUEST)).toEqual({
    ...REQUEST,
    mosaic: { ...REQUEST.mosaic, sortby: ['-properties.datetime'], limit: 100, maxItems: 10_000 },
    tileMatrixSet: 'WebMercatorQuad',
    tileSize: 256,
    onMissingAsset: 'error',
    pixelSelection: 'first',
    bandRule: 'pixel',
    onAssetError: 'fail',
    sidecars: [],
    unscale: 'none',
    crsOverride: false,
    resampling: 'nearest',
    antialias: false,
    format: 'png',
    lossless: false,
    bitDepth: 8,
    metatileSize: 8,
    keepVersions: 3,
  });
});

describe('a wrong field is named, with what was found and what was expected', () => {
  test.each<[string, object, readonly string[]]>([
    ['an unknown field', { titel: 'x' }, [expect.stringContaining('titel: unknown field; known are name, mosaic,')]],
    ['a mistyped field', { minZoom: 3 }, ['minZoom: unknown field; did you mean "minzoom"?']],
    ['a field in the style of Python', { tile_size: 3 }, ['tile_size: unknown field; did you mean "tileSize"?']],
    [
      'an unknown field of the mosaic',
      { mosaic: { type: 'stac', url: 'http://x/search', maxitems: 3 } },
      ['mosaic.maxitems: unknown field; did you mean "maxItems"?'],
    ],
    ['a wrong type', { minzoom: '6' }, ['minzoom: found "6", expected a number']],
    ['a fraction', { minzoom: 6.5 }, ['minzoom: found 6.5, expected a whole number']],
    ['a missing field', { assets: undefined }, ['assets: found nothing, expected an array']],
    ['a zoom too deep', { maxzoom: 27 }, ['maxzoom: found 27, expected at most 26']],
    ['zooms the wrong way round', { minzoom: 12 }, ['minzoom: found 12, expected at most maxzoom, which is 11']],
    ['no asset', { assets: [] }, ['assets: found [], expected at least 1 items']],
    [
      'an asset twice',
      { assets: ['b', 'b'] },
      ['assets[1]: found "b", expected each asset key once; it is assets[0] too'],
    ],
    [
      'a public URL with a password and a key',
      { publicUrl: 'https://me:secret@x/y?sig=secret' },
      ['publicUrl: found "https://x/y", expected an http or https URL without user, query and fragment'],
    ],
    ['no version to keep', { keepVersions: 0 }, ['keepVersions: found 0, expected at least 1']],
    ['a tile size', { tileSize: 300 }, ['tileSize: found 300, expected 256 or 512']],
    ['a format', { format: 'gif' }, ['format: found "gif", expected "png" or "jpeg" or "webp" or "avif"']],
    ['a CRS that is not read', { crs: 'EPSG:2' }, [expect.stringMatching(/^crs: .*no definition of EPSG:2 is known/)]],
    [
      'a CRS to override with that is not there',
      { crsOverride: true },
      ['crsOverride: found true, expected a CRS to override with, as "crs"'],
    ],
    [
      'values without a range to show',
      { unscale: 'item' },
      [expect.stringMatching(/^unscale: found "item", expected "rescale" too/)],
    ],
    ['a nodata', { nodata: 'none' }, ['nodata: found "none", expected a number or "nan" or "item"']],
    ['band 0', { bidx: [1, 0] }, ['bidx[1]: found 0, expected at least 1']],
    ['half a rescale', { rescale: [[1]] }, ['rescale[0]: found [1], expected [from, to]']],
    [
      'a rescale of nothing',
      { rescale: [[5, 5]] },
      ['rescale[0]: found [5,5], expected two different numbers, [from, to]'],
    ],
    [
      'a rescale for another number of bands',
      {
        bidx: [1],
        rescale: [
          [0, 1],
          [0, 2],
        ],
      },
      ['rescale: found 2 pairs, expected 1 pair for all bands, or 3: 3 assets of 1 bands'],
    ],
    ['another mosaic', { mosaic: { type: 'mosaicjson' } }, ['mosaic.type: found "mosaicjson", expected "stac"']],
    [
      'a search URL of another scheme',
      { mosaic: { type: 'stac', url: 'ftp://x/search?token=secret' } },
      ['mosaic.url: found "ftp://x/search", expected an http or https URL'],
    ],
    [
      'a search URL with a password',
      { mosaic: { type: 'stac', url: 'https://me:secret@x/search' } },
      ['mosaic.url: found a user name or password in it, expected none: requests are kept and logged'],
    ],
    [
      'a sort order',
      { mosaic: { type: 'stac', url: 'http://x/', sortby: ['a b'] } },
      ['mosaic.sortby[0]: found "a b", expected the name of a property, with - before it for descending'],
    ],
  ])('%s', (_name, change, problems) => {
    expect(problemsOf({ ...REQUEST, ...change })).toEqual(problems);
  });

  test('all at once, also what lies between fields that are right', () => {
    const input = { ...REQUEST, minzoom: 12, tileSize: 1, assets: ['b', 'b'], foo: 1 };
    expect(problemsOf(input).map((line) => line.split(':')[0])).toEqual(['tileSize', 'foo', 'minzoom', 'assets[1]']);
    expect(() => parseTilesetRequest(input, 'request a.json')).toThrow('Reading request a.json: 4 problems\n');
  });

  test.each([null, [], 'text', 3])('a document that is no object: %j', (input) => {
    expect(problemsOf(input)[0]).toBe(`the document: found ${JSON.stringify(input)}, expected a JSON object`);
  });
});

describe('an area', () => {
  const square = [
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 1],
    [0, 0],
  ];

  test.each<[string, object]>([
    ['a bbox', { bbox: [170, -10, -170, 10] }],
    ['the world', { bbox: [-180, -90, 180, 90] }],
    ['a polygon', polygon(square)],
    [
      'the world as a polygon',
      polygon([
        [-180, -90],
        [180, -90],
        [180, 90],
        [-180, 90],
        [-180, -90],
      ]),
    ],
    [
      'a polygon beyond 180',
      polygon([
        [170, 0],
        [190, 0],
        [190, 5],
        [170, 0],
      ]),
    ],
    ['positions with heights', polygon(square.map(([x = 0, y = 0]) => [x, y, 100]))],
    ['a multipolygon', { geometry: { type: 'MultiPolygon', coordinates: [[square]] } }],
    ['a file', { file: 'aoi.geojson' }],
  ])('may be %s', (_name, area) => {
    expect(problemsOf({ ...REQUEST, area })).toEqual([]);
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'area: found nothing, expected an object with exactly one of "bbox", "geometry" and "file"'],
    ['an empty object', {}, 'area: found {}, expected an object with exactly one of "bbox", "geometry" and "file"'],
    [
      'two things',
      { bbox: [1, 2, 3, 4], file: 'x' },
      'area: found {"bbox":[1,2,3,4],"file":"x"}, expected an object with exactly one of "bbox", "geometry" and "file"',
    ],
    ['three numbers', { bbox: [1, 2, 3] }, 'area.bbox: found [1,2,3], expected [west, south, east, north] in degrees'],
    ['a latitude of 95', { bbox: [1, 2, 3, 95] }, 'area.bbox[3]: found 95, expected at most 90'],
    [
      'no width',
      { bbox: [1, 2, 1, 4] },
      'area.bbox: found [1,2,1,4], expected an area: west is 1 and east is 1, the same meridian',
    ],
    [
      'no width at the antimeridian',
      { bbox: [180, 2, -180, 4] },
      'area.bbox: found [180,2,-180,4], expected an area: west is 180 and east is -180, the same meridian',
    ],
    [
      'no height',
      { bbox: [1, 4, 3, 4] },
      'area.bbox: found [1,4,3,4], expected south less than north; they are 4 and 4',
    ],
    [
      'a bbox beyond the grid',
      { bbox: [1, 86, 3, 90] },
      'area.bbox: found [1,86,3,90], expected an area that reaches into latitudes -85.0511 to 85.0511, where WebMercatorQuad ends',
    ],
    [
      'a point',
      { geometry: { type: 'Point', coordinates: [1, 2] } },
      'area.geometry.type: found "Point", expected "Polygon" or "MultiPolygon"',
    ],
    [
      'a text for a number',
      polygon([[0, 0], [1, 'a'] as never, [1, 1], [0, 0]]),
      'area.geometry.coordinates[0][1][1]: found "a", expected a number',
    ],
    [
      'three positions',
      polygon([
        [0, 0],
        [1, 1],
        [0, 0],
      ]),
      'area.geometry.coordinates[0]: found [[0,0],[1,1],[0,0]], expected at least 4 items',
    ],
    [
      'an open ring',
      polygon(square.slice(0, 4)),
      'area.geometry.coordinates[0][3]: found [0,1], expected the first position again, [0,0]: a closed ring',
    ],
    [
      'a ring without area',
      polygon([
        [0, 0],
        [1, 1],
        [2, 2],
        [0, 0],
      ]),
      'area.geometry.coordinates[0]: found a ring without area, expected one that encloses some',
    ],
    [
      'metres',
      polygon([
        [0, 0],
        [500000, 0],
        [1, 1],
        [0, 0],
      ]),
      'area.geometry.coordinates[0][1]: found [500000,0], expected [longitude, latitude] in degrees',
    ],
    [
      'a jump over the antimeridian',
      polygon([
        [179, 0],
        [-179, 0],
        [-179, 5],
        [179, 0],
      ]),
      'area.geometry.coordinates[0][1]: found an edge from longitude 179 to -179, expected longitudes beyond 180 to go over the antimeridian, or a position in between to go the long way round',
    ],
    [
      'a polygon beyond the grid',
      polygon([
        [0, 86],
        [10, 86],
        [10, 88],
        [0, 86],
      ]),
      'area.geometry: found "Polygon", expected an area that reaches into latitudes -85.0511 to 85.0511, where WebMercatorQuad ends',
    ],
  ])('is not %s', (_name, area, problem) => {
    expect(problemsOf({ ...REQUEST, area })).toEqual([problem]);
  });
});

test('nodata "nan" is NaN', () => {
  expect(nodataOf({ nodata: 'nan' })).toBeNaN();
  expect(nodataOf({ nodata: 0 })).toBe(0);
  expect(nodataOf({ nodata: 'item' })).toBe('item');
  expect(nodataOf({})).toBeNull();
});

test('render options are the fields that pixels depend on', () => {
  const request = parseTilesetRequest({ ...REQUEST, nodata: 0, rescale: [[0, 3000]], resampling: 'bilinear' });
  expect(renderOptionsOf(request)).toEqual({
    tileSize: 256,
    bidx: null,
    nodata: 0,
    unscale: 'none',
    rescale: [[0, 3000]],
    pixelSelection: 'first',
    bandRule: 'pixel',
    onAssetError: 'fail',
    resampling: 'bilinear',
    antialias: false,
    format: 'png',
    quality: null,
    lossless: false,
    passThrough: null,
    bitDepth: 8,
    colormap: null,
  });
});

describe('hashes', () => {
  const request = parseTilesetRequest(REQUEST);
  const hashes = [renderHash, requestHash, runHash];

  function changed(change: object): readonly boolean[] {
    const other = parseTilesetRequest({ ...REQUEST, ...change });
    return hashes.map((hash) => hash(other) !== hash(request));
  }

  test('are 64 hex digits, and the same whatever the order of the fields', () => {
    const { mosaic, ...rest } = REQUEST;
    const query = { b: [{ y: 1, x: 2 }], collections: ['sentinel-2-l2a'] };
    const reordered = {
      ...rest,
      mosaic: { ...mosaic, query: { collections: query.collections, b: [{ x: 2, y: 1 }] } },
    };
    for (const hash of hashes) {
      expect(hash(request)).toMatch(/^[0-9a-f]{64}$/);
      expect(hash(parseTilesetRequest(reordered))).toBe(
        hash(parseTilesetRequest({ ...REQUEST, mosaic: { ...mosaic, query } })),
      );
    }
  });

  test.each<[string, object, readonly boolean[]]>([
    ['name', { name: 'x' }, [false, false, false]],
    ['a default that is written out', { tileSize: 256 }, [false, false, false]],
    ['limit and maxItems', { mosaic: { ...REQUEST.mosaic, limit: 7, maxItems: 8 } }, [false, false, false]],
    ['output', { output: 'elsewhere' }, [false, false, true]],
    ['description, attribution', { description: 'x', attribution: 'y' }, [false, false, false]],
    ['publicUrl', { publicUrl: 'https://tiles.example/a' }, [false, false, false]],
    ['keepVersions', { keepVersions: 10 }, [false, false, false]],
    ['metatileSize', { metatileSize: 4 }, [false, false, true]],
    ['maxzoom', { maxzoom: 12 }, [false, true, true]],
    ['area', { area: { bbox: [15, 45, 16, 46] } }, [false, true, true]],
    ['the order of assets', { assets: ['blue', 'green', 'red'] }, [true, true, true]],
    ['sortby', { mosaic: { ...REQUEST.mosaic, sortby: ['properties.datetime'] } }, [true, true, true]],
    ['resampling', { resampling: 'bilinear' }, [true, true, true]],
    ['pixelSelection', { pixelSelection: 'mean' }, [true, true, true]],
    [
      'bandRule and onAssetError as they are by default',
      { bandRule: 'pixel', onAssetError: 'fail' },
      [false, false, false],
    ],
    ['onAssetError', { onAssetError: 'skip' }, [true, true, true]],
    ['sidecars as they are by default', { sidecars: [] }, [false, false, false]],
    ['sidecars', { sidecars: ['ovr'] }, [true, true, true]],
    ['nodata', { nodata: 'nan' }, [true, true, true]],
    ['unscale and crsOverride as they are by default', { unscale: 'none', crsOverride: false }, [false, false, false]],
    ['unscale', { unscale: 'item', rescale: [[0, 1]] }, [true, true, true]],
    ['crs', { crs: 'EPSG:32633' }, [true, true, true]],
  ])('change with %s: pixels, tileset, run', (_name, change, expected) => {
    expect(changed(change)).toEqual(expected);
  });
});

test('the committed JSON Schema is the generated one (UPDATE_SCHEMA=1 writes it)', () => {
  const file = new URL('../../../../jobs/tileset-request.schema.json', import.meta.url);
  const generated = `${JSON.stringify(tilesetRequestJsonSchema(), null, 2)}\n`;
  if (process.env['UPDATE_SCHEMA'] === '1') {
    writeFileSync(file, generated);
  }
  expect(readFileSync(file, 'utf8')).toBe(generated);
});
