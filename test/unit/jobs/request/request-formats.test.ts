import { describe, expect, test } from 'vitest';
import { renderHash } from '../../../../jobs/request/request-hash.ts';
import { renderOptionsOf } from '../../../../jobs/render-options.ts';
import { checkTilesetRequest, parseTilesetRequest } from '../../../../jobs/request/tileset-request.ts';
import type { TilesetRequestInput } from '../../../../jobs/request/tileset-request.ts';

const REQUEST: TilesetRequestInput = {
  mosaic: { type: 'stac', url: 'http://127.0.0.1/search' },
  area: { bbox: [15, 45, 16, 46] },
  minzoom: 6,
  maxzoom: 11,
  assets: ['map'],
  output: 'out',
};

/** What is wrong with a request of these fields, a line each. */
function problemsOf(fields: object): readonly string[] {
  return checkTilesetRequest({ ...REQUEST, ...fields }).problems.map(({ path, text }) => `${path}: ${text}`);
}

const COLOURS = { '10': [0, 100, 0], '20': [255, 187, 34, 128], '-1': [0, 0, 0, 0] };

describe('formats', () => {
  test.each([
    {},
    { format: 'png', bitDepth: 16 },
    { format: 'png', bitDepth: 16, rescale: [[0, 3000]] },
    { format: 'jpeg', quality: 1 },
    { format: 'webp', quality: 100 },
    { format: 'webp', lossless: true },
    { format: 'avif', quality: 60 },
    { format: 'avif', lossless: true },
    { format: 'avif', lossless: false, quality: 60, bitDepth: 8 },
  ])('%j can be asked for', (fields) => {
    expect(problemsOf(fields)).toEqual([]);
  });

  test.each<[object, string]>([
    [{ quality: 80 }, 'quality: found 80, expected none: png keeps every value; or "format": "jpeg", "webp" or "avif"'],
    [{ format: 'jpeg', lossless: true }, 'lossless: found true, expected none: jpeg never is'],
    [{ lossless: true }, 'lossless: found true, expected none: png keeps every value anyway'],
    [{ format: 'webp', lossless: true, quality: 80 }, 'quality: found 80, expected none: with "lossless"'],
    [{ format: 'webp', bitDepth: 16 }, 'bitDepth: found 16, expected 8: webp has no more; or "format": "png"'],
    [{ format: 'jpeg', quality: 0 }, 'quality: found 0, expected at least 1'],
    [{ format: 'jpeg', quality: 101 }, 'quality: found 101, expected at most 100'],
    [{ format: 'jpeg', quality: 80.5 }, 'quality: found 80.5, expected a whole number'],
    [{ bitDepth: 12 }, 'bitDepth: found 12, expected 8 or 16'],
    [{ format: 'gif' }, 'format: found "gif", expected "png" or "jpeg" or "webp" or "avif"'],
  ])('%j cannot', (fields, expected) => {
    expect(problemsOf(fields)).toEqual([expect.stringContaining(expected)]);
  });

  test('change the hash of the pixels, but not by a default that is written out', () => {
    const hashOf = (fields: object): string => renderHash(parseTilesetRequest({ ...REQUEST, ...fields }));
    expect(hashOf({ lossless: false, bitDepth: 8 })).toBe(hashOf({}));
    const changes = [
      { bitDepth: 16 },
      { format: 'webp' },
      { format: 'webp', quality: 70 },
      { format: 'webp', lossless: true },
    ];
    expect(new Set([{}, ...changes].map(hashOf)).size).toBe(5);
  });

  test('reach the renderer', () => {
    const request = parseTilesetRequest({ ...REQUEST, format: 'avif', quality: 70 });
    expect(renderOptionsOf(request)).toMatchObject({ format: 'avif', quality: 70, lossless: false, bitDepth: 8 });
  });
});

describe('a colormap', () => {
  test.each([
    { colormap: 'source' },
    { colormap: 'none' },
    { colormap: 'none', rescale: [[0, 100]] },
    { colormap: 'none', bitDepth: 16 },
    { colormap: COLOURS },
    { colormap: COLOURS, rescale: [[0, 1]] },
    { colormap: COLOURS, bidx: [2] },
    { colormap: COLOURS, assets: ['a', 'b'], bidx: [1], pixelSelection: 'lastBandHigh' },
  ])('%j can be asked for', (fields) => {
    expect(problemsOf(fields)).toEqual([]);
  });

  test.each<[object, string]>([
    [{ colormap: 'viridis' }, 'colormap: found "viridis", expected "source", "none" or { "value": [red, green'],
    [{ colormap: { ten: [0, 0, 0] } }, 'colormap.ten: found [0,0,0], expected a whole number in decimal digits as key'],
    [{ colormap: { '01': [0, 0, 0] } }, 'colormap.01: found [0,0,0], expected a whole number in decimal digits as key'],
    [{ colormap: { '1': [0, 0] } }, 'colormap.1: found [0,0], expected at least 3 items'],
    [{ colormap: { '1': [0, 0, 256] } }, 'colormap.1[2]: found 256, expected at most 255'],
    [{ colormap: {} }, 'colormap: found 0 colours, expected 1 to 65536'],
    [{ colormap: 'source', rescale: [[0, 9]] }, 'colormap: found "source", expected none with rescale'],
    [{ colormap: COLOURS, bitDepth: 16 }, 'bitDepth: found 16, expected 8: colours of a colormap have no more'],
    [{ colormap: COLOURS, assets: ['a', 'b'], bidx: [1] }, 'colormap: found 2 bands to colour, expected 1'],
  ])('%j cannot', (fields, expected) => {
    expect(problemsOf(fields)).toEqual([expect.stringContaining(expected)]);
  });

  test('changes the pixels, and the order of its values does not', () => {
    const hashOf = (fields: object): string => renderHash(parseTilesetRequest({ ...REQUEST, ...fields }));
    const reversed = Object.fromEntries(Object.entries(COLOURS).toReversed());
    expect(hashOf({ colormap: COLOURS })).toBe(hashOf({ colormap: reversed }));
    expect(hashOf({ colormap: COLOURS })).not.toBe(hashOf({}));
    expect(hashOf({ colormap: COLOURS })).not.toBe(hashOf({ colormap: { ...COLOURS, '10': [0, 101, 0] } }));
  });
});

describe('antialias', () => {
  test('goes with kernels that leave source pixels out', () => {
    expect(problemsOf({ antialias: true, resampling: 'cubic' })).toEqual([]);
    expect(problemsOf({ antialias: true, resampling: 'average' })).toEqual([
      'antialias: found true, expected false with average: only bilinear and cubic leave source pixels out',
    ]);
    expect(problemsOf({ antialias: true })).toHaveLength(1);
  });

  test('changes the hash, and its default does not', () => {
    const hashOf = (fields: object): string => renderHash(parseTilesetRequest({ ...REQUEST, ...fields }));
    expect(hashOf({ antialias: false })).toBe(hashOf({}));
    expect(hashOf({ antialias: true, resampling: 'bilinear' })).not.toBe(hashOf({ resampling: 'bilinear' }));
  });
});
