import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { halve, halvingOf } from '../../../src/raster/halve.ts';
import type { Halving } from '../../../src/raster/halve.ts';
import { createSamples } from '../../../src/raster/raster.ts';
import type { Dtype, Raster } from '../../../src/raster/raster.ts';

/** One band of 2 x 2 pixels. */
function square(
  values: readonly number[],
  mask: readonly number[] = [255, 255, 255, 255],
  dtype: Dtype = 'uint8',
): Raster {
  const band = createSamples(dtype, 4);
  band.set(values);
  return { width: 2, height: 2, dtype, bands: [band], mask: Uint8Array.from(mask) };
}

function pixelOf(raster: Raster, halving: Halving): readonly [value: number, alpha: number] {
  const { bands, mask, width, height } = halve(raster, halving);
  expect([width, height]).toEqual([1, 1]);
  return [bands[0]![0]!, mask[0]!];
}

test('kernels that weigh average; the others stay themselves', () => {
  expect((['bilinear', 'cubic', 'lanczos', 'average'] as const).map(halvingOf)).toEqual(Array(4).fill('average'));
  expect((['nearest', 'mode', 'min', 'max', 'median'] as const).map(halvingOf)).toEqual([
    'nearest',
    'mode',
    'min',
    'max',
    'median',
  ]);
});

describe('average', () => {
  test('is the mean, rounded half up', () => {
    expect(pixelOf(square([1, 2, 2, 1]), 'average')).toEqual([2, 255]);
    expect(pixelOf(square([1, 1, 1, 2]), 'average')).toEqual([1, 255]);
    expect(pixelOf(square([-1, -2, -2, -1], undefined, 'int16'), 'average')).toEqual([-1, 255]);
    expect(pixelOf(square([1, 1, 1, 2], undefined, 'float32'), 'average')).toEqual([1.25, 255]);
  });

  test('leaves out what is not valid, and fades by how much that is', () => {
    expect(pixelOf(square([10, 99, 99, 20], [255, 0, 0, 255]), 'average')).toEqual([15, 128]);
    expect(pixelOf(square([10, NaN, NaN, NaN], [255, 0, 0, 0], 'float64'), 'average')).toEqual([10, 64]);
    expect(pixelOf(square([1, 2, 3, 4], [0, 0, 0, 0]), 'average')).toEqual([0, 0]);
  });

  test('weighs by alpha, and a trace of alpha stays one', () => {
    expect(pixelOf(square([0, 100, 0, 0], [50, 150, 0, 0]), 'average')).toEqual([75, 50]);
    expect(pixelOf(square([7, 0, 0, 0], [1, 0, 0, 0]), 'average')).toEqual([7, 1]);
  });
});

test('the others give one of the four, as opaque as the most opaque', () => {
  expect(pixelOf(square([1, 2, 3, 4]), 'nearest')).toEqual([4, 255]);
  expect(pixelOf(square([1, 2, 3, 4], [0, 90, 255, 0]), 'nearest')).toEqual([2, 255]);
  expect(pixelOf(square([5, 9, 9, 5]), 'mode')).toEqual([5, 255]);
  expect(pixelOf(square([5, 9, 9, 7]), 'mode')).toEqual([9, 255]);
  expect(pixelOf(square([5, 9, 9, 7], [255, 255, 0, 0]), 'mode')).toEqual([5, 255]);
  expect(pixelOf(square([5, 9, 1, 7]), 'min')).toEqual([1, 255]);
  expect(pixelOf(square([5, 9, 1, 7], [10, 0, 0, 20]), 'max')).toEqual([7, 20]);
  expect(pixelOf(square([4, 1, 3, 2]), 'median')).toEqual([2, 255]);
  expect(pixelOf(square([4, 1, 3, 2], [255, 0, 255, 255]), 'median')).toEqual([3, 255]);
});

test('odd sides are refused', () => {
  const raster = { width: 3, height: 2, dtype: 'uint8', bands: [new Uint8Array(6)], mask: new Uint8Array(6) } as const;
  expect(() => halve(raster, 'average')).toThrow('Halving 3 x 2 pixels');
});

/** Pixel by pixel and as plainly as it can be said; another way than the code goes. */
function plainly({ width, bands, mask }: Raster, column: number, row: number): readonly number[] {
  const at = [0, 1, width, width + 1].map((offset) => 2 * row * width + 2 * column + offset);
  const weights = at.map((i) => mask[i]!);
  const weight = weights.reduce((sum, one) => sum + one, 0);
  const mean = (band: Raster['bands'][number]): number =>
    weight === 0 ? 0 : Math.floor(at.reduce((sum, i, n) => sum + band[i]! * weights[n]!, 0) / weight + 0.5);
  return [...bands.map(mean), weight === 0 ? 0 : Math.max(1, Math.floor(weight / 4 + 0.5))];
}

