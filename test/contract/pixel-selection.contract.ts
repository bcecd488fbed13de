import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CreatePixelSelection, PixelSelection } from '../../src/mosaic/pixel-selection.ts';
import type { Raster } from '../../src/raster/raster.ts';

const WIDTH = 4;
const HEIGHT = 3;
const SHAPE = { width: WIDTH, height: HEIGHT, bandCount: 2, dtype: 'uint8' } as const;
const AT = { col: 0, row: 0 };
const PIXELS = Array.from({ length: WIDTH * HEIGHT }, (_, i) => i);

/** A raster of the shape whose pixels are 0 to 9 and valid, half transparent or not valid. */
const RASTER = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.constantFrom(0, 255, 255, 128)), {
    minLength: WIDTH * HEIGHT,
    maxLength: WIDTH * HEIGHT,
  })
  .map((pixels): Raster => {
    const values = Uint8Array.from(pixels, ([value]) => value);
    const mask = Uint8Array.from(pixels, ([, alpha]) => alpha);
    return { width: WIDTH, height: HEIGHT, dtype: 'uint8', bands: [values, values.map((v) => v + 100)], mask };
  });

/** What every pixel selection promises. */
export function describePixelSelection(name: string, create: CreatePixelSelection): void {
  const fold = (rasters: readonly Raster[]): PixelSelection => {
    const selection = create(SHAPE);
    for (const raster of rasters) selection.feed(raster, AT);
    return selection;
  };

  describe(`pixel selection: ${name}`, () => {
    test('of nothing is null, and is not done', () => {
      expect(create(SHAPE).result()).toBeNull();
      expect(create(SHAPE).isDone()).toBe(false);
    });

    test('never invents a valid pixel', () => {
      fc.assert(
        fc.property(fc.array(RASTER, { maxLength: 4 }), (rasters) => {
          const result = fold(rasters).result();
          const invented = PIXELS.filter((i) => rasters.every(({ mask }) => mask[i] === 0) && result?.mask[i]);
          expect(invented).toEqual([]);
        }),
      );
    });

    test('loses no valid pixel', () => {
      fc.assert(
        fc.property(fc.array(RASTER, { minLength: 1, maxLength: 4 }), (rasters) => {
          const result = fold(rasters).result();
          const lost = PIXELS.filter((i) => rasters.some(({ mask }) => mask[i] !== 0) && !result?.mask[i]);
          expect(lost).toEqual([]);
        }),
      );
    });

    test('gives the same for the same rasters in the same order, and leaves them as they are', () => {
      fc.assert(
        fc.property(fc.array(RASTER, { maxLength: 4 }), (rasters) => {
          const before = structuredClone(rasters);
          expect(fold(rasters).result()).toEqual(fold(rasters).result());
          expect(rasters).toEqual(before);
        }),
      );
    });

    test('once done, nothing changes it any more', () => {
      fc.assert(
        fc.property(fc.array(RASTER, { maxLength: 8 }), RASTER, (rasters, more) => {
          const selection = fold(rasters);
          if (!selection.isDone()) return;
          const before = structuredClone(selection.result());
          expect(selection.feed(more, AT)).toBe(false);
          expect(selection.result()).toEqual(before);
        }),
      );
    });

    test('keeps 0 under mask 0', () => {
      fc.assert(
        fc.property(fc.array(RASTER, { maxLength: 3 }), (rasters) => {
          const result = fold(rasters).result();
          const hidden = PIXELS.filter((i) => result?.mask[i] === 0);
          expect(hidden.filter((i) => result?.bands.some((band) => band[i] !== 0))).toEqual([]);
        }),
      );
    });

    test('puts a smaller raster where it belongs', () => {
      const selection = create(SHAPE);
      const piece: Raster = {
        width: 2,
        height: 1,
        dtype: 'uint8',
        bands: [Uint8Array.of(7, 8), Uint8Array.of(9, 10)],
        mask: Uint8Array.of(255, 255),
      };
      expect(selection.feed(piece, { col: 2, row: 1 })).toBe(true);
      const result = selection.result()!;
      expect([...result.mask]).toEqual([0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0]);
      expect([...result.bands[1]!]).toEqual([0, 0, 0, 0, 0, 0, 9, 10, 0, 0, 0, 0]);
    });

    test.each([
      { at: { col: 1, row: 0 }, change: {} },
      { at: { col: 0, row: -1 }, change: {} },
      { at: AT, change: { dtype: 'uint16' as const } },
      { at: AT, change: { bands: [] } },
    ])('refuses a raster that does not fit: $at $change', ({ at, change }) => {
      const size = WIDTH * HEIGHT;
      const fitting: Raster = {
        width: WIDTH,
        height: HEIGHT,
        dtype: 'uint8',
        bands: [new Uint8Array(size), new Uint8Array(size)],
        mask: new Uint8Array(size),
      };
      expect(() => create(SHAPE).feed({ ...fitting, ...change }, at)).toThrow(RangeError);
    });
  });
}
