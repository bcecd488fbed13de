import { describe, expect, test } from 'vitest';
import { readPoint } from '../../../src/render/point.ts';
import type { PointReading } from '../../../src/render/point.ts';
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
): Promise<PointReading> {
  await using mosaic = 'backend' in scenes ? scenes : createMemoryMosaic(scenes);
  return await readPoint({ ...mosaic, options: { bidx: null, nodata, pixelSelection: 'first' } }, { lng, lat }, NEVER);
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
