import { describe, expect, test } from 'vitest';
import type { PixelSelectionOptions } from '../../../../src/mosaic/pixel-selection.ts';
import { createPixelSelection, pixelSelectionBytes } from '../../../../src/mosaic/pixel-selection/registry.ts';
import type { PixelSelectionName } from '../../../../src/mosaic/pixel-selection/registry.ts';
import { createSamples } from '../../../../src/raster/raster.ts';
import type { Dtype, Raster } from '../../../../src/raster/raster.ts';

const AT = { col: 0, row: 0 };
const NEVER = { signal: new AbortController().signal };

/** A raster of one pixel; null = not valid. */
function pixel(values: readonly number[] | null, dtype: Dtype = 'uint8', bandCount = 1, alpha = 255): Raster {
  const bands = Array.from({ length: values?.length ?? bandCount }, (_, b) => {
    const band = createSamples(dtype, 1);
    band[0] = values?.[b] ?? 0;
    return band;
  });
  return { width: 1, height: 1, dtype, bands, mask: Uint8Array.of(values === null ? 0 : alpha) };
}

/** The values of the mosaic of one pixel, of which `null` is one that is not valid. */
function fold(
  name: PixelSelectionName,
  pixels: readonly (readonly number[] | null)[],
  dtype: Dtype = 'uint8',
  options: Partial<PixelSelectionOptions> = {},
): readonly number[] | null {
  const bandCount = pixels.find((values) => values !== null)?.length ?? 1;
  const selection = createPixelSelection(name, { width: 1, height: 1, bandCount, dtype }, options);
  for (const values of pixels) selection.feed(pixel(values, dtype, bandCount), AT);
  return selection.result()?.bands.map((band) => band[0]!) ?? null;
}

describe('highest and lowest', () => {
  const bright = [10, 10, 10];
  const red = [20, 5, 0];
  const blue = [0, 0, 31];

  test('take all bands from the scene whose bands have the greatest or the least sum', () => {
    expect(fold('highest', [red, bright, null])).toEqual(bright);
    expect(fold('highest', [red, bright, blue])).toEqual(blue);
    expect(fold('lowest', [bright, null, blue, red])).toEqual(red);
  });

  test('band by band, make a pixel of several scenes', () => {
    expect(fold('highest', [red, bright, blue], 'uint8', { bandRule: 'band' })).toEqual([20, 10, 31]);
    expect(fold('lowest', [red, bright, blue], 'uint8', { bandRule: 'band' })).toEqual([0, 0, 0]);
  });

  test('of equal pixels take the earlier', () => {
    expect(
      fold('highest', [
        [1, 2, 3],
        [3, 2, 1],
      ]),
    ).toEqual([1, 2, 3]);
    expect(
      fold('lowest', [
        [3, 2, 1],
        [1, 2, 3],
      ]),
    ).toEqual([3, 2, 1]);
  });

  test('do not let sums overflow, and order negative values', () => {
    expect(
      fold('highest', [
        [255, 255, 1],
        [255, 255, 2],
      ]),
    ).toEqual([255, 255, 2]);
    expect(fold('lowest', [[-5], [-32_768], [0]], 'int16')).toEqual([-32_768]);
    expect(fold('highest', [[-5], [-32_768]], 'int16')).toEqual([-5]);
  });

  test('never prefer NaN to a number', () => {
    for (const name of ['highest', 'lowest'] as const) {
      expect(fold(name, [[NaN], [1]], 'float32')).toEqual([1]);
      expect(fold(name, [[1], [NaN]], 'float32')).toEqual([1]);
      expect(
        fold(
          name,
          [
            [NaN, 1],
            [2, 2],
          ],
          'float64',
        ),
      ).toEqual([2, 2]);
    }
  });

  test('say whether a scene gave anything', () => {
    const selection = createPixelSelection('highest', { width: 1, height: 1, bandCount: 1, dtype: 'uint8' });
    const fed = [[5], [5], [4], [6], null].map((values) => selection.feed(pixel(values), AT));
    expect(fed).toEqual([true, false, false, true, false]);
  });

  test('carry the greatest alpha: a faint winner makes no hole', () => {
    const selection = createPixelSelection('highest', { width: 1, height: 1, bandCount: 1, dtype: 'uint8' });
    selection.feed(pixel([5]), AT);
    selection.feed(pixel([9], 'uint8', 1, 10), AT);
    expect([selection.result()?.bands[0]?.[0], selection.result()?.mask[0]]).toEqual([9, 255]);
  });
});

