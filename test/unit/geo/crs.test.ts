import { describe, expect, test } from 'vitest';
import {
  boundsOfPoints,
  CRS84,
  type Crs,
  isGeographic,
  transformBounds,
  transformerBetween,
  WEB_MERCATOR,
  WEB_MERCATOR_HALF,
} from '../../../src/geo/crs.ts';

const UTM_33N: Crs = { kind: 'epsg', code: 32633 };

function transformed(from: Crs, to: Crs, x: number, y: number): readonly number[] {
  const [xs, ys] = [new Float64Array([x]), new Float64Array([y])];
  transformerBetween(from, to).transform(xs, ys);
  return [xs[0]!, ys[0]!];
}

describe('transformerBetween', () => {
  test('takes the corner of the Web Mercator square to degrees and back', () => {
    const [lng, lat] = transformed(WEB_MERCATOR, CRS84, WEB_MERCATOR_HALF, WEB_MERCATOR_HALF);
    expect(lng).toBeCloseTo(180, 12);
    expect(lat).toBeCloseTo(85.0511287798066, 12);
    const [x, y] = transformed(CRS84, WEB_MERCATOR, lng!, lat!);
    expect(x).toBeCloseTo(WEB_MERCATOR_HALF, 6);
    expect(y).toBeCloseTo(WEB_MERCATOR_HALF, 6);
  });

  test('gives one transformer per pair', () => {
    expect(transformerBetween(WEB_MERCATOR, UTM_33N)).toBe(
      transformerBetween(WEB_MERCATOR, { kind: 'epsg', code: 32633 }),
    );
  });

  test.each([
    ['a pole', CRS84, WEB_MERCATOR, 0, 90],
    ['a point that is not finite', WEB_MERCATOR, UTM_33N, Number.POSITIVE_INFINITY, 0],
    ['NaN', CRS84, WEB_MERCATOR, Number.NaN, 10],
    ['the other pole of a polar projection', { kind: 'epsg', code: 3031 } as const, CRS84, Number.NaN, 0],
  ])('gives NaN for %s', (_, from, to, x, y) => {
    expect(transformed(from, to, x, y)).toEqual([Number.NaN, Number.NaN]);
  });

  test.each([4326, 4277])('does not wrap longitudes beyond the antimeridian (EPSG:%i)', (code) => {
    const [lng] = transformed(WEB_MERCATOR, { kind: 'epsg', code }, WEB_MERCATOR_HALF * 1.01, 0);
    expect(lng).toBeGreaterThan(181);
    expect(lng).toBeLessThan(182);
  });

  test('knows which pairs can be mapped by columns and rows', () => {
    expect(transformerBetween(WEB_MERCATOR, CRS84).separable).toBe(true);
    expect(transformerBetween(WEB_MERCATOR, { kind: 'epsg', code: 4258 }).separable).toBe(true);
    expect(transformerBetween(WEB_MERCATOR, UTM_33N).separable).toBe(false);
  });

  test('takes a proj string', () => {
    const proj: Crs = { kind: 'proj', definition: '+proj=utm +zone=33 +datum=WGS84 +units=m +no_defs' };
    const [x, y] = transformed(CRS84, UTM_33N, 14.5, 46);
    const [u, v] = transformed(CRS84, proj, 14.5, 46);
    expect([u, v]).toEqual([x, y]);
  });

  test.each<readonly [string, Crs, RegExp]>([
    ['an unknown code', { kind: 'epsg', code: 999_999 }, /EPSG:999999.*[Ss]upply/],
    ['a broken proj string', { kind: 'proj', definition: '+proj=nonsense' }, /\+proj=nonsense/],
  ])('refuses %s', (_, crs, message) => {
    expect(() => transformerBetween(WEB_MERCATOR, crs)).toThrow(
      expect.objectContaining({ code: 'ASSET_UNSUPPORTED', message: expect.stringMatching(message) }),
    );
  });
});

test('isGeographic tells degrees from metres, for codes and for proj strings', () => {
  expect([4326, 4269, 4277].map((code) => isGeographic({ kind: 'epsg', code }))).toEqual([true, true, true]);
  expect(isGeographic(UTM_33N)).toBe(false);
  expect(isGeographic({ kind: 'proj', definition: '+proj=longlat +datum=WGS84' })).toBe(true);
});

test('transformBounds bounds the bulge of edges, not only the corners', () => {
  const utm = transformBounds(transformerBetween(CRS84, UTM_33N), [12, 45, 18, 46])!;
  const [, cornerY] = transformed(CRS84, UTM_33N, 12, 45);
  const [, middleY] = transformed(CRS84, UTM_33N, 15, 45);
  expect(middleY!).toBeLessThan(cornerY!);
  expect(utm[1]).toBeCloseTo(middleY!, 3);
});

test('boundsOfPoints leaves out points without an image', () => {
  expect(boundsOfPoints(new Float64Array([1, Number.NaN, 3]), new Float64Array([5, 0, 4]))).toEqual([1, 4, 3, 5]);
  expect(boundsOfPoints(new Float64Array([Number.NaN]), new Float64Array([1]))).toBeNull();
});
