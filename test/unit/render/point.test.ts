import { describe, expect, test } from 'vitest';
import { readPoint } from '../../../src/render/point.ts';
import type { PointReading } from '../../../src/render/point.ts';
import { TilerError } from '../../../src/errors.ts';
import type { RenderOptions } from '../../../src/render/tile-renderer.ts';
import { tileBbox } from '../../../src/tms/web-mercator-quad.ts';
import { createMemoryMosaic, gridCog, gridFootprint, gridScene } from '../../support/memory-mosaic.ts';
import type { MemoryMosaic, MemoryScene } from '../../support/memory-mosaic.ts';
import { writeCog } from '../../support/synthetic-cog.ts';

const NEVER = { signal: new AbortController().signal };
const TILE = { z: 5, x: 8, y: 10 };
const [WEST, , EAST, NORTH] = tileBbox(TILE);
const DEGREES_PER_PIXEL = (EAST - WEST) / 256;
const GRID = { ...TILE, columns: 1, rows: 1 };

async function read(
  scenes: readonly MemoryScene[] | MemoryMosaic,
  lng: number,
  lat: number,
  nodata: number | null = 0,
  options: Partial<RenderOptions> = {},
): Promise<PointReading> {
  await using mosaic = 'backend' in scenes ? scenes : createMemoryMosaic(scenes);
  return await readPoint(
    { ...mosaic, options: { bidx: null, nodata, pixelSelection: 'first', ...options } },
    { lng, lat },
    NEVER,
  );
}