describe('lastBandHigh and lastBandLow', () => {
  const scenes = [[1, 2, 50], null, [3, 4, 90], [5, 6, 90], [7, 8, 20]];

  test('take the pixel by its last band and drop that; of equal ones the earlier', () => {
    expect(fold('lastBandHigh', scenes)).toEqual([3, 4]);
    expect(fold('lastBandLow', scenes)).toEqual([7, 8]);
  });

  test('never prefer NaN to a number', () => {
    expect(
      fold(
        'lastBandHigh',
        [
          [1, NaN],
          [2, -9],
        ],
        'float32',
      ),
    ).toEqual([2]);
    expect(
      fold(
        'lastBandLow',
        [
          [2, 9],
          [1, NaN],
        ],
        'float32',
      ),
    ).toEqual([2]);
  });

  test('need a band that is left', () => {
    expect(() => fold('lastBandHigh', [[1]])).toThrow(/lastBandHigh: .* need 2 bands or more, found 1/);
  });
});

describe('mean, median, stdev, sum and count', () => {
  test('round half up, where rio-tiler truncates', () => {
    expect(fold('mean', [[1, 7], [2, 8], null])).toEqual([2, 8]);
    expect(fold('mean', [[-1], [-2]], 'int16')).toEqual([-1]);
    expect(fold('median', [[1, 7], [2, 8], null])).toEqual([2, 8]);
    expect(fold('median', [[-1], [-2]], 'int16')).toEqual([-1]);
    expect(fold('mean', [[1], [1], [2]])).toEqual([1]);
  });

  test('do not round floats', () => {
    expect(fold('mean', [[1], [2]], 'float32')).toEqual([1.5]);
    expect(fold('median', [[4], [1], [2], [1.5]], 'float64')).toEqual([1.75]);
  });

  test('the median is the middle of an odd number, band by band', () => {
    expect(
      fold('median', [
        [9, 1],
        [1, 5],
        [5, 9],
      ]),
    ).toEqual([5, 5]);
    const many = Array.from({ length: 301 }, (_, n) => [((n * 7919) % 301) + 10]);
    expect(fold('median', many, 'uint16')).toEqual([160]);
    expect(fold('median', many.slice(0, 41), 'int32')).toEqual([
      many
        .slice(0, 41)
        .map(([value]) => value!)
        .sort((a, b) => a - b)[20],
    ]);
  });

  test.each([24, 25, 26, 60, 127, 200])('the median of %i values is that of all in order', (count) => {
    for (const steps of [2, 16, 251, 65_521]) {
      const values = Array.from({ length: count }, (_, n) => (n * 48_271 + ((n * n) % 89)) % steps);
      const ordered = values.toSorted((a, b) => a - b);
      const middle = (ordered[(count - 1) >> 1]! + ordered[count >> 1]!) / 2;
      const pixels = values.map((value) => [value]);
      expect(fold('median', pixels, 'float64')).toEqual([middle]);
      expect(fold('median', pixels, 'uint16')).toEqual([Math.floor(middle + 0.5)]);
    }
  });

  test('of any dtype keep its limits', () => {
    for (const [dtype, low, high] of [
      ['uint8', 0, 255],
      ['int8', -128, 127],
      ['uint16', 0, 65_535],
      ['int16', -32_768, 32_767],
      ['uint32', 0, 4_294_967_295],
      ['int32', -2_147_483_648, 2_147_483_647],
    ] as const) {
      for (const value of [low, high]) {
        const same = Array.from({ length: 300 }, () => [value]);
        expect([dtype, fold('mean', same, dtype), fold('median', same, dtype), fold('stdev', same, dtype)]).toEqual([
          dtype,
          [value],
          [value],
          [0],
        ]);
        expect(fold('sum', same, dtype)).toEqual([300 * value]);
      }
    }
  });

  test('the stdev is that of the population, without loss where the spread is small', () => {
    expect(fold('stdev', [[2], [4], [4], [4], [5], [5], [7], [9]])).toEqual([2]);
    expect(fold('stdev', [[1e9], [1e9 + 1]], 'float64')).toEqual([0.5]);
    expect(fold('stdev', [[3]])).toEqual([0]);
  });

  test('the count is one band of uint16, and not valid where it is 0', () => {
    expect(fold('count', [[1, 2, 3], null, [0, 0, 0]])).toEqual([2]);
    expect(fold('count', [null, null])).toBeNull();
    expect(
      fold(
        'count',
        Array.from({ length: 300 }, () => [1]),
      ),
    ).toEqual([300]);
  });

  test('a NaN in a valid pixel is told, not hidden', () => {
    for (const name of ['mean', 'median', 'sum', 'stdev'] as const) {
      expect(
        fold(
          name,
          [
            [1, 5],
            [NaN, 5],
            [2, 5],
          ],
          'float32',
        )?.[0],
      ).toBeNaN();
    }
  });

  test('refuse more scenes than their counters hold', () => {
    const selection = createPixelSelection('count', { width: 1, height: 1, bandCount: 1, dtype: 'uint8' });
    const raster = pixel([1]);
    for (let n = 0; n < 65_535; n++) selection.feed(raster, AT);
    expect(selection.result()?.bands[0]?.[0]).toBe(65_535);
    expect(() => selection.feed(raster, AT)).toThrow(expect.objectContaining({ code: 'MOSAIC_TOO_MANY_ASSETS' }));
  });
});

