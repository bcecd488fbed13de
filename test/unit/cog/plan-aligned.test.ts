import { describe, expect, test } from 'vitest';
import { alignedWindows } from '../../../src/cog/plan-aligned.ts';
import { planRead, type TileGrid } from '../../../src/cog/plan-read.ts';
import { readPlan, sourceWindows } from '../../../src/cog/read-raster.ts';
import { CRS84, WEB_MERCATOR } from '../../../src/geo/crs.ts';
import { createSeparableMapping } from '../../../src/raster/inverse-mapping.ts';
import { createRaster, type Dtype, type Raster } from '../../../src/raster/raster.ts';
import type { Resampling } from '../../../src/raster/resample.ts';
import { warp } from '../../../src/raster/warp.ts';
import { tileBounds, tileTransform } from '../../../src/tms/web-mercator-quad.ts';
import { memoryCog } from '../../support/memory-cog.ts';

const SIGNAL = new AbortController().signal;
const KERNELS: readonly Resampling[] = [
  'nearest',
  'bilinear',
  'cubic',
  'lanczos',
  'average',
  'mode',
  'min',
  'max',
  'median',
];
const DTYPES: readonly Dtype[] = ['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'float32', 'float64'];
const MASKS = ['full', 'binary', 'partial'] as const;

/** Noise over the whole range of a type; holes, and for `partial` every opacity. */
function noise(size: number, dtype: Dtype, coverage: (typeof MASKS)[number]): Raster {
  const raster = createRaster(size, size, dtype, 2);
  let state = 7;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 8;
  };
  for (const band of raster.bands) {
    for (let i = 0; i < band.length; i++) band[i] = dtype.startsWith('float') ? next() / 1024 - 5000 : next() * 256;
  }
  raster.mask.forEach((_, i) => {
    const value = next() % 256;
    raster.mask[i] = coverage === 'full' ? 255 : coverage === 'partial' ? value : value < 80 ? 0 : 255;
  });
  return raster;
}

const GRID: TileGrid = { bounds: [0, -32, 32, 0], width: 32, height: 32 };

/** Puts a piece, or what a warp gave, on an empty tile. */
function onTile(size: number, { raster, col, row }: { raster: Raster; col: number; row: number }): Raster {
  const tile = createRaster(size, size, raster.dtype, raster.bands.length);
  for (let i = 0; i < raster.mask.length; i++) {
    const at = (row + Math.floor(i / raster.width)) * size + col + (i % raster.width);
    if (raster.mask[i] === 0) continue;
    tile.mask[at] = raster.mask[i]!;
    tile.bands.forEach((band, b) => (band[at] = raster.bands[b]![i]!));
  }
  return tile;
}

