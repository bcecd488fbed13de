import { expect, test } from 'vitest';
import { isWidened } from '../../../src/raster/resample.ts';

test('kernels are stretched from a reduction of a half on', () => {
  expect(isWidened('bilinear', { x: 0.5, y: 1 })).toBe(true);
  expect(isWidened('cubic', { x: 1, y: 0.51 })).toBe(false);
  expect(isWidened('lanczos', { x: 2, y: 2 })).toBe(true);
  expect(isWidened('average', { x: 0.1, y: 0.1 })).toBe(false);
});

test('with antialias at any reduction that is worth the name', () => {
  expect(isWidened('bilinear', { x: 0.9, y: 1, antialias: true })).toBe(true);
  expect(isWidened('cubic', { x: 1.2, y: 0.6, antialias: true })).toBe(true);
  expect(isWidened('cubic', { x: 0.96, y: 1.3, antialias: true })).toBe(false);
  expect(isWidened('nearest', { x: 0.1, y: 0.1, antialias: true })).toBe(false);
});
