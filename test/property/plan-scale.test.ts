import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { planRead } from '../../src/cog/plan-read.ts';
import { projectToPixels, sceneGeometry } from '../../src/cog/plan-scene.ts';
import { transformerBetween, WEB_MERCATOR } from '../../src/geo/crs.ts';
import type { Crs } from '../../src/geo/crs.ts';
import { createRaster } from '../../src/raster/raster.ts';
import { isWidened } from '../../src/raster/resample.ts';
import { measureScale } from '../../src/raster/resample-scale.ts';
import { memoryCog } from '../support/memory-cog.ts';

const SIZE = 256;
const HALF_TURN = Math.PI * 6_378_137;

/** Where scenes of each CRS lie: metres or degrees, with room for those of 100 km. */
const PLACES = [
  { code: 32633, x: [170_000, 830_000], y: [100_000, 9_000_000], unit: 1 },
  { code: 3035, x: [2_700_000, 6_500_000], y: [1_500_000, 5_000_000], unit: 1 },
  { code: 3995, x: [-3_000_000, 3_000_000], y: [-3_000_000, 3_000_000], unit: 1 },
  { code: 3031, x: [-3_000_000, 3_000_000], y: [-3_000_000, 3_000_000], unit: 1 },
  { code: 4326, x: [-179, 178], y: [-80, 80], unit: 1e-5 },
  { code: 3857, x: [-2e7, 2e7], y: [-1.9e7, 1.9e7], unit: 1 },
] as const;

const cases = fc.record({
  place: fc.constantFrom(...PLACES),
  at: fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
  turned: fc.double({ min: 0, max: 2 * Math.PI, noNaN: true }),
  isTurned: fc.boolean(),
  stretch: fc.double({ min: 0.3, max: 3, noNaN: true }),
  reduction: fc.double({ min: 0.2, max: 2.2, noNaN: true }),
  degrees: fc.double({ min: 0.01, max: 12, noNaN: true }),
});

const between = ([least, most]: readonly [number, number], at: number): number => least + (most - least) * at;

test('no scale is left unmeasured at which a kernel would be widened', () => {
  let unmeasured = 0;
  fc.assert(
    fc.property(cases, ({ place, at, turned, isTurned, stretch, reduction, degrees }) => {
      const crs: Crs = { kind: 'epsg', code: place.code };
      const [x, y] = [new Float64Array([between(place.x, at[0])]), new Float64Array([between(place.y, at[1])])];
      const [west, north] = [x[0]!, y[0]!];
      transformerBetween(crs, WEB_MERCATOR).transform(x, y);
      const width = (degrees / 180) * HALF_TURN;
      const stretched = 1 / Math.cosh(y[0]! / 6_378_137);
      // A pixel so large that a tile of that width is about as much reduced as asked for.
      const metres = (width / SIZE / reduction) * stretched;
      const [px, py] = [metres * place.unit * stretch, metres * place.unit];
      const [cos, sin] = isTurned ? [Math.cos(turned), Math.sin(turned)] : [1, 0];
      const transform = [px * cos, py * sin, west, px * sin, -py * cos, north] as const;
      const cog = memoryCog({ crs, transform, levels: [createRaster(300, 300, 'uint8', 1)] });
      const [minX, maxY] = [x[0]! - width / 3, y[0]! + width / 3];
      const grid = { bounds: [minX, maxY - width, minX + width, maxY], width: SIZE, height: SIZE } as const;
      const plan = planRead(cog, grid, 'bilinear');
      if (plan === null || plan.parts.some(({ scale }) => scale.x !== 1 || scale.y !== 1)) return;
      unmeasured++;
      const scene = sceneGeometry(cog);
      const scale = measureScale(
        (xs, ys) => {
          for (let i = 0; i < xs.length; i++) {
            xs[i] = minX + (xs[i]! / SIZE) * width;
            ys[i] = maxY - (ys[i]! / SIZE) * width;
          }
          projectToPixels(scene, xs, ys, 1, 1, 0);
        },
        SIZE,
        SIZE,
      );
      expect(isWidened('bilinear', scale)).toBe(false);
    }),
    { numRuns: 4_000 },
  );
  expect(unmeasured).toBeGreaterThan(1_000);
}, 60_000);
