import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { createTileRenderer } from '../../../src/render/render-metatile.ts';
import type { EncodedTile, RenderOptions } from '../../../src/render/tile-renderer.ts';
import type { Tile } from '../../../src/tms/tile.ts';
import { createMemoryMosaic, gridCog, gridFootprint, gridScene } from '../../support/memory-mosaic.ts';
import type { GridScene, MemoryScene } from '../../support/memory-mosaic.ts';
import { readStrictPng } from '../../support/strict-png.ts';
import type { SyntheticCog } from '../../support/synthetic-cog.ts';

const NEVER = { signal: new AbortController().signal };
const NW = { z: 5, x: 8, y: 10 };
const NE = { ...NW, x: 9 };
const OPTIONS: RenderOptions = {
  tileSize: 256,
  bidx: null,
  nodata: null,
  rescale: null,
  pixelSelection: 'first',
  resampling: 'nearest',
  format: 'png',
};

const PALETTE: NonNullable<SyntheticCog['palette']> = [
  [9, 9, 9],
  [0, 100, 0],
  [255, 187, 34],
  [0, 0, 200],
];

/** A scene of 2 × 1 tiles whose value is its column in 64ths, 0 to 3 and again. */
function landCover(id: string, file: NonNullable<GridScene['file']>, change: Partial<GridScene> = {}): MemoryScene {
  return gridScene({ id, ...NW, columns: 2, rows: 1, bands: (_, col) => [(col >> 6) % 4], file, ...change });
}

async function render(
  scenes: readonly MemoryScene[],
  options: Partial<RenderOptions> = {},
  tile: Tile = NW,
): Promise<EncodedTile | null> {
  await using mosaic = createMemoryMosaic(scenes);
  return await createTileRenderer({ ...mosaic, options: { ...OPTIONS, ...options } }).renderTile(tile, NEVER);
}

/** The colours in the middle of the four columns of a tile. */
async function columns(encoded: EncodedTile | null): Promise<number[][]> {
  const image = sharp(encoded!.bytes).toColourspace('srgb').ensureAlpha();
  const { data } = await image.raw().toBuffer({ resolveWithObject: true });
  return [32, 96, 160, 224].map((col) => [...data.subarray((128 * 256 + col) * 4, (128 * 256 + col) * 4 + 4)]);
}

const opaque = (colour: readonly number[]): number[] => [...colour, 255];
const CLEAR = [0, 0, 0, 0];
const COLOURS = PALETTE.map(opaque);
const GREYS = [0, 1, 2, 3].map((grey) => [grey, grey, grey, 255]);
const PALETTED = landCover('a', { palette: PALETTE });

describe('a file with a palette', () => {
  test('is rendered in its colours, and as PNG by index', async () => {
    const encoded = await render([PALETTED]);
    expect(await columns(encoded)).toEqual(COLOURS);
    expect(readStrictPng(encoded!.bytes)).toMatchObject({ colourType: 3, bitDepth: 2 });
  });

  test.each([
    ['webp', { format: 'webp', lossless: true }],
    ['avif', { format: 'avif', lossless: true }],
  ] as const)('has the same colours in %s', async (_, options) => {
    expect(await columns(await render([landCover('a', { palette: PALETTE, nodata: 3 })], options))).toEqual([
      ...COLOURS.slice(0, 3),
      CLEAR,
    ]);
  });

  test('is transparent where there is no data, which a request may say', async () => {
    const withNodata = landCover('a', { palette: PALETTE, nodata: 0 });
    expect(await columns(await render([withNodata]))).toEqual([CLEAR, ...COLOURS.slice(1)]);
    // The colour of what the file says is none is shown then, as it is data.
    expect(await columns(await render([withNodata], { nodata: 2 }))).toEqual([
      COLOURS[0],
      COLOURS[1],
      CLEAR,
      COLOURS[3],
    ]);
  });

  test.each<Partial<RenderOptions>>([
    { colormap: 'none' },
    { rescale: [[0, 255]] },
    { rescale: [[0, 255]], colormap: null, pixelSelection: 'mean', resampling: 'bilinear' },
    { colormap: 'none', pixelSelection: 'median' },
  ])('has grey values with %j', async (options) => {
    expect(await columns(await render([PALETTED], options))).toEqual(GREYS);
  });

  test('has given colours, and none where none is given', async () => {
    const colormap = { '1': [1, 2, 3], '3': [4, 5, 6, 128] };
    expect(await columns(await render([PALETTED], { colormap }))).toEqual([
      CLEAR,
      [1, 2, 3, 255],
      CLEAR,
      [4, 5, 6, 128],
    ]);
  });

  test('that is all of transparent colours gives no tile', async () => {
    expect(await render([PALETTED], { colormap: { '7': [1, 2, 3] } })).toBeNull();
    expect(await render([PALETTED], { colormap: { '1': [1, 2, 3, 0] } })).toBeNull();
  });
});

