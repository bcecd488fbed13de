import { describe, expect, test } from 'vitest';
import { projDefinition } from '../../../src/geo/epsg.ts';
import { createMercatorToUtm, utmZoneOf } from '../../../src/geo/transverse-mercator.ts';

describe('utmZoneOf', () => {
  test('knows the zones of unshifted datums', () => {
    expect(utmZoneOf(projDefinition(32633)!)).toMatchObject({ zone: 33, south: false });
    expect(utmZoneOf(projDefinition(32701)!)).toMatchObject({ zone: 1, south: true });
    expect(utmZoneOf(projDefinition(25832)!)?.ellipsoid.inverseFlattening).toBe(298.257222101);
    expect(utmZoneOf(projDefinition(26910)!)).not.toBeNull();
    expect(utmZoneOf(projDefinition(28355)!)).toMatchObject({ zone: 55, south: true });
  });

  test.each([
    ['a shifted datum', 26712],
    ['a shifted datum of a list', 23032],
    ['another projection', 2154],
    ['degrees', 4326],
  ])('is null for %s', (_, code) => {
    expect(utmZoneOf(projDefinition(code)!)).toBeNull();
  });
});

describe('createMercatorToUtm', () => {
  const transform = createMercatorToUtm(utmZoneOf(projDefinition(32633)!)!);

  test('puts the central meridian at 500 km and the equator at 0', () => {
    const xs = Float64Array.of((15 * 20037508.342789244) / 180);
    const ys = Float64Array.of(0);
    transform(xs, ys);
    expect(xs[0]).toBeCloseTo(500_000, 8);
    expect(ys[0]).toBeCloseTo(0, 8);
  });

  test('gives no image far to the side of the zone, at infinity and for what is no number', () => {
    const quarter = 20037508.342789244 / 2;
    const xs = Float64Array.of((15 * 20037508.342789244) / 180 + quarter, 0, Number.POSITIVE_INFINITY, Number.NaN);
    const ys = Float64Array.of(0, Number.POSITIVE_INFINITY, 0, 0);
    transform(xs, ys);
    expect([...xs, ...ys]).toEqual(Array.from({ length: 8 }, () => Number.NaN));
  });
});
