import { describe, expect, test } from 'vitest';
import { createFirst } from '../../../../src/mosaic/pixel-selection/first.ts';
import type { Raster, Samples } from '../../../../src/raster/raster.ts';

const AT = { col: 0, row: 0 };

function raster(bands: readonly Samples[], mask: readonly number[], dtype: Raster['dtype'] = 'uint8'): Raster {
  return { width: mask.length, height: 1, dtype, bands, mask: Uint8Array.from(mask) };
}

describe('first', () => {
  test('takes all bands of a pixel from one scene', () => {
    const selection = createFirst({ width: 2, height: 1, bandCount: 3, dtype: 'uint8' });
    // The first band of the upper scene is nodata's value at a pixel that is valid: it stays.
    selection.feed(raster([Uint8Array.of(0, 9), Uint8Array.of(10, 9), Uint8Array.of(10, 9)], [255, 0]), AT);
    selection.feed(raster([Uint8Array.of(200, 1), Uint8Array.of(201, 2), Uint8Array.of(202, 3)], [255, 255]), AT);
    expect(selection.result()?.bands.map((band) => [...band])).toEqual([
      [0, 1],
      [10, 2],
      [10, 3],
    ]);
  });

  test('depends on the order', () => {
    const one = raster([Uint8Array.of(1)], [255]);
    const two = raster([Uint8Array.of(2)], [255]);
    const fold = (rasters: readonly Raster[]): number | undefined => {
      const selection = createFirst({ width: 1, height: 1, bandCount: 1, dtype: 'uint8' });
      for (const each of rasters) selection.feed(structuredClone(each), AT);
      return selection.result()?.bands[0]?.[0];
    };
    expect([fold([one, two]), fold([two, one])]).toEqual([1, 2]);
  });

  test('is done when every pixel is valid, and not before', () => {
    const selection = createFirst({ width: 3, height: 1, bandCount: 1, dtype: 'uint8' });
    const steps = [
      [255, 0, 0],
      [255, 255, 0],
      [0, 255, 0],
      [0, 0, 255],
    ].map((mask) => [selection.feed(raster([Uint8Array.of(1, 1, 1)], mask), AT), selection.isDone()]);
    expect(steps).toEqual([
      [true, false],
      [true, false],
      [false, false],
      [true, true],
    ]);
  });

  test('lays a partly transparent pixel over what lies below, by coverage', () => {
    const selection = createFirst({ width: 3, height: 1, bandCount: 1, dtype: 'uint8' });
    selection.feed(raster([Uint8Array.of(200, 200, 200)], [51, 51, 51]), AT);
    expect(selection.isDone()).toBe(false);
    selection.feed(raster([Uint8Array.of(100, 100, 100)], [255, 51, 0]), AT);
    const result = selection.result()!;
    // 0.2 over 1: 200·0.2 + 100·0.8 = 120. 0.2 over 0.2: alpha 0.36, (40 + 100·0.16) / 0.36 = 155.6.
    expect([...result.bands[0]!]).toEqual([120, 156, 200]);
    expect([...result.mask]).toEqual([255, 92, 51]);
  });

  test.each(['uint16', 'int16', 'float32'] as const)('keeps the values of %s', (dtype) => {
    const values = { uint16: Uint16Array.of(65_535), int16: Int16Array.of(-32_768), float32: Float32Array.of(-0.25) };
    const selection = createFirst({ width: 1, height: 1, bandCount: 1, dtype });
    selection.feed(raster([values[dtype]], [255], dtype), AT);
    expect(selection.result()?.bands[0]).toEqual(values[dtype]);
    expect(selection.result()?.dtype).toBe(dtype);
  });

  test('blends floats without rounding, and integers half up', () => {
    const floats = createFirst({ width: 1, height: 1, bandCount: 1, dtype: 'float64' });
    floats.feed(raster([Float64Array.of(1)], [51], 'float64'), AT);
    floats.feed(raster([Float64Array.of(2)], [255], 'float64'), AT);
    expect(floats.result()?.bands[0]?.[0]).toBeCloseTo(1.8, 12);
    const integers = createFirst({ width: 1, height: 1, bandCount: 1, dtype: 'int16' });
    integers.feed(raster([Int16Array.of(-1)], [51], 'int16'), AT);
    integers.feed(raster([Int16Array.of(-2)], [255], 'int16'), AT);
    expect(integers.result()?.bands[0]?.[0]).toBe(-2);
  });
});