describe('a scene on the grid of the tile', () => {
  // Wholly over the tile, and over a corner of it.
  const places = [
    [-8, 8],
    [5, -9],
  ] as const;
  test.each(KERNELS)(
    '%s gives what is there, whatever the type and the mask: the same as a warp',
    async (resampling) => {
      for (const dtype of DTYPES) {
        for (const coverage of MASKS) {
          const level = noise(48, dtype, coverage);
          for (const [west, north] of places) {
            const cog = memoryCog({ crs: WEB_MERCATOR, transform: [1, 0, west, 0, -1, north], levels: [level] });
            const plan = planRead(cog, GRID, resampling)!;
            const [part] = plan.parts;
            expect(part).toMatchObject({ isCopy: true, destination: { width: part!.source.width } });
            const [piece] = await readPlan(cog, plan, { bands: [1, 2], nodata: null, signal: SIGNAL });
            const warped = warp({
              source: level,
              window: { col: 0, row: 0, width: 48, height: 48 },
              imageWidth: 48,
              imageHeight: 48,
              width: 32,
              height: 32,
              mapping: createSeparableMapping(
                (xs, ys) => {
                  xs.forEach((x, i) => (xs[i] = x - west));
                  ys.forEach((y, i) => (ys[i] = y + north));
                },
                32,
                32,
              ),
              resampling,
              scale: { x: 1, y: 1 },
            });
            const expected = onTile(32, { raster: warped!, col: 0, row: 0 });
            const found = onTile(32, piece!);
            expect(found.mask).toEqual(expected.mask);
            // Lanczos' weights a pixel away are sin(π) in floating point, 1e-16: sums of 64 bits show it.
            const slack = resampling === 'lanczos' && dtype === 'float64' ? 1e-9 : 0;
            const worst = found.bands.map((band, b) => {
              return Math.max(...Array.from(band, (value, i) => Math.abs(value - expected.bands[b]![i]!)));
            });
            expect(Math.max(...worst), `${dtype} ${coverage}`).toBeLessThanOrEqual(slack);
          }
        }
      }
    },
  );

  test('an overview on the grid is copied too, level 0 then not', async () => {
    const overview = noise(24, 'uint8', 'binary');
    const levels = [noise(48, 'uint8', 'full'), overview];
    const cog = memoryCog({ crs: WEB_MERCATOR, transform: [0.5, 0, 0, 0, -0.5, 0], levels });
    const plan = planRead(cog, GRID, 'cubic')!;
    expect(plan).toMatchObject({ level: 1, parts: [{ isCopy: true }] });
    const [piece] = await readPlan(cog, plan, { bands: [1], nodata: null, signal: SIGNAL });
    expect(piece!.raster.bands[0]).toEqual(overview.bands[0]);
    const finer = planRead(cog, { bounds: [0, -16, 16, 0], width: 16, height: 16 }, 'cubic')!;
    expect(finer.parts[0]!.isCopy).toBe(true);
    expect(planRead(cog, { bounds: [0, -12, 12, 0], width: 16, height: 16 }, 'cubic')!.parts[0]!.isCopy).toBe(false);
  });

  test('all masked, it gives nothing', async () => {
    const cog = memoryCog({
      crs: WEB_MERCATOR,
      transform: [1, 0, 0, 0, -1, 0],
      levels: [createRaster(48, 48, 'uint8', 1)],
    });
    const plan = planRead(cog, GRID, 'cubic')!;
    expect(await readPlan(cog, plan, { bands: [1], nodata: null, signal: SIGNAL })).toEqual([]);
  });

  test.each(KERNELS)('%s reads the pixels of the tile and no others, up to zoom 20', (resampling) => {
    for (const z of [3, 9, 14, 20]) {
      const [x, y] = [Math.floor(0.53 * 2 ** z), Math.floor(0.36 * 2 ** z)];
      // As a file states it: a corner and the size of a pixel, which its reader multiplies.
      const level = { width: 1024, height: 768, blockWidth: 256, blockHeight: 256 };
      const scene = { label: 'scene', crs: WEB_MERCATOR, transform: tileTransform({ z, x, y }, 256), levels: [level] };
      const plan = planRead(
        scene,
        { bounds: tileBounds({ z, x: x + 2, y: y + 1 }), width: 256, height: 256 },
        resampling,
      )!;
      expect(sourceWindows(plan)).toEqual([{ col: 512, row: 256, width: 256, height: 256 }]);
      // A neighbour that abuts is not touched.
      expect(
        planRead(scene, { bounds: tileBounds({ z, x: x + 4, y }), width: 256, height: 256 }, resampling),
      ).toBeNull();
    }
  });

  test('across the antimeridian the copy of the world counts, a whole number of pixels away', () => {
    const beyond = tileTransform({ z: 5, x: 31, y: 12 }, 256);
    const level = { width: 512, height: 256, blockWidth: 256, blockHeight: 256 };
    const scene = { label: 'scene', crs: WEB_MERCATOR, transform: beyond, levels: [level] };
    const plan = planRead(scene, { bounds: tileBounds({ z: 5, x: 0, y: 12 }), width: 256, height: 256 }, 'bilinear')!;
    expect(plan.parts).toMatchObject([{ isCopy: true, source: { col: 256, row: 0, width: 256, height: 256 } }]);
  });
});

describe('not on the grid', () => {
  const level = { width: 48, height: 48, blockWidth: 16, blockHeight: 16 };
  test.each([
    ['half a pixel away', WEB_MERCATOR, [1, 0, 0.5, 0, -1, 0]],
    ['a hundred thousandth of a pixel away', WEB_MERCATOR, [1, 0, 1e-5, 0, -1, 0]],
    ['another resolution', WEB_MERCATOR, [1.001, 0, 0, 0, -1.001, 0]],
    ['oblong pixels', WEB_MERCATOR, [1, 0, 0, 0, -1.5, 0]],
    ['south at the top', WEB_MERCATOR, [1, 0, 0, 0, 1, -40]],
    ['rotated', WEB_MERCATOR, [0, 1, 0, -1, 0, 0]],
    ['degrees', CRS84, [1e-5, 0, 0, 0, -1e-5, 0]],
  ] as const)('%s is warped', (_, crs, transform) => {
    const plan = planRead({ label: 'scene', crs, transform, levels: [level] }, GRID, 'bilinear')!;
    expect(plan.parts.map(({ isCopy }) => isCopy)).toEqual([false]);
  });

  test('a position without an image is none', () => {
    const shift = (by: number) => createSeparableMapping((xs) => xs.forEach((x, i) => (xs[i] = x + by)), 4, 4);
    const destination = { col: 3, row: 0, width: 4, height: 4 };
    expect(alignedWindows(shift(Number.NaN), destination, { width: 9, height: 9 })).toBeNull();
    expect(alignedWindows(shift(-2), destination, { width: 9, height: 9 })).toEqual({
      destination: { col: 5, row: 0, width: 2, height: 4 },
      source: { col: 0, row: 0, width: 2, height: 4 },
    });
    expect(alignedWindows(shift(-4), destination, { width: 9, height: 9 })).toBe('outside');
  });
});
