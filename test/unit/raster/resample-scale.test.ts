import { describe, expect, test } from 'vitest';
import type { Project } from '../../../src/raster/inverse-mapping.ts';
import { measureScale, measureSeparableScale } from '../../../src/raster/resample-scale.ts';

function linear(a: number, b: number, c: number, d: number): Project {
  return (xs, ys) => {
    for (let i = 0; i < xs.length; i++) [xs[i], ys[i]] = [a * xs[i]! + b * ys[i]!, c * xs[i]! + d * ys[i]!];
  };
}

describe('measureScale', () => {
  test('counts destination pixels per source pixel along either axis', () => {
    const { x, y } = measureScale(linear(2.5, 0, 0, -0.5), 256, 256);
    expect(x).toBeCloseTo(0.4, 12);
    expect(y).toBeCloseTo(2, 12);
  });

  test('takes a reduction that is nearly whole as whole', () => {
    expect(measureScale(linear(2.04, 0, 0, 1.03), 256, 256)).toEqual({ x: 0.5, y: 1 });
    const { x, y } = measureScale(linear(2.06, 0, 0, 1.06), 256, 256);
    expect(x).toBeCloseTo(1 / 2.06, 12);
    expect(y).toBeCloseTo(1 / 1.06, 12);
  });

  test('goes by the area where the image is turned', () => {
    const { x, y } = measureScale(linear(2, -1.5, 1.5, 2), 64, 64);
    expect(x).toBeCloseTo(0.4, 12);
    expect(y).toBeCloseTo(0.4, 12);
  });

  test('leaves out squares that straddle a discontinuity and positions without an image', () => {
    const torn: Project = (xs) => {
      for (let i = 0; i < xs.length; i++) xs[i] = xs[i]! >= 100 ? xs[i]! * 4 + 1e7 : xs[i]! * 4;
    };
    expect(measureScale(torn, 180, 180).x).toBeCloseTo(0.25, 6);
    expect(measureScale((xs) => void xs.fill(Number.NaN), 256, 256)).toEqual({ x: 1, y: 1 });
  });
});

test.each([
  [256, 256],
  [7, 300],
  [1, 1],
  [1, 40],
])('measureSeparableScale gives every bit of measureScale, over %i x %i pixels', (width, height) => {
  const curved: Project = (xs, ys) => {
    for (let i = 0; i < xs.length; i++) [xs[i], ys[i]] = [Math.atan(xs[i]! / 300) * 977, Math.exp(ys[i]! / 211) * 3.7];
  };
  expect(measureSeparableScale(curved, width, height)).toEqual(measureScale(curved, width, height));
});
