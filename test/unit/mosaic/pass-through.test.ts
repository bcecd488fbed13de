import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { createPassThrough, type PassThroughOptions } from '../../../src/mosaic/pass-through.ts';
import { openScene, planScene, readScene, type OpenScene } from '../../../src/mosaic/scene-reader.ts';
import type { Tile } from '../../../src/tms/tile.ts';
import { tileBounds, tileTransform } from '../../../src/tms/web-mercator-quad.ts';
import { createMemoryMosaic, gridFootprint } from '../../support/memory-mosaic.ts';
import { withPictures, type PictureOptions } from '../../support/picture-blocks.ts';
import { writeCog, type SyntheticCog } from '../../support/synthetic-cog.ts';

const NEVER = { signal: new AbortController().signal };
const SIZE = 256;
/** 4 × 4 tiles of zoom 10, and 2 × 2 of zoom 9 in the overview. */
const FIRST: Tile = { z: 10, x: 540, y: 360 };
const GRID = { id: 'scene', ...FIRST, columns: 4, rows: 4, bands: () => [] };

const READ = { bidx: null, nodata: null, resampling: 'bilinear' } as const;
const OPTIONS: PassThroughOptions = { ...READ, rescale: null, pixelSelection: 'first', format: 'jpeg' };

const band = (seed: number): Uint8Array => {
  const side = 4 * SIZE;
  return Uint8Array.from({ length: side * side }, (_, i) => 128 + 100 * Math.sin((i % side) / 40 + (i >> 10) / seed));
};
const SCENE: SyntheticCog = {
  width: 4 * SIZE,
  height: 4 * SIZE,
  bands: [band(30), band(40), band(50)],
  epsg: 3857,
  transform: tileTransform(FIRST, SIZE),
  blockSize: SIZE,
  overviews: 1,
};

const written = new Map<string, Promise<Uint8Array>>();

/** A file of pictures; the same one is made once. */
async function fileOf(options: PictureOptions, change: Partial<SyntheticCog> = {}): Promise<Uint8Array> {
  const key = JSON.stringify([options, Object.keys(change), change.transform, change.blockSize]);
  const bytes = written.get(key) ?? withPictures({ ...SCENE, ...change }, options).then(writeCog);
  written.set(key, bytes);
  return await bytes;
}

async function open(assets: Readonly<Record<string, Uint8Array>>, bidx: readonly number[] | null = null) {
  const mosaic = createMemoryMosaic([{ id: 'scene', footprint: gridFootprint(GRID), assets }]);
  const [scene] = await mosaic.backend.assetsForTile(FIRST, NEVER);
  const opened = await openScene(scene!, mosaic.cogs, { bidx }, NEVER);
  return { opened, mosaic };
}

const planOf = (opened: OpenScene, tile: Tile, size = SIZE) => {
  return planScene(opened, { bounds: tileBounds(tile), width: size, height: size }, READ)!;
};

/** Which of the tiles are passed through. */
async function passed(opened: OpenScene, tiles: readonly Tile[], options: Partial<PassThroughOptions> = {}) {
  const pass = createPassThrough({ ...OPTIONS, ...options })!;
  const bytes = await pass(
    opened,
    tiles.map((tile) => planOf(opened, tile)),
    NEVER,
  );
  return bytes.map((one) => one !== null);
}

