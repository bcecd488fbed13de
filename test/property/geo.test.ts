import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { apply, compose, IDENTITY, invert } from '../../src/geo/affine.ts';
import type { Affine } from '../../src/geo/affine.ts';
import { intersection, intersects, splitAtAntimeridian, union } from '../../src/geo/bbox.ts';
import type { Bbox } from '../../src/geo/bbox.ts';
import { containsPoint, intersectsBbox, normaliseFootprint, relation } from '../../src/geo/polygon.ts';

/** Longitudes and latitudes in quarters of a degree, so that edges meet often. */
const lng = fc.integer({ min: -720, max: 720 }).map((quarters) => quarters / 4);
const lat = fc.integer({ min: -360, max: 360 }).map((quarters) => quarters / 4);

const bbox: fc.Arbitrary<Bbox> = fc
  .tuple(lng, lat, lng, lat)
  .filter(([west, south, east, north]) => west !== east && south !== north && !(west === 180 && east === -180))
  .map(([west, south, east, north]) => [west, Math.min(south, north), east, Math.max(south, north)]);

const eighths = fc.integer({ min: -1440, max: 1439 }).map((eighth) => eighth / 8 + 1 / 16);

/** True if a point off every quarter of a degree lies in a bbox. */
function holds(box: Bbox, x: number, y: number): boolean {
  const isBetween = box[0] <= box[2] ? x > box[0] && x < box[2] : x > box[0] || x < box[2];
  return isBetween && y > box[1] && y < box[3];
}

const point = fc.tuple(
  eighths,
  eighths.map((value) => value / 2 + 1 / 64),
);

test('a split bbox holds the same points, and no part crosses', () => {
  fc.assert(
    fc.property(bbox, point, (box, [x, y]) => {
      const parts = splitAtAntimeridian(box);
      expect(parts.every(([west, , east]) => west < east)).toBe(true);
      expect(parts.filter((part) => holds(part, x, y))).toHaveLength(holds(box, x, y) ? 1 : 0);
    }),
  );
});

test('an intersection holds exactly the points of both, whichever comes first', () => {
  fc.assert(
    fc.property(bbox, bbox, point, (a, b, [x, y]) => {
      expect(intersection(a, b).some((part) => holds(part, x, y))).toBe(holds(a, x, y) && holds(b, x, y));
      expect(intersects(a, b)).toBe(intersects(b, a));
      expect(intersects(a, a)).toBe(true);
    }),
  );
});

test('a union holds the points of all, does not depend on order, and of one bbox is that bbox', () => {
  fc.assert(
    fc.property(fc.array(bbox, { minLength: 1, maxLength: 5 }), point, (boxes, [x, y]) => {
      const all = union(boxes) ?? [0, 0, 0, 0];
      expect(union([...boxes].reverse())).toEqual(all);
      expect(boxes.some((box) => holds(box, x, y)) && !holds(all, x, y)).toBe(false);
      const [first = [0, 0, 0, 0]] = boxes;
      const same = union([first]);
      expect(intersection(same ?? first, first)).toEqual(
        splitAtAntimeridian(first).flatMap((p) => intersection(p, first)),
      );
    }),
  );
});

test('a bbox and the same bbox as a polygon, however it is written, overlap the same', () => {
  fc.assert(
    fc.property(bbox, bbox, fc.constantFrom(-360, 0, 360), (box, other, turn) => {
      const [west, south, east, north] = box;
      const end = east < west ? east + 360 : east;
      // A ring with a position every 90 degrees or less is not ambiguous.
      const steps = Math.ceil((end - west) / 90);
      const along = Array.from({ length: steps + 1 }, (_, i) => west + ((end - west) * i) / steps + turn);
      const ring = [
        ...along.map((x) => [x, south]),
        ...along.toReversed().map((x) => [x, north]),
        [west + turn, south],
      ];
      const footprint = normaliseFootprint({ type: 'Polygon', coordinates: [ring] });
      expect(footprint.coordinates.flat(2).every(([x = 0]) => x >= -180 && x <= 180)).toBe(true);
      expect(intersectsBbox(footprint, other)).toBe(intersects(box, other));
    }),
  );
});

test('what is inside holds its points, what is outside none', () => {
  const ring = [
    [-40, -30],
    [50, -20],
    [10, 5],
    [45, 40],
    [-20, 35],
    [-40, -30],
  ];
  const hole = [
    [-10, -5],
    [0, -5],
    [0, 15],
    [-10, -5],
  ];
  const polygon = normaliseFootprint({ type: 'Polygon', coordinates: [ring, hole] });
  const share = fc.double({ min: 0.01, max: 0.99, noNaN: true });
  fc.assert(
    fc.property(bbox, share, share, (box, u, v) => {
      fc.pre(box[0] < box[2]);
      const contained = containsPoint(polygon, box[0] + u * (box[2] - box[0]), box[1] + v * (box[3] - box[1]));
      const lies = relation(polygon, box);
      expect(lies === 'crosses' || contained === (lies === 'inside')).toBe(true);
    }),
  );
});

test('a transform and its inverse are nothing, within 1e-9', () => {
  const coefficient = fc.double({ min: -1000, max: 1000, noNaN: true });
  const offset = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  const affine = fc
    .tuple(coefficient, coefficient, offset, coefficient, coefficient, offset)
    .filter(
      ([a, b, , d, e]) =>
        Math.abs(a * e - b * d) > 1e-3 * (Math.abs(a * e) + Math.abs(b * d)) && Math.abs(a * e - b * d) > 1,
    );
  fc.assert(
    fc.property(
      affine,
      fc.integer({ min: 0, max: 20_000 }),
      fc.integer({ min: 0, max: 20_000 }),
      (t: Affine, col, row) => {
        const back = invert(t) ?? IDENTITY;
        const [c, r] = apply(back, ...apply(t, col, row));
        // Relative to the largest number on the way, as the offsets are up to 1e6 pixels of the smallest cell.
        const size = Math.max(1, ...back.map(Math.abs), ...t.map(Math.abs), col, row);
        expect(Math.abs(c - col) / size).toBeLessThan(1e-9);
        expect(Math.abs(r - row) / size).toBeLessThan(1e-9);
        const identity = compose(back, t);
        for (const [i, value] of IDENTITY.entries()) {
          expect(Math.abs(identity[i]! - value) / size).toBeLessThan(1e-9);
        }
      },
    ),
  );
});
