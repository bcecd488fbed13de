import { describe, expect, test } from 'vitest';
import { createTileJson, parseTileJson, tileJsonToText } from '../../../src/store/tilejson.ts';
import type { TileJsonInput } from '../../../src/store/tilejson.ts';

const INPUT: TileJsonInput = {
  name: 's2-33TW',
  minzoom: 6,
  maxzoom: 11,
  bbox: [15, 45.06, 16.46, 46.96],
  extension: 'png',
  tileSize: 256,
};

describe('TileJSON', () => {
  test('is the document of the specification, with format and tileSize', () => {
    expect(createTileJson(INPUT)).toEqual({
      tilejson: '3.0.0',
      name: 's2-33TW',
      scheme: 'xyz',
      tiles: ['{z}/{x}/{y}.png'],
      minzoom: 6,
      maxzoom: 11,
      bounds: [15, 45.06, 16.46, 46.96],
      center: [15.73, 46.01, 6],
      format: 'png',
      tileSize: 256,
    });
  });

  test('has an absolute template and an attribution if asked for', () => {
    const document = createTileJson({ ...INPUT, baseUrl: 'https://tiles.example/a/', attribution: '© me' });
    expect(document.tiles).toEqual(['https://tiles.example/a/{z}/{x}/{y}.png']);
    expect(document.attribution).toBe('© me');
  });

  test.each([
    { bbox: [170, -20, -170, -10], center: [180, -15, 6] },
    { bbox: [177, -20, -179, -10], center: [179, -15, 6] },
    { bbox: [179, -20, -177, -10], center: [-179, -15, 6] },
  ] as const)(
    'the box $bbox across the antimeridian has bounds around the world, and its own centre',
    ({ bbox, center }) => {
      const document = createTileJson({ ...INPUT, bbox });
      expect(document.bounds).toEqual([-180, -20, 180, -10]);
      expect(document.center).toEqual(center);
    },
  );

  test('bounds end where Web Mercator does', () => {
    const { bounds } = createTileJson({ ...INPUT, bbox: [-180, -90, 180, 90] });
    expect(bounds).toEqual([-180, -85.0511287798066, 180, 85.0511287798066]);
  });

  test.each(['png', 'jpg', 'webp', 'avif'])('has the file ending %s for a format', (extension) => {
    const document = createTileJson({ ...INPUT, extension });
    expect(document).toMatchObject({ format: extension, tiles: [`{z}/{x}/{y}.${extension}`] });
    expect(parseTileJson(tileJsonToText(document))).toEqual(document);
  });

  test('text and back; the same document is the same text', () => {
    const document = createTileJson({ ...INPUT, attribution: 'a' });
    expect(parseTileJson(tileJsonToText(document))).toEqual(document);
    expect(tileJsonToText(createTileJson(INPUT))).toBe(tileJsonToText(createTileJson(INPUT)));
  });

  test.each(['', '{', 'null', '{}', '[]', '{"tilejson":"2.2.0"}'])('the text %j is none', (text) => {
    expect(parseTileJson(text)).toBeNull();
  });
});
