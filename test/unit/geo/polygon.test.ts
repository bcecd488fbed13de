import type { MultiPolygon, Polygon, Position } from 'geojson';
import { describe, expect, test } from 'vitest';
import { boxRing } from '../../../src/geo/bbox.ts';
import type { Bbox } from '../../../src/geo/bbox.ts';
import {
  containsPoint,
  intersectsBbox,
  normaliseFootprint,
  normalisePolygon,
  polygonBbox,
  relation,
} from '../../../src/geo/polygon.ts';
import type { Relation } from '../../../src/geo/polygon.ts';

function polygon(...rings: Position[][]): Polygon {
  return { type: 'Polygon', coordinates: rings };
}

/** What a normalised polygon covers, as bboxes of its outer rings. */
function parts(multi: MultiPolygon): readonly (Bbox | null)[] {
  return multi.coordinates.map((rings) => polygonBbox({ type: 'MultiPolygon', coordinates: [rings] }));
}

describe('normaliseFootprint', () => {
  test('keeps a plain polygon, without its heights', () => {
    const ring = boxRing([10, 0, 20, 5]).map(([x = 0, y = 0]) => [x, y, 120]);
    expect(normaliseFootprint(polygon(ring)).coordinates).toEqual([[boxRing([10, 0, 20, 5])]]);
  });

  test('keeps a polygon that is split at the antimeridian already', () => {
    const split: MultiPolygon = {
      type: 'MultiPolygon',
      coordinates: [[boxRing([179, 0, 180, 5])], [boxRing([-180, 0, -178, 5])]],
    };
    expect(normaliseFootprint(split)).toEqual(split);
    expect(polygonBbox(split)).toEqual([179, 0, -178, 5]);
  });

  test.each<[string, Position[]]>([
    ['a ring that jumps from +179 to -178', boxRing([179, 0, -178, 5])],
    ['longitudes beyond 180', boxRing([179, 0, 182, 5])],
    ['longitudes beyond -180', boxRing([-181, 0, -178, 5])],
    [
      'a ring that jumps, from the west',
      [
        [-178, 0],
        [-178, 5],
        [179, 5],
        [179, 0],
        [-178, 0],
      ],
    ],
  ])('cuts %s', (_name, ring) => {
    const footprint = normaliseFootprint(polygon(ring));
    expect(new Set(parts(footprint).map(String))).toEqual(new Set(['179,0,180,5', '-180,0,-178,5']));
    expect(polygonBbox(footprint)).toEqual([179, 0, -178, 5]);
    expect(intersectsBbox(footprint, [0, 0, 10, 5])).toBe(false);
    expect(intersectsBbox(footprint, [178, 1, -179, 2])).toBe(true);
  });

  test('cuts a slanted swath where it meets the antimeridian', () => {
    const footprint = normaliseFootprint(
      polygon([
        [178, 0],
        [-178, 4],
        [-177, 4],
        [179, 0],
        [178, 0],
      ]),
    );
    expect(relation(footprint, [179.5, 0, 180, 0.1])).toBe('outside');
    expect(relation(footprint, [179.2, 1.25, 179.8, 1.5])).toBe('crosses');
    expect(relation(footprint, [-178.4, 3.2, -178.3, 3.25])).toBe('inside');
    expect(relation(footprint, [-180, 0, -179, 0.4])).toBe('outside');
  });

  test('keeps two prongs that reach over the antimeridian apart', () => {
    const ring = [
      [178, 0],
      [-178, 0],
      [-178, 1],
      [179, 1],
      [179, 3],
      [-178, 3],
      [-178, 4],
      [178, 4],
      [178, 0],
    ];
    const footprint = normaliseFootprint(polygon(ring));
    expect(relation(footprint, [-180, 0, -179, 1])).toBe('inside');
    expect(relation(footprint, [-180, 1, -179, 3])).toBe('outside');
    expect(relation(footprint, [-180, 3, -179, 4])).toBe('inside');
    expect(relation(footprint, [-180, 0.5, -179, 3.5])).toBe('crosses');
    expect(relation(footprint, [179, 1, -178, 3])).toBe('outside');
  });

  test.each<[string, Position[]]>([
    ['the world', boxRing([-180, -90, 180, 90])],
    ['a global raster that stops half a pixel short', boxRing([-179.95, -89.95, 179.95, 89.95])],
    ['a global raster half a pixel over', boxRing([-180.000_138, -90, 179.999_861, 90])],
    ['a global raster from 0 to 360', boxRing([0, -90, 360, 90])],
  ])('reads %s as going all around', (_name, ring) => {
    const footprint = normaliseFootprint(polygon(ring));
    expect(relation(footprint, [-10, -10, 10, 10])).not.toBe('outside');
    expect(relation(footprint, [100, 20, 120, 30])).toBe('inside');
    expect(relation(footprint, [-120, 20, -100, 30])).toBe('inside');
  });

  test('cuts a hole with its polygon', () => {
    const footprint = normaliseFootprint(polygon(boxRing([170, 0, -170, 10]), boxRing([178, 2, -178, 8])));
    expect(relation(footprint, [179, 3, 180, 4])).toBe('outside');
    expect(relation(footprint, [-180, 3, -179, 4])).toBe('outside');
    expect(relation(footprint, [172, 3, 174, 4])).toBe('inside');
    expect(relation(footprint, [-174, 3, -172, 4])).toBe('inside');
  });

  test('moves a hole to where its polygon is', () => {
    const footprint = normaliseFootprint(polygon(boxRing([175, 0, 190, 10]), boxRing([-178, 2, -172, 8])));
    expect(relation(footprint, [-177, 3, -175, 4])).toBe('outside');
    expect(relation(footprint, [177, 3, 178, 4])).toBe('inside');
  });

  test('closes a ring around a pole along the pole', () => {
    const antarctic = normaliseFootprint(
      polygon([
        [-135, -70],
        [-45, -70],
        [45, -70],
        [135, -70],
        [-135, -70],
      ]),
    );
    for (const lng of [-180, -136, -10, 100, 179]) {
      expect(relation(antarctic, [lng, -90, lng + 1, -70])).toBe('inside');
    }
    expect(relation(antarctic, [-180, -70, 180, 90])).toBe('outside');
  });

  test('closes an open ring and leaves out rings without area', () => {
    expect(normaliseFootprint(polygon(boxRing([0, 0, 1, 1]).slice(0, 4))).coordinates).toEqual([
      [boxRing([0, 0, 1, 1])],
    ]);
    expect(
      normaliseFootprint(
        polygon([
          [0, 0],
          [1, 1],
          [0, 0],
          [0, 0],
        ]),
      ).coordinates,
    ).toEqual([]);
    expect(normaliseFootprint(polygon()).coordinates).toEqual([]);
  });
});

