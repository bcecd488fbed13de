import { describe, expect, test } from 'vitest';
import {
  bboxOfPositions,
  intersection,
  intersects,
  isCrossing,
  splitAtAntimeridian,
  union,
} from '../../../src/geo/bbox.ts';
import type { Bbox } from '../../../src/geo/bbox.ts';

describe('splitAtAntimeridian', () => {
  test.each<[string, Bbox, readonly Bbox[]]>([
    ['not crossing', [10, 0, 20, 5], [[10, 0, 20, 5]]],
    ['the world', [-180, -90, 180, 90], [[-180, -90, 180, 90]]],
    [
      'crossing',
      [170, 0, -170, 5],
      [
        [170, 0, 180, 5],
        [-180, 0, -170, 5],
      ],
    ],
    ['crossing with no width in the east', [180, 0, -170, 5], [[-180, 0, -170, 5]]],
    ['crossing with no width in the west', [170, 0, -180, 5], [[170, 0, 180, 5]]],
    ['nothing but the antimeridian', [180, 0, -180, 5], []],
  ])('%s', (_name, bbox, parts) => {
    expect(splitAtAntimeridian(bbox)).toEqual(parts);
  });
});

test('a bbox crosses if west is greater than east', () => {
  expect(isCrossing([170, 0, -170, 5])).toBe(true);
  expect(isCrossing([-170, 0, 170, 5])).toBe(false);
});

describe('intersects', () => {
  test.each<[string, Bbox, Bbox, boolean]>([
    ['overlap', [0, 0, 10, 10], [5, 5, 15, 15], true],
    ['apart', [0, 0, 10, 10], [11, 0, 12, 10], false],
    ['a shared edge only', [0, 0, 10, 10], [10, 0, 20, 10], false],
    ['a shared corner only', [0, 0, 10, 10], [10, 10, 20, 20], false],
    ['a crossing one and its east', [170, 0, -170, 10], [-175, 2, -172, 3], true],
    ['a crossing one and its west', [170, 0, -170, 10], [175, 2, 176, 3], true],
    ['a crossing one and what it leaves out', [170, 0, -170, 10], [-170, 0, 170, 10], false],
    ['two crossing ones', [170, 0, -170, 10], [179, 9, -179, 20], true],
  ])('%s', (_name, a, b, expected) => {
    expect(intersects(a, b)).toBe(expected);
    expect(intersects(b, a)).toBe(expected);
  });
});

test('a crossing bbox overlaps one that is nearly the world in two parts', () => {
  expect(intersection([170, 0, -170, 10], [-175, 5, 175, 20])).toEqual([
    [170, 5, 175, 10],
    [-175, 5, -170, 10],
  ]);
});

describe('union', () => {
  test.each<[string, readonly Bbox[], Bbox | null]>([
    ['of nothing', [], null],
    ['of one', [[1, 2, 3, 4]], [1, 2, 3, 4]],
    [
      'of neighbours',
      [
        [0, 0, 10, 10],
        [20, -5, 30, 5],
      ],
      [0, -5, 30, 10],
    ],
    [
      'over the antimeridian, as it is narrower',
      [
        [170, 0, 180, 10],
        [-180, 0, -170, 10],
      ],
      [170, 0, -170, 10],
    ],
    [
      'of a crossing one and one within',
      [
        [170, 0, -170, 10],
        [-175, 20, -172, 30],
      ],
      [170, 0, -170, 30],
    ],
    [
      'of opposite halves',
      [
        [-180, 0, 0, 10],
        [0, 0, 180, 10],
      ],
      [-180, 0, 180, 10],
    ],
    [
      'of two as far apart either way',
      [
        [-90, 0, -90, 1],
        [90, 0, 90, 1],
      ],
      [-90, 0, 90, 1],
    ],
  ])('%s', (_name, bboxes, expected) => {
    expect(union(bboxes)).toEqual(expected);
  });
});

test('a bbox of positions takes longitudes as they are; of none there is none', () => {
  expect(
    bboxOfPositions([
      [1, 2],
      [190, -3, 8],
    ]),
  ).toEqual([1, -3, 190, 2]);
  expect(bboxOfPositions([])).toBeNull();
});
