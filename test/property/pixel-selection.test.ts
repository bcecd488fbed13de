import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPixelSelection, PIXEL_SELECTION_NAMES } from '../../src/mosaic/pixel-selection/registry.ts';
import type { PixelSelectionName } from '../../src/mosaic/pixel-selection/registry.ts';
import { createSamples } from '../../src/raster/raster.ts';
import type { Dtype, Raster } from '../../src/raster/raster.ts';

const WIDTH = 3;
const HEIGHT = 2;
const SIZE = WIDTH * HEIGHT;
const BANDS = 2;

/** Rasters of one dtype, not all valid, some of them faint, in two orders. */
const STACKS = fc
  .constantFrom<Dtype[]>('uint8', 'int16', 'uint32')
  .chain((dtype) => {
    const values = fc.array(fc.integer({ min: dtype === 'int16' ? -9 : 0, max: 9 }), {
      minLength: SIZE,
      maxLength: SIZE,
    });
    const mask = fc.array(fc.constantFrom(0, 255, 255, 7), { minLength: SIZE, maxLength: SIZE });
    const raster = fc.record({ bands: fc.tuple(values, values), mask }).map(({ bands, mask }): Raster => {
      const samples = bands.map((band) => {
        const filled = createSamples(dtype, SIZE);
        filled.set(band);
        return filled;
      });
      return { width: WIDTH, height: HEIGHT, dtype, bands: samples, mask: Uint8Array.from(mask) };
    });
    return fc.array(raster, { minLength: 1, maxLength: 6 });
  })
  .chain((rasters) => fc.tuple(fc.constant(rasters), fc.shuffledSubarray(rasters, { minLength: rasters.length })));

function fold(name: PixelSelectionName, rasters: readonly Raster[], bandRule: 'pixel' | 'band'): Raster | null {
  const { dtype } = rasters[0]!;
  const shape = { width: WIDTH, height: HEIGHT, bandCount: BANDS, dtype };
  const selection = createPixelSelection(name, shape, { bandRule });
  for (const raster of rasters) selection.feed(structuredClone(raster), { col: 0, row: 0 });
  return selection.result();
}

describe('the order of the scenes', () => {
  test.each(['mean', 'median', 'sum', 'count'] as const)('changes nothing of %s', (name) => {
    fc.assert(
      fc.property(STACKS, ([one, other]) => {
        expect(fold(name, other, 'pixel')).toEqual(fold(name, one, 'pixel'));
      }),
    );
  });

  test.each(['highest', 'lowest'] as const)('changes nothing of %s, band by band', (name) => {
    fc.assert(
      fc.property(STACKS, ([one, other]) => {
        expect(fold(name, other, 'band')).toEqual(fold(name, one, 'band'));
      }),
    );
  });

  test.each(['highest', 'lowest'] as const)('only decides between equal pixels of %s', (name) => {
    const sums = (raster: Raster | null): readonly number[] =>
      Array.from({ length: SIZE }, (_, i) => raster?.bands.reduce((sum, band) => sum + band[i]!, 0) ?? 0);
    fc.assert(
      fc.property(STACKS, ([one, other]) => {
        expect(sums(fold(name, other, 'pixel'))).toEqual(sums(fold(name, one, 'pixel')));
      }),
    );
  });

  test('changes the stdev by no more than its last bits', () => {
    fc.assert(
      fc.property(STACKS, ([one, other]) => {
        const [a, b] = [fold('stdev', one, 'pixel'), fold('stdev', other, 'pixel')];
        expect(b?.mask).toEqual(a?.mask);
        const far = a?.bands.flatMap((band, n) =>
          [...band].filter((value, i) => Math.abs(value - b!.bands[n]![i]!) > 1e-12),
        );
        expect(far ?? []).toEqual([]);
      }),
    );
  });
});

describe('every pixel selection', () => {
  test.each(PIXEL_SELECTION_NAMES)('%s is valid exactly where a scene is', (name) => {
    fc.assert(
      fc.property(STACKS, ([rasters]) => {
        const mask = fold(name, rasters, 'pixel')?.mask ?? new Uint8Array(SIZE);
        const isValid = Array.from({ length: SIZE }, (_, i) => rasters.some((raster) => raster.mask[i]! > 0));
        expect(Array.from(mask, (alpha) => alpha > 0)).toEqual(isValid);
      }),
    );
  });

  test.each(['highest', 'lowest'] as const)('%s takes a pixel that one scene has', (name) => {
    fc.assert(
      fc.property(STACKS, ([rasters]) => {
        const result = fold(name, rasters, 'pixel');
        const isTaken = (i: number): boolean =>
          rasters.some(({ bands, mask }) => mask[i]! > 0 && bands.every((band, b) => band[i] === result?.bands[b]![i]));
        const valid = [...(result?.mask.keys() ?? [])].filter((i) => result!.mask[i]! > 0);
        expect(valid.filter((i) => !isTaken(i))).toEqual([]);
      }),
    );
  });

  test.each(['mean', 'median'] as const)('%s lies between lowest and highest', (name) => {
    fc.assert(
      fc.property(STACKS, ([rasters]) => {
        const [low, middle, high] = (['lowest', name, 'highest'] as const).map((each) => fold(each, rasters, 'band'));
        for (let i = 0; i < SIZE * BANDS; i++) {
          const at = (raster: Raster | null | undefined): number => raster?.bands[i % BANDS]?.[i >> 1] ?? 0;
          expect(at(low)).toBeLessThanOrEqual(at(middle));
          expect(at(middle)).toBeLessThanOrEqual(at(high));
        }
      }),
    );
  });
});
