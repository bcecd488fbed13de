import * as fc from 'fast-check';
import proj4 from 'proj4';
import { expect, test } from 'vitest';
import { transformerBetween, WEB_MERCATOR, WEB_MERCATOR_HALF } from '../../src/geo/crs.ts';
import { projDefinition } from '../../src/geo/epsg.ts';

const METRES_PER_DEGREE = WEB_MERCATOR_HALF / 180;

/** Families on WGS 84, ETRS89, NAD83, GDA94 and GDA2020. */
const code = fc.oneof(
  fc.integer({ min: 32601, max: 32660 }),
  fc.integer({ min: 32701, max: 32760 }),
  fc.integer({ min: 25828, max: 25838 }),
  fc.integer({ min: 26901, max: 26923 }),
  fc.integer({ min: 28348, max: 28358 }),
  fc.integer({ min: 7846, max: 7859 }),
);

/** A point from so many degrees beside the central meridian; y to beyond the square of EPSG:3857. */
const point = fc.record({
  degrees: fc.double({ min: -190, max: 190, noNaN: true }),
  y: fc.double({ min: -WEB_MERCATOR_HALF * 1.5, max: WEB_MERCATOR_HALF * 1.5, noNaN: true }),
});

test('UTM from EPSG:3857 is that of proj4, to the last places of a double', () => {
  fc.assert(
    fc.property(code, fc.array(point, { minLength: 1, maxLength: 20 }), (utm, points) => {
      const definition = projDefinition(utm)!;
      const meridian = 6 * Number(/\+zone=(\d+)/u.exec(definition)![1]) - 183;
      const xs = Float64Array.from(points, ({ degrees }) => (meridian + degrees) * METRES_PER_DEGREE);
      const ys = Float64Array.from(points, ({ y }) => y);
      const expected = points.map(({ y }, i) => proj4(projDefinition(3857)!, definition).forward([xs[i]!, y]));
      transformerBetween(WEB_MERCATOR, { kind: 'epsg', code: utm }).transform(xs, ys);
      points.forEach(({ degrees, y: northing }, i) => {
        const [x = Number.NaN, y = Number.NaN] = expected[i]!;
        // Beyond lies the series' own limit, where either side may end by a rounding.
        if (Math.abs(Math.abs(degrees) - 90) < 30) return;
        // On the far side the projection is cut along the equator.
        if (Math.abs(degrees) > 90 && Math.abs(northing) < 1) return;
        expect(Math.hypot(xs[i]! - x, ys[i]! - y)).toBeLessThan(2e-8);
      });
    }),
  );
});