describe('classes are not mixed', () => {
  test.each(['bilinear', 'cubic', 'lanczos', 'average'] as const)('%s is refused', async (resampling) => {
    const refused = expect.objectContaining({
      code: 'REQUEST_INVALID',
      message: expect.stringMatching(/memory\/a with resampling .*indices into a palette.*"mode".*"colormap": "none"/),
    });
    await expect(render([PALETTED], { resampling, onAssetError: 'skip' })).rejects.toEqual(refused);
    await expect(render([PALETTED], { resampling, colormap: { '1': [1, 2, 3] } })).rejects.toEqual(refused);
    await expect(render([PALETTED], { resampling, colormap: 'none' })).resolves.not.toBeNull();
  });

  test.each(['nearest', 'mode', 'min', 'max', 'median'] as const)('%s is not', async (resampling) => {
    expect(await columns(await render([PALETTED], { resampling }))).toEqual(COLOURS);
  });

  test.each(['mean', 'median', 'stdev', 'sum'] as const)('%s of scenes is refused', async (pixelSelection) => {
    await expect(render([PALETTED], { pixelSelection })).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: expect.stringMatching(/pixelSelection .*"first", "highest"/),
    });
  });

  test('the highest and the lowest are classes still; a count is a number', async () => {
    const above = landCover('b', { palette: PALETTE }, { bands: () => [2] });
    const highest = await render([PALETTED, above], { pixelSelection: 'highest' });
    expect(await columns(highest)).toEqual([COLOURS[2], COLOURS[2], COLOURS[2], COLOURS[3]]);
    const count = await render([PALETTED, above], { pixelSelection: 'count', rescale: [[0, 255]] });
    expect(await columns(count)).toEqual([2, 2, 2, 2].map((grey) => [grey, grey, grey, 255]));
  });

  test('a band that only decides may be another one', async () => {
    const grid = { id: 'm', ...NW, columns: 2, rows: 1 };
    const map = gridCog({ ...grid, bands: (_, col) => [(col >> 6) % 4], file: { palette: PALETTE } });
    const quality = gridCog({ ...grid, bands: () => [50] });
    const footprint = gridFootprint({ ...grid, bands: () => [] });
    const scenes = [{ id: 'm', footprint, assets: { map, quality } }];
    expect(await columns(await render(scenes, { pixelSelection: 'lastBandHigh' }))).toEqual(COLOURS);
  });
});

describe('several files', () => {
  const west = { columns: 1 } as const;

  test('of one palette are one mosaic, whatever means no data in each', async () => {
    const left = landCover('left', { palette: PALETTE, nodata: 0 }, west);
    const all = landCover('all', { palette: PALETTE }, { bands: () => [3] });
    const encoded = await render([left, all]);
    expect(await columns(encoded)).toEqual([COLOURS[3], ...COLOURS.slice(1)]);
    expect(encoded!.scenes).toEqual(['memory/left', 'memory/all']);
  });

  const other: typeof PALETTE = [...PALETTE.slice(0, 3), [0, 0, 201]];
  const hole = { bands: (_: number, col: number) => [col < 128 ? 1 : 0] };

  test.each([
    ['other colours', { palette: other }, /memory\/a and memory\/b have different palettes/],
    ['none', {}, /memory\/a has a palette and memory\/b has none/],
  ])('of %s are refused where they meet, and there alone', async (_, file, message) => {
    const a = landCover('a', { palette: PALETTE, nodata: 0 }, hole);
    const b = landCover('b', file);
    await expect(render([a, b])).rejects.toMatchObject({
      code: 'MOSAIC_BANDS_DIFFER',
      message: expect.stringMatching(message),
    });
    expect(await columns(await render([landCover('a', { palette: PALETTE }, west), b], {}, NW))).toEqual(COLOURS);
  });

  test('of other colours are one mosaic in given colours, or in grey', async () => {
    const a = landCover('a', { palette: PALETTE, nodata: 0 }, hole);
    const b = landCover('b', { palette: other });
    const mixed = [1, 1, 2, 3];
    const colormap = { '1': [1, 1, 9], '2': [2, 2, 9], '3': [3, 3, 9] };
    expect(await columns(await render([a, b], { colormap }))).toEqual(mixed.map((n) => [n, n, 9, 255]));
    expect(await columns(await render([a, b], { colormap: 'none' }))).toEqual(mixed.map((n) => [n, n, n, 255]));
  });

  test('the second beside the first does not matter to its tiles', async () => {
    const right = landCover('right', { palette: other }, { x: NE.x, columns: 1 });
    expect((await columns(await render([landCover('left', { palette: PALETTE }, west), right], {}, NE)))[3]).toEqual([
      0, 0, 201, 255,
    ]);
  });
});

test('16-bit values go into a PNG of 16 bits as they are', async () => {
  const scene = gridScene({
    id: 's',
    ...NW,
    columns: 1,
    rows: 1,
    dtype: 'uint16',
    bands: (index) => [index % 65_536],
    file: { nodata: 0 },
  });
  const encoded = await render([scene], { bitDepth: 16 });
  const metadata = await sharp(encoded!.bytes).metadata();
  expect(metadata).toMatchObject({ format: 'png', depth: 'ushort', channels: 2 });
  const { data } = await sharp(encoded!.bytes)
    .toColourspace('grey16')
    .raw({ depth: 'ushort' })
    .toBuffer({ resolveWithObject: true });
  const samples = new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
  const expected = Uint16Array.from({ length: 2 * 65_536 }, (_, n) => (n < 2 ? 0 : n % 2 === 0 ? n / 2 : 65_535));
  expect(samples).toEqual(expected);
});