test("a user's polygon with an edge of more than 180 degrees is what RFC 7946 says: wide", () => {
  const wide = normalisePolygon(polygon(boxRing([-170, 0, 170, 5])));
  expect(polygonBbox(wide)).toEqual([-170, 0, 170, 5]);
  expect(relation(wide, [0, 1, 1, 2])).toBe('inside');
});

describe('relation', () => {
  const withHole = normalisePolygon(polygon(boxRing([0, 0, 10, 10]), boxRing([4, 4, 6, 6])));

  test.each<[string, Bbox, Relation]>([
    ['apart', [20, 0, 30, 10], 'outside'],
    ['sharing an edge only', [10, 0, 20, 10], 'outside'],
    ['sharing an edge but for rounding', [10 - 1e-13, 0, 20, 10], 'outside'],
    ['sharing a corner only', [10, 10, 20, 20], 'outside'],
    ['over an edge', [9, 1, 11, 2], 'crosses'],
    ['within', [1, 1, 2, 2], 'inside'],
    ['within and at the border', [0, 0, 4, 10], 'inside'],
    ['in the hole', [4.5, 4.5, 5.5, 5.5], 'outside'],
    ['exactly the hole', [4, 4, 6, 6], 'outside'],
    ['over the edge of the hole', [3, 3, 5, 5], 'crosses'],
    ['around the hole', [3, 3, 7, 7], 'crosses'],
    ['around everything', [-5, -5, 15, 15], 'crosses'],
    ['exactly the polygon but for the hole', [0, 0, 10, 10], 'crosses'],
    ['a crossing bbox around', [-10, 0, -20, 10], 'crosses'],
    ['a crossing bbox elsewhere', [170, 0, -170, 10], 'outside'],
    ['a point within', [1, 1, 1, 1], 'inside'],
    ['a point in the hole', [5, 5, 5, 5], 'outside'],
  ])('of a bbox %s', (_name, bbox, expected) => {
    expect(relation(withHole, bbox)).toBe(expected);
    expect(intersectsBbox(withHole, bbox)).toBe(expected !== 'outside');
  });

  test('an edge that misses a corner by little is outside, one that cuts it crosses', () => {
    const triangle = normalisePolygon(
      polygon([
        [0, 0],
        [10, 10],
        [0, 10],
        [0, 0],
      ]),
    );
    expect(relation(triangle, [5, 0, 10, 5])).toBe('outside');
    expect(relation(triangle, [5, 0, 10, 5.001])).toBe('crosses');
  });

  test('an island in a hole is inside', () => {
    const island: MultiPolygon = {
      type: 'MultiPolygon',
      coordinates: [...withHole.coordinates, [boxRing([4.5, 4.5, 5.5, 5.5])]],
    };
    expect(relation(island, [4.8, 4.8, 5.2, 5.2])).toBe('inside');
  });

  test('overlapping polygons do not cancel each other', () => {
    const twice: MultiPolygon = {
      type: 'MultiPolygon',
      coordinates: [[boxRing([0, 0, 10, 10])], [boxRing([-5, -5, 15, 15])]],
    };
    expect(relation(twice, [2, 2, 3, 3])).toBe('inside');
  });

  test('two halves of the world along the antimeridian contain a bbox over it', () => {
    const split: MultiPolygon = {
      type: 'MultiPolygon',
      coordinates: [[boxRing([170, 0, 180, 5])], [boxRing([-180, 0, -170, 5])]],
    };
    expect(relation(split, [175, 1, -175, 2])).toBe('inside');
  });
});

test('a point is in exactly one of two polygons that share an edge', () => {
  const west = normalisePolygon(polygon(boxRing([0, 0, 10, 10])));
  const east = normalisePolygon(polygon(boxRing([10, 0, 20, 10])));
  expect([containsPoint(west, 10, 5), containsPoint(east, 10, 5)].filter(Boolean)).toHaveLength(1);
});

test('the bbox of a polygon that is nowhere is null', () => {
  expect(polygonBbox({ type: 'MultiPolygon', coordinates: [] })).toBeNull();
});
