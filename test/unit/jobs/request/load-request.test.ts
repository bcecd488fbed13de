import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadTilesetRequest } from '../../../../jobs/request/load-request.ts';
import type { RequestOverrides } from '../../../../jobs/request/load-request.ts';
import type { TilesetRequest } from '../../../../jobs/request/tileset-request.ts';

const REQUEST = {
  mosaic: { type: 'stac', url: 'http://127.0.0.1:7822/search' },
  area: { bbox: [15, 45, 16, 46] },
  minzoom: 6,
  maxzoom: 11,
  assets: ['visual'],
  output: 'out/tiles',
};

const TRIANGLE = [
  [
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 0],
  ],
];
const OTHER = [
  [
    [5, 0],
    [6, 0],
    [6, 1],
    [5, 0],
  ],
];

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tilewright-request-'));
  await mkdir(join(folder, 'requests'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function write(name: string, content: unknown): Promise<void> {
  await writeFile(join(folder, 'requests', name), typeof content === 'string' ? content : JSON.stringify(content));
}

async function load(overrides: RequestOverrides = {}, signal = new AbortController().signal): Promise<TilesetRequest> {
  return await loadTilesetRequest('requests/a.json', overrides, { signal, cwd: folder });
}

test('a relative output is relative to the folder of the request', async () => {
  await write('a.json', REQUEST);
  expect((await load()).output).toBe(join(folder, 'requests/out/tiles'));
});

test('an output on the command line is relative to the working directory', async () => {
  await write('a.json', REQUEST);
  expect((await load({ output: 'there' })).output).toBe(join(folder, 'there'));
});

test.each(['s3://bucket/prefix', 'file:///data/tiles'])('%s stays as it is', async (output) => {
  await write('a.json', { ...REQUEST, output });
  expect((await load()).output).toBe(output);
});

test('overrides replace fields, and are checked with the rest', async () => {
  await write('a.json', { ...REQUEST, area: { file: 'not-there.geojson' } });
  const request = await load({ minzoom: 1, maxzoom: 2, bbox: [170, 0, -170, 5] });
  expect(request).toMatchObject({ minzoom: 1, maxzoom: 2, area: { bbox: [170, 0, -170, 5] } });
  await expect(load({ bbox: [1, 2, 3, 4], minzoom: 12 })).rejects.toThrow(
    'minzoom: found 12, expected at most maxzoom',
  );
});

test('a byte order mark is no fault', async () => {
  await write('a.json', `\uFEFF${JSON.stringify(REQUEST)}`);
  expect((await load()).minzoom).toBe(6);
});

describe("the area's file", () => {
  const polygon = { type: 'Polygon', coordinates: TRIANGLE };
  const multi = { type: 'MultiPolygon', coordinates: [OTHER] };

  test.each<[string, object, object]>([
    ['a Polygon', { ...polygon, bbox: [0, 0, 1, 1] }, polygon],
    ['a MultiPolygon', multi, multi],
    ['heights', { type: 'Polygon', coordinates: [TRIANGLE[0]?.map((position) => [...position, 9, 1])] }, polygon],
    ['a Feature', { type: 'Feature', id: 1, properties: { a: 1 }, geometry: polygon }, polygon],
    [
      'a FeatureCollection',
      {
        type: 'FeatureCollection',
        features: [polygon, multi].map((geometry) => ({ type: 'Feature', properties: null, geometry })),
      },
      { type: 'MultiPolygon', coordinates: [TRIANGLE, OTHER] },
    ],
  ])('may hold %s, and is inlined', async (_name, geojson, geometry) => {
    await write('a.json', { ...REQUEST, area: { file: 'aoi.geojson' } });
    await write('aoi.geojson', geojson);
    expect((await load()).area).toEqual({ geometry });
  });

  test.each<[string, unknown, string]>([
    ['not there', null, 'area.file: Reading area aoi.geojson: found no such file, expected a JSON file'],
    ['not JSON', '{"type":\n nope', 'area.file: Reading area aoi.geojson: not JSON at line 2, column 2: found "nope"'],
    [
      'of lines',
      { type: 'FeatureCollection', features: [{ type: 'Feature', geometry: { type: 'LineString', coordinates: [] } }] },
      'area.file: in aoi.geojson, features[0].geometry.type: found "LineString", expected a Polygon or MultiPolygon, a Feature of one, or a FeatureCollection of these',
    ],
    [
      'of open rings',
      {
        type: 'Polygon',
        coordinates: [
          [
            [0, 0],
            [1, 0],
            [1, 1],
            [0, 1],
          ],
        ],
      },
      'area.file: in aoi.geojson, coordinates[0][3]: found [0,1], expected the first position again, [0,0]: a closed ring',
    ],
    [
      'of wrong positions',
      {
        type: 'Feature',
        geometry: {
          type: 'Polygon',
          coordinates: [
            [
              [0, 0],
              ['x', 0],
              [1, 1],
              [0, 0],
            ],
          ],
        },
      },
      'area.file: in aoi.geojson, geometry.coordinates[0][1][0]: found "x", expected a number',
    ],
    [
      'of nothing',
      { type: 'FeatureCollection', features: [] },
      'area.file: in aoi.geojson, features: found [], expected at least 1 feature',
    ],
  ])('that is %s is told together with the rest', async (_name, geojson, problem) => {
    await write('a.json', { ...REQUEST, area: { file: 'aoi.geojson' }, tileSize: 1 });
    if (geojson !== null) {
      await write('aoi.geojson', geojson);
    }
    await expect(load()).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: `Reading request requests/a.json: 2 problems\n  tileSize: found 1, expected 256 or 512\n  ${problem}`,
    });
  });
});

describe('a request that cannot be read', () => {
  test('is not there', async () => {
    await expect(load()).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: 'Reading request requests/a.json: found no such file, expected a JSON file',
    });
  });

  test('is a folder', async () => {
    await mkdir(join(folder, 'requests', 'a.json'));
    await expect(load()).rejects.toThrow('Reading request requests/a.json: found a folder, expected a JSON file');
  });

  test('is larger than a request can be', async () => {
    await write('a.json', ' '.repeat(5 * 1024 * 1024));
    await expect(load()).rejects.toThrow('found 5,242,880 bytes, expected at most 4,194,304');
  });

  test.each<[string, string]>([
    ['', 'line 1, column 1: found the end of the text'],
    ['{"a": 1', 'line 1, column 8: found the end of the text'],
    ['{\n  "a": 1,\n}', 'line 3, column 1: found "}"'],
    ['{\n  // why\n}', 'line 2, column 3: found "// why"'],
    ['{\n  "a": \'b\'\n}', `line 2, column 8: found "'b'"`],
    ['{"a" 1}', 'line 1, column 6: found "1}"'],
    ['{"a": [1 2]}', 'line 1, column 10: found "2]}"'],
    ['{"a": [1}', 'line 1, column 9: found "}"'],
    ['{"a": 01}', 'line 1, column 7: found "01}"'],
    ['{"a": nulls}', 'line 1, column 7: found "nulls}"'],
    ['{"a": "\\x"}', `line 1, column 7: found ${JSON.stringify('"\\x"}')}`],
    ['{} {}', 'line 1, column 4: found "{}"'],
  ])('is not JSON: %j', async (text, where) => {
    await write('a.json', text);
    await expect(load()).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: `Reading request requests/a.json: not JSON at ${where}`,
    });
  });

  test('an abort passes through as it is', async () => {
    await write('a.json', REQUEST);
    await expect(load({}, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  });
});
