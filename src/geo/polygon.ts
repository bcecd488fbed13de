import type { MultiPolygon, Polygon } from 'geojson';
import { bboxOfPositions, splitAtAntimeridian, union } from './bbox.ts';
import type { Bbox } from './bbox.ts';
import { cutAtAntimeridian, unwrapRings } from './ring.ts';

/**
 * How much of the border of a box does not count, in degrees: morecantile's tolerance, about a micrometre. An area that
 * ends on the edge of a tile, give or take the rounding of whoever computed that edge, does not touch the next tile.
 */
const EDGE_TOLERANCE = 1e-11;

/** How a box lies to a polygon, by area: apart from it, wholly inside it, or partly. */
export type Relation = 'outside' | 'inside' | 'crosses';

/**
 * The footprint of a STAC item as a `MultiPolygon` whose longitudes all lie in -180..180, cut at the antimeridian.
 *
 * Understood are: polygons split there already (RFC 7946 section 3.1.9), longitudes beyond ±180, rings that jump from
 * +179 to -179 (an edge of more than 180° of longitude goes the short way), and rings around a pole. A ring that would,
 * read like this, be a strip along the antimeridian more than ten times taller than wide is the outline of a global
 * raster: its edges go the long way. Heights are dropped, rings are closed, rings without area are left out; so the
 * result may be empty.
 */
export function normaliseFootprint(geometry: Polygon | MultiPolygon): MultiPolygon {
  return normalise(geometry, 'short-way');
}

/**
 * A polygon that a user drew as a `MultiPolygon` whose longitudes all lie in -180..180, cut at the antimeridian where it
 * runs beyond ±180. Unlike with `normaliseFootprint`, an edge means what RFC 7946 says: the straight line between its
 * ends in degrees, however long.
 */
export function normalisePolygon(geometry: Polygon | MultiPolygon): MultiPolygon {
  return normalise(geometry, 'as-given');
}

function normalise(geometry: Polygon | MultiPolygon, edges: 'short-way' | 'as-given'): MultiPolygon {
  const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates;
  return {
    type: 'MultiPolygon',
    coordinates: polygons.flatMap((rings) => cutAtAntimeridian(unwrapRings(rings, edges))),
  };
}

/**
 * The narrowest bbox around a normalised polygon; it crosses the antimeridian if that makes it narrower. Null for an
 * empty polygon.
 */
export function polygonBbox(polygon: MultiPolygon): Bbox | null {
  const boxes = polygon.coordinates.map((rings) => bboxOfPositions(rings[0] ?? []));
  return union(boxes.filter((box) => box !== null));
}

/**
 * How a bbox lies to a normalised polygon. Only area counts: a bbox that shares no more than an edge with the polygon,
 * within `EDGE_TOLERANCE`, is outside. Holes are outside. A bbox that crosses the antimeridian is judged as a whole; one
 * without area is judged as the point or line that it is, and is inside or outside by its centre. Polygons that share an
 * edge are not joined first: a bbox over such an edge crosses, even if both sides are polygon.
 *
 * Cost: linear in the positions. For many boxes of a quadtree see `createPolygonTree`.
 */
export function relation(polygon: MultiPolygon, bbox: Bbox): Relation {
  const relations = splitAtAntimeridian(bbox).map((part) => relationOfPart(polygon, part));
  const [first = 'outside'] = relations;
  return relations.every((one) => one === first) ? first : 'crosses';
}

function relationOfPart(polygon: MultiPolygon, bbox: Bbox): Relation {
  const [west, south, east, north] = shrink(bbox);
  const lng = (west + east) / 2;
  const lat = (south + north) / 2;
  let isInside = false;
  for (const rings of polygon.coordinates) {
    let isOdd = false;
    for (const ring of rings) {
      for (let i = 1; i < ring.length; i++) {
        const [x1 = 0, y1 = 0] = ring[i - 1] ?? [];
        const [x2 = 0, y2 = 0] = ring[i] ?? [];
        if (isEdgeInBox(x1, y1, x2, y2, west, south, east, north)) {
          return 'crosses';
        }
        isOdd = isOdd !== isEdgeEastOf(x1, y1, x2, y2, lng, lat);
      }
    }
    isInside ||= isOdd;
  }
  return isInside ? 'inside' : 'outside';
}

/** True if a normalised polygon and a bbox, which may cross the antimeridian, overlap with positive area. */
export function intersectsBbox(footprint: MultiPolygon, bbox: Bbox): boolean {
  return relation(footprint, bbox) !== 'outside';
}

/** True if a point lies in a normalised polygon; on an edge it is in one of the two neighbours that share the edge. */
export function containsPoint(polygon: MultiPolygon, lng: number, lat: number): boolean {
  return relation(polygon, [lng, lat, lng, lat]) === 'inside';
}

/** A bbox without the tolerance at its border; at most half of it goes. */
export function shrink([west, south, east, north]: Bbox): Bbox {
  const dx = Math.min(EDGE_TOLERANCE, (east - west) / 4);
  const dy = Math.min(EDGE_TOLERANCE, (north - south) / 4);
  return [west + dx, south + dy, east - dx, north - dy];
}

/**
 * True if the segment from (x1, y1) to (x2, y2) runs through the inside of a box, its border not counted: no axis
 * separates the two, neither x nor y nor the normal of the segment (the separating axis theorem).
 */
export function isEdgeInBox(
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  west: number,
  south: number,
  east: number,
  north: number,
): boolean {
  if (Math.max(x1, x2) <= west || Math.min(x1, x2) >= east || Math.max(y1, y2) <= south || Math.min(y1, y2) >= north) {
    return false;
  }
  const dx = x2 - x1;
  const dy = y2 - y1;
  const a = dx * ((dx > 0 ? north : south) - y1) - dy * ((dy > 0 ? west : east) - x1);
  const b = dx * ((dx > 0 ? south : north) - y1) - dy * ((dy > 0 ? east : west) - x1);
  return a > 0 && b < 0;
}

/** True if a ray from a point due east passes the segment. An odd number of passes over all edges means inside. */
export function isEdgeEastOf(x1: number, y1: number, x2: number, y2: number, lng: number, lat: number): boolean {
  return y1 > lat !== y2 > lat && lng < ((x2 - x1) * (lat - y1)) / (y2 - y1) + x1;
}
