import { describe, expect, test } from 'vitest';
import { partQuery } from '../../../src/mosaic/area-of-interest.ts';

const RING = [
  [0, 0],
  [4, 0],
  [4, 4],
  [0, 0],
];

describe('an area that is none is refused, and the message names what is wrong', () => {
  test.each([
    [{ bbox: 'all' }, 'mosaic.query.bbox: '],
    [{ bbox: [0, 0, 1] }, 'mosaic.query.bbox: '],
    [{ bbox: [0, 0, 1, '1'] }, 'mosaic.query.bbox: '],
    [{ bbox: [0, 0, 181, 1] }, 'mosaic.query.bbox: '],
    [{ bbox: [0, 0, null, 1, 1, 5] }, 'mosaic.query.bbox: '],
    [{ bbox: [0, 1, 1, 1] }, 'mosaic.query.bbox: the bbox has no area'],
    [{ intersects: 7 }, 'mosaic.query.intersects.type: '],
    [{ intersects: { type: 'LineString', coordinates: RING } }, 'mosaic.query.intersects.type: '],
    [{ intersects: { type: 'Point', coordinates: [0, 91] } }, 'mosaic.query.intersects.coordinates: '],
    [{ intersects: { type: 'Point', coordinates: [0, 1, 'high'] } }, 'mosaic.query.intersects.coordinates: '],
    [{ intersects: { type: 'Polygon', coordinates: [] } }, 'mosaic.query.intersects.coordinates: '],
    [{ intersects: { type: 'Polygon', coordinates: [RING.slice(1)] } }, 'mosaic.query.intersects.coordinates: '],
    [{ intersects: { type: 'Polygon', coordinates: [[[0], ...RING]] } }, 'mosaic.query.intersects.coordinates: '],
    [{ intersects: { type: 'MultiPolygon', coordinates: [RING] } }, 'mosaic.query.intersects.coordinates: '],
  ])('%j', (query, found) => {
    expect(() => partQuery(query)).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID', message: expect.stringContaining(found) }),
    );
  });
});

test.each([
  [{ bbox: [0, 0, 4, 4] }],
  [{ bbox: [0, 0, -10, 4, 4, 900] }],
  [{ bbox: [179, 0, -179, 4] }],
  [{ intersects: { type: 'Point', coordinates: [1, 1, 300] } }],
  [{ intersects: { type: 'Polygon', coordinates: [RING.map((position) => [...position, 12])] } }],
  [{ intersects: { type: 'MultiPolygon', coordinates: [[RING]] } }],
  [{ bbox: null, intersects: null }],
])('%j is an area, and the other conditions stay', (area) => {
  const { conditions } = partQuery({ ...area, collections: ['scenes'] });
  expect(conditions).toEqual({ collections: ['scenes'] });
});
