import { expect, test } from 'vitest';
import { planRead } from '../../../src/cog/plan-read.ts';
import { readPlan } from '../../../src/cog/read-raster.ts';
import { createRaster } from '../../../src/raster/raster.ts';
import { memoryCog } from '../../support/memory-cog.ts';

/** 64 x 64 pixels of 10 m in Web Mercator, in stripes of 0 and 200 a pixel wide, shown at 15 m: 0.67 of full size. */
function striped() {
  const raster = createRaster(64, 64, 'uint8', 1);
  raster.mask.fill(255);
  raster.bands[0]!.forEach((_, i) => (raster.bands[0]![i] = i % 2 === 0 ? 0 : 200));
  const transform = [10, 0, 0, 0, -10, 0] as const;
  return memoryCog({ crs: { kind: 'epsg', code: 3857 }, transform, levels: [raster] });
}

const GRID = { bounds: [150, -450, 450, -150], width: 20, height: 20 } as const;

async function contrastOf(antialias: boolean): Promise<number> {
  const cog = striped();
  const plan = planRead(cog, GRID, 'bilinear', { antialias })!;
  const { signal } = new AbortController();
  const [piece] = await readPlan(cog, plan, { bands: [1], nodata: null, signal });
  const values = [...piece!.raster.bands[0]!];
  return Math.max(...values) - Math.min(...values);
}

test('a kernel that weighs every pixel flattens what a plain one lets through', async () => {
  expect(await contrastOf(true)).toBeLessThan(80);
  expect(await contrastOf(false)).toBeGreaterThan(90);
});

test('reads further around, and is a plan of its own', () => {
  const cog = striped();
  const windowOf = (antialias: boolean) => planRead(cog, GRID, 'bilinear', { antialias })!.parts[0]!.source;
  expect(windowOf(true).width).toBeGreaterThan(windowOf(false).width);
  expect(planRead(cog, GRID, 'bilinear')!.parts[0]!.source).toEqual(windowOf(false));
});