describe('blocks become tiles', () => {
  test.each(['jpeg', 'webp'] as const)(
    '%s, at full size and from the overview, with the pixels that reading gives',
    async (format) => {
      const { opened } = await open({ data: await fileOf({ format }) });
      const tiles = [FIRST, { z: 10, x: 543, y: 362 }, { z: 9, x: 271, y: 180 }, { z: 8, x: 135, y: 90 }];
      const plans = tiles.map((tile) => planOf(opened, tile));
      const bytes = await createPassThrough({ ...OPTIONS, format })!(opened, plans, NEVER);
      // There is no overview for the last one.
      expect(bytes.map((one) => one !== null)).toEqual([true, true, true, false]);
      for (const [n, tile] of bytes.slice(0, 3).entries()) {
        const { data, info } = await sharp(tile!).raw().toBuffer({ resolveWithObject: true });
        expect(info).toMatchObject({ width: SIZE, height: SIZE, channels: 3 });
        const [piece] = await readScene(opened, plans[n]!, READ, NEVER);
        const pixels = Buffer.alloc(data.length);
        piece!.raster.bands.forEach((values, b) => values.forEach((value, i) => (pixels[i * 3 + b] = value)));
        expect(Buffer.compare(data, pixels)).toBe(0);
      }
    },
  );

  test('sixteen tiles take one open, one range and no decoding; their pixels no further read', async () => {
    const { opened, mosaic } = await open({ data: await fileOf({ format: 'jpeg' }) });
    const tiles = Array.from({ length: 16 }, (_, n) => ({ z: 10, x: 540 + (n % 4), y: 360 + (n >> 2) }));
    expect(await passed(opened, tiles)).toEqual(tiles.map(() => true));
    const { readRequests, bytesRead } = mosaic.counters;
    expect(mosaic.counters).toMatchObject({ readRequests: 2, blocksDecoded: 0 });
    for (const tile of tiles) await readScene(opened, planOf(opened, tile), READ, NEVER);
    expect(mosaic.counters).toMatchObject({ readRequests, bytesRead, blocksDecoded: 16 });
  });

  test('all bands in their order may be asked for by number', async () => {
    const data = await fileOf({ format: 'jpeg' });
    const { opened } = await open({ data }, [1, 2, 3]);
    expect(await passed(opened, [FIRST], { bidx: [1, 2, 3] })).toEqual([true]);
  });

  test('the same bytes, whatever else is asked for with it', async () => {
    const { opened } = await open({ data: await fileOf({ format: 'jpeg' }) });
    const pass = createPassThrough(OPTIONS)!;
    const other = planOf(opened, { z: 10, x: 542, y: 361 });
    const [alone] = await pass(opened, [other], NEVER);
    const [, beside] = await pass(opened, [planOf(opened, FIRST), other], NEVER);
    expect(beside).toEqual(alone);
  });
});

describe('pixels are made', () => {
  test.each([
    ['a file of another format', { format: 'webp' }],
    ['bands in another order', { bidx: [3, 2, 1] }],
    ['some of the bands', { bidx: [1] }],
  ] as const)('of %s', async (_, options) => {
    const { opened } = await open({ data: await fileOf({ format: 'jpeg' }) });
    expect(await passed(opened, [FIRST], options)).toEqual([false]);
  });

  test.each([{ itemNodata: 0 }, { scales: [{ scale: 2, offset: 0 }] }])('of bands with %j', async (values) => {
    const { opened } = await open({ data: await fileOf({ format: 'jpeg' }) });
    const assets = opened.assets.map((asset) => ({ ...asset, values: { ...asset.values, ...values } }));
    expect(await passed(opened, [FIRST], { nodata: 'item' })).toEqual([true]);
    expect(await passed({ ...opened, assets }, [FIRST], { nodata: 'item' })).toEqual([false]);
  });

  test('of several assets', async () => {
    const data = await fileOf({ format: 'jpeg' });
    const { opened } = await open({ data, more: data });
    expect(await passed(opened, [FIRST])).toEqual([false]);
  });

  test('of tiles that the scene covers in part, and of blocks that are not tiles', async () => {
    // Half a tile to the east: on the grid, but every block lies in two tiles.
    const [a, b, west, d, e, north] = SCENE.transform;
    const halfway = { transform: [a, b, west + 128 * a, d, e, north] as const };
    const { opened: shifted } = await open({ data: await fileOf({ format: 'jpeg' }, halfway) });
    expect(await passed(shifted, [FIRST, { ...FIRST, x: 541 }])).toEqual([false, false]);
    const oblique = { transform: [a, b, west + 0.5 * a, d, e, north] as const };
    const { opened: warped } = await open({ data: await fileOf({ format: 'jpeg' }, oblique) });
    expect(await passed(warped, [{ ...FIRST, x: 541 }])).toEqual([false]);
    const { opened: large } = await open({ data: await fileOf({ format: 'jpeg' }, { blockSize: 512 }) });
    expect(await passed(large, [FIRST])).toEqual([false]);
    const whole = planOf(large, { z: 9, x: 270, y: 180 }, 512);
    expect((await createPassThrough(OPTIONS)!(large, [whole], NEVER)).map((one) => one !== null)).toEqual([true]);
  });
});

describe('nothing is tried', () => {
  test.each([
    ['in PNG', { format: 'png' }],
    ['with rescale', { rescale: [[0, 100]] }],
    ['with nodata', { nodata: 0 }],
    ['with colours by value', { colormap: { '1': [0, 0, 0] } }],
    ['where scenes are mixed', { pixelSelection: 'mean' }],
    ['where a quality is asked for', { quality: 60 }],
    ['where it is refused', { passThrough: false }],
  ] as const)('%s', (_, options) => {
    expect(createPassThrough({ ...OPTIONS, ...options })).toBeNull();
  });

  test('but a quality may be given for the other tiles', () => {
    expect(createPassThrough({ ...OPTIONS, quality: 60, passThrough: true })).not.toBeNull();
    expect(createPassThrough({ ...OPTIONS, quality: null, colormap: 'source' })).not.toBeNull();
  });
});
