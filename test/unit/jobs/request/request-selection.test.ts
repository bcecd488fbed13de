import { expect, test } from 'vitest';
import { checkTilesetRequest } from '../../../../jobs/request/tileset-request.ts';
import { PIXEL_SELECTION_NAMES } from '../../../../src/mosaic/pixel-selection/registry.ts';

/** What is wrong with a request of these fields, a line each. */
function problemsOf(fields: object): readonly string[] {
  const request = {
    mosaic: { type: 'stac', url: 'http://127.0.0.1/search' },
    area: { bbox: [15, 45, 16, 46] },
    minzoom: 6,
    maxzoom: 11,
    assets: ['red', 'green', 'blue'],
    output: 'out',
    ...fields,
  };
  return checkTilesetRequest(request).problems.map(({ path, text }) => `${path}: ${text}`);
}

test('the pixel selections of a request are those that there are', () => {
  expect(PIXEL_SELECTION_NAMES.flatMap((pixelSelection) => problemsOf({ pixelSelection }))).toEqual([]);
  expect(problemsOf({ pixelSelection: 'best' })).toEqual([expect.stringContaining('pixelSelection: found "best"')]);
});

test('bands are compared apart where they are compared at all', () => {
  expect(['highest', 'lowest'].flatMap((pixelSelection) => problemsOf({ pixelSelection, bandRule: 'band' }))).toEqual(
    [],
  );
  expect(problemsOf({ pixelSelection: 'lastBandHigh', bandRule: 'band' })).toEqual([
    'bandRule: found "band", expected "pixel": lastBandHigh takes all bands of a pixel from one scene',
  ]);
  expect(problemsOf({ bandRule: 'band' })).toEqual([
    'bandRule: found "band", expected "pixel": first takes all bands of a pixel from one scene',
  ]);
});

test('a last band that is dropped is not the only one', () => {
  expect(problemsOf({ pixelSelection: 'lastBandLow', assets: ['red'], bidx: [1] })).toEqual([
    'pixelSelection: found "lastBandLow", expected 2 bands or more: the last one decides and is dropped',
  ]);
});

test('rescale is for the bands that a pixel selection gives', () => {
  const [one, two] = [
    [0, 1],
    [0, 2],
  ];
  const lastBand = { pixelSelection: 'lastBandHigh', assets: ['a', 'b'], bidx: [1, 2] };
  expect(problemsOf({ ...lastBand, rescale: [one, two, two] })).toEqual([]);
  expect(problemsOf({ ...lastBand, rescale: [one, two, two, two] })).toEqual([
    'rescale: found 4 pairs, expected 1 pair for all bands, or 3: 2 assets of 2 bands, without the last',
  ]);
  expect(problemsOf({ pixelSelection: 'count', rescale: [one] })).toEqual([]);
  expect(problemsOf({ pixelSelection: 'count', rescale: [one, two] })).toEqual([
    'rescale: found 2 pairs, expected 1 pair: count gives one band',
  ]);
});
