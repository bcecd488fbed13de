import { expect, test } from 'vitest';
import { apply, compose, IDENTITY, invert, scale, translate } from '../../../src/geo/affine.ts';
import type { Affine } from '../../../src/geo/affine.ts';

/** Sentinel-2, 10 m. */
const TRANSFORM: Affine = [10, 0, 499_980, 0, -10, 5_100_000];

test('pixel corners go to CRS coordinates', () => {
  expect(apply(TRANSFORM, 0, 0)).toEqual([499_980, 5_100_000]);
  expect(apply(TRANSFORM, 0.5, 2)).toEqual([499_985, 5_099_980]);
});

test('the inverse goes back', () => {
  expect(apply(invert(TRANSFORM) ?? IDENTITY, 500_080, 5_099_900)).toEqual([10, 10]);
});

test('a transform that squeezes the plane into a line has no inverse', () => {
  expect(invert([1, 2, 0, 2, 4, 0])).toBeNull();
  expect(invert([Number.NaN, 0, 0, 0, 1, 0])).toBeNull();
});

test('compose does the inner one first', () => {
  expect(apply(compose(translate(5, 7), scale(2, 3)), 1, 1)).toEqual([7, 10]);
  expect(apply(compose(scale(2, 3), translate(5, 7)), 1, 1)).toEqual([12, 24]);
});

test('a window and an overview of a raster', () => {
  expect(compose(TRANSFORM, translate(100, 200))).toEqual([10, 0, 500_980, 0, -10, 5_098_000]);
  expect(compose(TRANSFORM, scale(2, 2))).toEqual([20, 0, 499_980, 0, -20, 5_100_000]);
  expect(compose(TRANSFORM, IDENTITY)).toEqual(TRANSFORM);
});
