import { expect, test } from 'vitest';
import { runHash } from '../../../../jobs/request/request-hash.ts';
import { renderOptionsOf } from '../../../../jobs/render-options.ts';
import { checkTilesetRequest, parseTilesetRequest } from '../../../../jobs/request/tileset-request.ts';

const REQUEST = {
  mosaic: { type: 'stac', url: 'https://stac.example/search' },
  area: { bbox: [15, 45, 16, 46] },
  minzoom: 6,
  maxzoom: 11,
  assets: ['visual'],
  output: 'out',
  format: 'jpeg',
};

test.each([{ passThrough: true }, { passThrough: false }, { passThrough: true, quality: 60 }, { format: 'webp' }])(
  '%j can be asked for, and reaches the renderer',
  (fields) => {
    const request = parseTilesetRequest({ ...REQUEST, ...fields });
    expect(renderOptionsOf(request).passThrough).toBe(request.passThrough ?? null);
  },
);

test.each(['png', 'avif'])('blocks are never %s', (format) => {
  const { problems } = checkTilesetRequest({ ...REQUEST, format, passThrough: true });
  expect(problems).toMatchObject([{ path: 'passThrough' }]);
  expect(checkTilesetRequest({ ...REQUEST, format, passThrough: false }).problems).toEqual([]);
});

test('a run is the same if it says what the default is', () => {
  const hashOf = (fields: object): string => runHash(parseTilesetRequest({ ...REQUEST, ...fields }));
  expect(hashOf({ passThrough: true })).toBe(hashOf({}));
  expect(hashOf({ passThrough: false })).not.toBe(hashOf({}));
  expect(hashOf({ passThrough: false, quality: 60 })).toBe(hashOf({ quality: 60 }));
  expect(hashOf({ passThrough: true, quality: 60 })).not.toBe(hashOf({ quality: 60 }));
});