describe('a median that has no room', () => {
  const shape = { width: 8, height: 6, bandCount: 2, dtype: 'uint16' } as const;
  const rasters = Array.from({ length: 7 }, (_, n): Raster => {
    const bands = [0, 1].map((b) => Uint16Array.from({ length: 48 }, (_, i) => (i * 31 + n * 17 + b * 7) % 97));
    return { ...shape, bands, mask: Uint8Array.from({ length: 48 }, (_, i) => ((i + n) % 3 === 0 ? 0 : 255)) };
  });

  async function passes(maxBytes: number): Promise<{ readonly count: number; readonly result: Raster | null }> {
    const selection = createPixelSelection('median', shape, { maxScenes: rasters.length, maxBytes });
    for (let count = 1; ; count++) {
      for (const raster of rasters) selection.feed(raster, AT);
      if (!(await selection.nextPass(NEVER))) return { count, result: selection.result() };
    }
  }

  test('is made in as many passes as it takes, with the same values', async () => {
    const whole = await passes(Infinity);
    expect(whole.count).toBe(1);
    // The mosaic takes 48 pixels of 5 bytes, one row of all scenes 7 * 8 pixels.
    for (const [rows, count] of [
      [1, 6],
      [2, 3],
      [4, 2],
      [6, 1],
    ] as const) {
      const maxBytes = (48 + rows * 56) * 5;
      expect(await passes(maxBytes)).toEqual({ count, result: whole.result });
      const options = { bandRule: 'pixel', maxScenes: 7, maxBytes } as const;
      expect(pixelSelectionBytes('median', shape, options)).toBe(maxBytes);
    }
  });

  test('without room for a row is refused', () => {
    const create = (): unknown => createPixelSelection('median', shape, { maxScenes: 7, maxBytes: 519 });
    expect(create).toThrow(expect.objectContaining({ code: 'MOSAIC_TOO_MANY_ASSETS' }));
    expect(create).toThrow('median of up to 7 scenes: one row of 8 pixels takes 280 bytes');
  });

  test('ends on an abort', async () => {
    const selection = createPixelSelection('median', shape, {});
    selection.feed(rasters[0]!, AT);
    await expect(selection.nextPass({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
  });
});

test('the bytes that selections hold do not grow with the scenes, the median apart', () => {
  const shape = { width: 10, height: 10, bandCount: 3, dtype: 'uint8' } as const;
  const bytes = (name: PixelSelectionName, maxScenes: number): number =>
    pixelSelectionBytes(name, shape, { bandRule: 'pixel', maxScenes, maxBytes: 10_000 }) / 100;
  const names = ['first', 'highest', 'lastBandLow', 'mean', 'stdev', 'sum', 'count'] as const;
  expect(names.map((name) => bytes(name, 1))).toEqual([4, 4, 4, 15, 51, 25, 3]);
  expect(names.map((name) => bytes(name, 1000))).toEqual(names.map((name) => bytes(name, 1)));
  expect([bytes('median', 2), bytes('median', 20), bytes('median', 200)]).toEqual([12, 84, 84]);
});