test('rasters of any even size and mask are averaged pixel by pixel', () => {
  const side = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(16, 17, 33)).map((half) => half * 2);
  const dtypes = fc.constantFrom<Dtype>('uint8', 'uint16', 'int16');
  const stream = fc.infiniteStream(fc.nat({ max: 65_535 }));
  const alphas = fc.constantFrom([255], [0, 255], [0, 1, 128, 255]);
  fc.assert(
    fc.property(side, side, alphas, dtypes, stream, (width, height, known, dtype, values) => {
      const next = (): number => values.next().value as number;
      const length = width * height;
      const bands = [0, 1, 2].map(() => createSamples(dtype, length).map(next));
      const mask = Uint8Array.from({ length }, () => known[next() % known.length]!);
      const raster: Raster = { width, height, dtype, bands, mask };
      const half = halve(raster, 'average');
      for (let row = 0, i = 0; row < height / 2; row++) {
        for (let column = 0; column < width / 2; column++, i++) {
          expect([...half.bands.map((band) => band[i]!), half.mask[i]]).toEqual(plainly(raster, column, row));
        }
      }
    }),
    { numRuns: 60 },
  );
});

/** What each halving picks of valid values in reading order, but nearest, which begins with the last of four. */
const PICKED: Readonly<Record<'nearest' | 'min' | 'max' | 'median' | 'mode', (values: number[]) => number>> = {
  nearest: (values) => values[0]!,
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
  median: (values) => values.toSorted((a, b) => a - b)[(values.length - 1) >> 1]!,
  mode: (values) => {
    const counts = values.map((value) => values.filter((other) => other === value).length);
    return values[counts.indexOf(Math.max(...counts))]!;
  },
};

test('classes of any even size and mask are picked pixel by pixel', () => {
  const side = fc.integer({ min: 1, max: 9 }).map((half) => half * 2);
  const halving = fc.constantFrom(...(Object.keys(PICKED) as (keyof typeof PICKED)[]));
  const values = fc.infiniteStream(fc.nat({ max: 2 }));
  fc.assert(
    fc.property(side, side, halving, values, fc.boolean(), (width, height, name, stream, masked) => {
      const next = (): number => stream.next().value as number;
      const length = width * height;
      const band = Uint8Array.from({ length }, next);
      const mask = Uint8Array.from({ length }, () => (masked ? next() * 100 : 255));
      const half = halve({ width, height, dtype: 'uint8', bands: [band], mask }, name);
      for (let i = 0; i < half.mask.length; i++) {
        const at = 2 * Math.floor((2 * i) / width) * width + ((2 * i) % width);
        const order = name === 'nearest' ? [width + 1, 0, 1, width] : [0, 1, width, width + 1];
        const valid = order.filter((offset) => mask[at + offset]! > 0).map((offset) => band[at + offset]!);
        const alpha = Math.max(...order.map((offset) => mask[at + offset]!));
        expect([half.bands[0]![i], half.mask[i]]).toEqual([valid.length === 0 ? 0 : PICKED[name](valid), alpha]);
      }
    }),
    { numRuns: 100 },
  );
});

test('nearest of bytes, in WebAssembly, is that of other samples', () => {
  const shape = fc.record({
    width: fc.integer({ min: 1, max: 50 }).map((half) => 2 * half),
    height: fc.integer({ min: 1, max: 4 }).map((half) => 2 * half),
    seed: fc.integer({ min: 0, max: 2 ** 31 }),
  });
  fc.assert(
    fc.property(shape, ({ width, height, seed }) => {
      let state = seed;
      const next = (): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) >>> 16;
      const values = Uint8Array.from({ length: width * height }, () => next() & 255);
      const alphas = Uint8Array.from({ length: width * height }, () => [0, 0, 255, 9][next() & 3]!);
      for (const mask of [alphas, new Uint8Array(values.length).fill(255), new Uint8Array(values.length)]) {
        const bytes: Raster = { width, height, dtype: 'uint8', bands: [values, alphas], mask };
        const words: Raster = {
          ...bytes,
          dtype: 'int16',
          bands: [values, alphas].map((band) => Int16Array.from(band)),
        };
        const [half, expected] = [halve(bytes, 'nearest'), halve(words, 'nearest')];
        expect(half.bands.map((band) => [...band])).toEqual(expected.bands.map((band) => [...band]));
        expect(half.mask).toEqual(expected.mask);
      }
    }),
  );
});
