import { describe, expect, test } from 'vitest';
import { mapStyleOf } from '../../../../src/store/documents/map-style.ts';
import { tilesetDocuments } from '../../../../src/store/documents/tileset-documents.ts';
import { tileJsonOf } from '../../../../src/store/documents/tileset-tilejson.ts';
import { parseTileJson } from '../../../../src/store/tilejson.ts';
import { styleProblems } from '../../../support/map-style.ts';
import { documentsByPath, documentsInput } from '../../../support/tileset-documents.ts';

const FOLDER = 'https://tiles.example/karst';
const ARCHIVE = 'pmtiles://https://tiles.example/karst/world.versions/3-a1b2c3d4.pmtiles/{z}/{x}/{y}';

describe('the documents of a tileset', () => {
  test.each([
    ['tiles in a folder', {}, ['item.json', 'style.json', 'tilejson.json'], '{z}/{x}/{y}.png'],
    [
      'tiles with a public URL',
      { publicUrl: `${FOLDER}/` },
      ['item.json', 'WMTSCapabilities.xml', 'style.json', 'tilejson.json'],
      `${FOLDER}/{z}/{x}/{y}.png`,
    ],
    [
      'an archive',
      { archive: 'world.pmtiles' },
      ['item.json', 'style.json', 'tilejson.json'],
      'pmtiles://world.versions/3-a1b2c3d4.pmtiles/{z}/{x}/{y}',
    ],
    [
      'an archive with the public URL of its folder',
      { archive: 'world.pmtiles', publicUrl: FOLDER },
      ['item.json', 'style.json', 'tilejson.json'],
      ARCHIVE,
    ],
    [
      'an archive with a public URL of its own',
      { archive: 'world.pmtiles', publicUrl: `${FOLDER}/world.pmtiles` },
      ['item.json', 'style.json', 'tilejson.json'],
      ARCHIVE,
    ],
  ])('of %s', async (_name, place, paths, template) => {
    const texts = await documentsByPath(documentsInput({ place }));
    expect([...texts.keys()]).toEqual(paths);
    const tileJson = parseTileJson(texts.get('tilejson.json') ?? '');
    expect(tileJson).toMatchObject({ tiles: [template], version: '1.3.0+3-a1b2c3d4', minzoom: 6, maxzoom: 9 });
    const style = JSON.parse(texts.get('style.json') ?? '') as { sources: { tileset: { tiles: string[] } } };
    expect(style.sources.tileset.tiles).toEqual([template]);
    expect(styleProblems(style)).toEqual([]);
  });

  test('of an MBTiles file lead to the file', async () => {
    const input = documentsInput({ place: { archive: 'world.mbtiles', publicUrl: FOLDER } });
    const version = input.version === null ? null : { ...input.version, archive: 'world.mbtiles' };
    const texts = await documentsByPath({ ...input, version });
    const tileJson = parseTileJson(texts.get('tilejson.json') ?? '');
    expect(tileJson?.tiles).toEqual(['mbtiles://https://tiles.example/karst/world.mbtiles/{z}/{x}/{y}']);
  });

  test('of tiles some of which failed speak of no version, and there is no item', async () => {
    const texts = await documentsByPath(documentsInput({ version: null, place: { publicUrl: FOLDER } }));
    expect([...texts.keys()]).toEqual(['WMTSCapabilities.xml', 'style.json', 'tilejson.json']);
    expect(texts.get('tilejson.json')).not.toContain('version"');
  });

  test('an archive without a version has none: those of the version before stay', async () => {
    const texts = await documentsByPath(documentsInput({ version: null, place: { archive: 'world.pmtiles' } }));
    expect(texts.size).toBe(0);
  });

  test('are the same for the same tileset, and have their media types', async () => {
    const input = documentsInput({ place: { publicUrl: FOLDER } });
    expect(await documentsByPath(input)).toEqual(await documentsByPath(input));
    const types = new Map<string, string>();
    for await (const { path, contentType } of tilesetDocuments(input)) types.set(path, contentType);
    expect(Object.fromEntries(types)).toEqual({
      'item.json': 'application/geo+json',
      'WMTSCapabilities.xml': 'application/xml',
      'style.json': 'application/json',
      'tilejson.json': 'application/json',
    });
  });
});

describe('the map style', () => {
  const styleFor = (tileset: Parameters<typeof documentsInput>[0]) => {
    const input = documentsInput(tileset);
    return mapStyleOf(tileJsonOf(input.tileset, { tiles: 'https://x/{z}/{x}/{y}.png', version: input.version }));
  };

  test('says all that a map client must know of the source', () => {
    const style = styleFor({});
    expect(style).toMatchObject({
      version: 8,
      name: 'Karst & coast',
      center: [14.375, 45.8],
      sources: {
        tileset: {
          type: 'raster',
          tileSize: 256,
          minzoom: 6,
          maxzoom: 9,
          bounds: [13.5, 45.1, 15.25, 46.5],
          attribution: '<a href="https://example.org">Copernicus</a>',
        },
      },
      layers: [{ id: 'tileset', type: 'raster', source: 'tileset' }],
    });
    expect(styleProblems(style)).toEqual([]);
  });

  test.each([
    ['the whole world', { bbox: [-180, -85, 180, 85], minzoom: 0, maxzoom: 5 }, 0],
    ['an eighth of the world', { bbox: [0, -5, 45, 5], minzoom: 0, maxzoom: 9 }, 3],
    ['tiles that begin at a high zoom', { bbox: [0, -5, 45, 5], minzoom: 8, maxzoom: 9 }, 7],
    [
      'tiles of 512 pixels that begin at a high zoom',
      { bbox: [0, -5, 45, 5], minzoom: 8, maxzoom: 9, tileSize: 512 },
      8,
    ],
    ['a garden', { bbox: [14, 46, 14.000001, 46.000001], minzoom: 0, maxzoom: 12 }, 12],
    ['what has no area', { bbox: [14, 46, 14, 46], minzoom: 0, maxzoom: 12 }, 12],
  ] as const)('of %s opens where it is seen', (_name, tileset, zoom) => {
    const style = styleFor({ tileset });
    expect(style.zoom).toBe(zoom);
    expect(styleProblems(style)).toEqual([]);
  });

  test('the validator is one: it finds what is wrong', () => {
    const style = styleFor({});
    expect(styleProblems({ ...style, sources: { tileset: { ...style.sources['tileset'], tileSize: '256' } } })).toEqual(
      ['sources.tileset.tileSize: number expected, string found'],
    );
  });
});