describe('point', () => {
  test('gives the pixel that holds it, of full size', async () => {
    const scene = gridScene({ id: 'a', ...GRID, bands: (_, col, row) => [col, 255 - row], file: { overviews: 2 } });
    const lng = WEST + 100.99 * DEGREES_PER_PIXEL;
    const reading = await read([scene], lng, NORTH - 1e-9, null);
    expect(reading).toEqual({
      lng,
      lat: NORTH - 1e-9,
      scenes: [{ collection: 'memory', itemId: 'a', values: [100, 255] }],
      values: [100, 255],
    });
    expect((await read([scene], WEST + 101.01 * DEGREES_PER_PIXEL, NORTH - 1e-9, null)).values).toEqual([101, 255]);
  });

  test('says of every scene what it has, and takes the first that has anything', async () => {
    const scenes = [
      gridScene({ id: 'hole', ...GRID, bands: () => [0] }),
      gridScene({ id: 'first', ...GRID, bands: () => [7] }),
      gridScene({ id: 'second', ...GRID, bands: () => [9] }),
      gridScene({ id: 'elsewhere', ...GRID, x: 9, bands: () => [1] }),
    ];
    const reading = await read(scenes, (WEST + EAST) / 2, NORTH - 1);
    expect(reading.scenes.map(({ itemId, values }) => [itemId, values])).toEqual([
      ['hole', null],
      ['first', [7]],
      ['second', [9]],
    ]);
    expect(reading.values).toEqual([7]);
  });

  test.each<[RenderOptions['pixelSelection'], readonly number[]]>([
    ['first', [7, 1]],
    ['highest', [5, 9]],
    ['mean', [5, 5]],
    ['median', [5, 4]],
    ['sum', [14, 14]],
    ['count', [3]],
    ['lastBandHigh', [5]],
  ])('by %s gives what a tile would show', async (pixelSelection, values) => {
    const pixels = [
      [7, 1],
      [2, 4],
      [5, 9],
      [0, 0],
    ];
    const scenes = pixels.map((bands, n) => gridScene({ id: `s${n}`, ...GRID, bands: () => bands }));
    const reading = await read(scenes, (WEST + EAST) / 2, NORTH - 1, 0, { pixelSelection });
    expect(reading.values).toEqual(values);
    expect(reading.scenes.map((scene) => scene.values)).toEqual([...pixels.slice(0, 3), null]);
  });

  test('joins scenes of other dtypes, and names those that cannot be', async () => {
    const scenes = [
      gridScene({ id: 'grey', ...GRID, bands: () => [3] }),
      gridScene({ id: 'deep', ...GRID, dtype: 'uint16', bands: () => [300, 400, 500] }),
      gridScene({ id: 'two', ...GRID, bands: () => [1, 2] }),
    ];
    const at = [(WEST + EAST) / 2, NORTH - 1, 0, { pixelSelection: 'highest' }] as const;
    expect((await read(scenes.slice(0, 2), ...at)).values).toEqual([300, 400, 500]);
    const mixed = read(scenes, ...at);
    await expect(mixed).rejects.toMatchObject({
      code: 'MOSAIC_BANDS_DIFFER',
      message: expect.stringMatching(/memory\/two has 2 of uint8/),
    });
    expect((await read(scenes, at[0], at[1])).values).toEqual([3]);
  });

  test('says of a scene that is left out why its values are not known', async () => {
    const mosaic = createMemoryMosaic(['lost', 'found'].map((id) => gridScene({ id, ...GRID, bands: () => [7] })));
    mosaic.onRead = (name) => {
      if (name === 'lost/data') throw new TilerError('ASSET_NOT_FOUND', 'Reading: 404');
    };
    const at = [(WEST + EAST) / 2, NORTH - 1, 0] as const;
    expect(await read(mosaic, ...at, { onAssetError: 'skip' })).toMatchObject({
      scenes: [
        { itemId: 'lost', values: null, failure: { code: 'ASSET_NOT_FOUND', message: 'Reading: 404' } },
        { values: [7] },
      ],
      values: [7],
    });
    const again = createMemoryMosaic([gridScene({ id: 'lost', ...GRID, bands: () => [7] })]);
    again.onRead = mosaic.onRead;
    await expect(read(again, ...at)).rejects.toMatchObject({ code: 'ASSET_NOT_FOUND' });
  });

  test('of nothing is null', async () => {
    expect(await read([], 0, 0)).toEqual({ lng: 0, lat: 0, scenes: [], values: null });
    // Inside the footprint, but not inside the file.
    const wide = { ...gridScene({ id: 'a', ...GRID, bands: () => [7] }), footprint: [-180, -80, 180, 80] as const };
    expect(await read([wide], 0, 0)).toMatchObject({ scenes: [{ values: null }], values: null });
  });

  test('stacks assets; the bands of one without a value are 0', async () => {
    const assets = {
      red: gridCog({ id: 's', ...GRID, bands: () => [0, 0] }),
      nir: gridCog({ id: 's', ...GRID, bands: () => [3] }),
    };
    const scene = { id: 's', footprint: gridFootprint({ id: 's', ...GRID, bands: () => [] }), assets };
    expect((await read([scene], (WEST + EAST) / 2, NORTH - 1)).values).toEqual([0, 0, 3]);
  });

  test('reaches a file that goes on beyond 180°, from both sides', async () => {
    const bands = [Uint8Array.from({ length: 20 * 10 }, (_, i) => 1 + (i % 20))];
    const file = writeCog({
      width: 20,
      height: 10,
      bands,
      epsg: 4326,
      transform: [1, 0, 170, 0, -1, 5],
      blockSize: 16,
    });
    const scene = { id: 'a', footprint: [-180, -5, 180, 5] as const, assets: { data: file } };
    expect((await read([scene], 179.5, 0.5)).values).toEqual([10]);
    expect((await read([scene], -179.5, 0.5)).values).toEqual([11]);
    expect((await read([scene], -169.5, 0.5)).values).toBeNull();
  });

  test('reads one block of one level, and keeps a failure a failure', async () => {
    const mosaic = createMemoryMosaic([gridScene({ id: 'a', ...GRID, columns: 4, rows: 4, bands: () => [7] })]);
    await read(mosaic, (WEST + EAST) / 2, NORTH - 1);
    expect(mosaic.counters).toMatchObject({ blocksDecoded: 1, readRequests: 2 });
    const broken = createMemoryMosaic([gridScene({ id: 'a', ...GRID, bands: () => [7] })]);
    broken.onRead = () => {
      throw new Error('gone');
    };
    await expect(read(broken, (WEST + EAST) / 2, NORTH - 1)).rejects.toThrow('gone');
  });
});
