import { describe, expect, test } from 'vitest';
import { planRead, type TileGrid } from '../../../src/cog/plan-read.ts';
import { readPlan, sourceWindows } from '../../../src/cog/read-raster.ts';
import { WEB_MERCATOR } from '../../../src/geo/crs.ts';
import { createRaster, type Raster } from '../../../src/raster/raster.ts';
import { memoryCog } from '../../support/memory-cog.ts';

const SIGNAL = new AbortController().signal;

function gradient(width: number, height: number, bands: number): Raster {
  const raster = createRaster(width, height, 'uint16', bands);
  raster.mask.fill(255);
  raster.bands.forEach((band, b) => band.forEach((_, i) => (band[i] = i + b * 1000)));
  return raster;
}

const grid: TileGrid = { bounds: [0, -16, 16, 0], width: 16, height: 16 };

describe('readPlan', () => {
  test('puts a piece where the scene lies in the tile, in the order of the bands asked for', async () => {
    const cog = memoryCog({ crs: WEB_MERCATOR, transform: [1, 0, 4, 0, -1, -6], levels: [gradient(20, 20, 3)] });
    const plan = planRead(cog, grid, 'nearest')!;
    const [piece, ...more] = await readPlan(cog, plan, { bands: [3, 1], nodata: null, signal: SIGNAL });
    expect(more).toEqual([]);
    const { col, row, raster } = piece!;
    const at = (6 - row) * raster.width + 4 - col;
    expect(raster.mask[at]).toBe(255);
    expect(raster.bands.map((band) => band[at])).toEqual([2000, 0]);
    expect(raster.bands[1]![at + raster.width + 1]).toBe(21);
  });

  test('leaves out pieces without a valid pixel', async () => {
    const empty = createRaster(20, 20, 'uint16', 1);
    const cog = memoryCog({ crs: WEB_MERCATOR, transform: [1, 0, 4, 0, -1, -6], levels: [empty] });
    const plan = planRead(cog, grid, 'bilinear')!;
    expect(await readPlan(cog, plan, { bands: [1], nodata: null, signal: SIGNAL })).toEqual([]);
  });

  test('reads the overview of the plan', async () => {
    const overview = createRaster(8, 8, 'uint16', 1);
    overview.mask.fill(255);
    overview.bands[0]!.fill(9);
    const cog = memoryCog({
      crs: WEB_MERCATOR,
      transform: [0.25, 0, 0, 0, -0.25, 0],
      levels: [gradient(32, 32, 1), overview],
    });
    const plan = planRead(cog, grid, 'bilinear')!;
    expect(plan.level).toBe(1);
    const [piece] = await readPlan(cog, plan, { bands: [1], nodata: null, signal: SIGNAL });
    expect(piece!.raster.bands[0]![0]).toBe(9);
  });

  test('reads exactly the windows that it names beforehand', async () => {
    const cog = memoryCog({ crs: WEB_MERCATOR, transform: [1, 0, 4, 0, -1, -6], levels: [gradient(20, 20, 1)] });
    const plan = planRead(cog, grid, 'bilinear')!;
    const windows: unknown[] = [];
    const recording: typeof cog = {
      ...cog,
      readWindow: (request, options) => {
        windows.push(request.window);
        return cog.readWindow(request, options);
      },
    };
    await readPlan(recording, plan, { bands: [1], nodata: null, signal: SIGNAL });
    expect(windows).toEqual(sourceWindows(plan));
  });

  test('passes on a failed read', async () => {
    const cog = memoryCog({ crs: WEB_MERCATOR, transform: [1, 0, 4, 0, -1, -6], levels: [gradient(20, 20, 1)] });
    const plan = planRead(cog, grid, 'bilinear')!;
    const broken = { ...cog, readWindow: () => Promise.reject(new Error('no')) };
    await expect(readPlan(broken, plan, { bands: [1], nodata: null, signal: SIGNAL })).rejects.toThrow('no');
  });
});
