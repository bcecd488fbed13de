import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MosaicShape, PixelSelection, PixelSelectionOptions } from '../../src/mosaic/pixel-selection.ts';
import type { Raster } from '../../src/raster/raster.ts';

const WIDTH = 4;
const HEIGHT = 3;
const SHAPE = { width: WIDTH, height: HEIGHT, bandCount: 2, dtype: 'uint8' } as const;
const AT = { col: 0, row: 0 };
const NEVER = { signal: new AbortController().signal };
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

export interface PixelSelectionCase {
  readonly create: (shape: MosaicShape, options?: Partial<PixelSelectionOptions>) => PixelSelection;
  /** What becomes of the values of a pixel, band by band, that one scene alone has. Default: they stay. */
  readonly alone?: (values: readonly number[]) => readonly number[];
}

/** A raster of the shape in which every pixel has one alpha. */
function piece(alpha: number): Raster {
  const size = WIDTH * HEIGHT;
  const bands = [new Uint8Array(size).fill(7), new Uint8Array(size).fill(9)];
  return { width: WIDTH, height: HEIGHT, dtype: 'uint8', bands, mask: new Uint8Array(size).fill(alpha) };
}

/** What every pixel selection promises. */
export function describePixelSelection(name: string, { create, alone = (values) => values }: PixelSelectionCase): void {
  const fold = (rasters: readonly Raster[]): PixelSelection => {
    const selection = create(SHAPE);
    for (const raster of rasters) selection.feed(structuredClone(raster), AT);
    return selection;
  };

  /** Feeds all rasters once more for as long as the selection asks for it. */
  const foldInPasses = async (
    rasters: readonly Raster[],
    options: Partial<PixelSelectionOptions>,
  ): Promise<{ readonly result: Raster | null; readonly passes: number }> => {
    const selection = create(SHAPE, { maxScenes: rasters.length, ...options });
    for (let passes = 1; ; passes++) {
      for (const raster of rasters) selection.feed(structuredClone(raster), AT);
      if (!(await selection.nextPass(NEVER))) return { result: selection.result(), passes };
    }
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

    test('gives the same for the same rasters in the same order', () => {
      fc.assert(
        fc.property(fc.array(RASTER, { maxLength: 4 }), (rasters) => {
          expect(fold(rasters).result()).toEqual(fold(rasters).result());
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
      const small: Raster = {
        width: 2,
        height: 1,
        dtype: 'uint8',
        bands: [Uint8Array.of(7, 8), Uint8Array.of(9, 10)],
        mask: Uint8Array.of(255, 255),
      };
      expect(selection.feed(small, { col: 2, row: 1 })).toBe(true);
      const result = selection.result()!;
      expect([...result.mask]).toEqual([0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0]);
      const valuesAt = (i: number): readonly number[] => result.bands.map((band) => band[i]!);
      expect([valuesAt(6), valuesAt(7)]).toEqual([alone([7, 9]), alone([8, 10])]);
      for (const band of result.bands) {
        expect(band).toHaveLength(WIDTH * HEIGHT);
        expect(PIXELS.filter((i) => band[i] !== 0 && i !== 6 && i !== 7)).toEqual([]);
      }
    });

    test('makes a mosaic of one dtype, with bands of that type', () => {
      const result = fold([piece(255)]).result()!;
      const types = new Set(result.bands.map((band) => band.constructor.name.replace('Array', '').toLowerCase()));
      expect([...types]).toEqual([result.dtype]);
      expect([result.width, result.height, result.mask.length]).toEqual([WIDTH, HEIGHT, WIDTH * HEIGHT]);
    });

    test('a faint pixel is valid, and no mosaic is fainter than what it was made of', () => {
      for (const order of [
        [1, 200],
        [200, 1],
      ]) {
        const mask = fold(order.map(piece)).result()!.mask;
        expect(Math.min(...mask)).toBeGreaterThanOrEqual(200);
      }
    });

    test('gives the same in one pass or several', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(RASTER, { minLength: 1, maxLength: 5 }), async (rasters) => {
          const { result, passes } = await foldInPasses(rasters, {});
          expect(result).toEqual(fold(rasters).result());
          expect(passes).toBe(1);
          // Room for the mosaic and one row of each: in all rules but one, more than they need.
          const maxBytes = 3 * (WIDTH * HEIGHT + WIDTH * rasters.length);
          expect((await foldInPasses(rasters, { maxBytes })).result).toEqual(result);
        }),
        { numRuns: 30 },
      );
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
