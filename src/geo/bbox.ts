import type { MultiPolygon, Polygon, Position } from 'geojson';

/** `[west, south, east, north]` in degrees (OGC:CRS84). May cross the antimeridian: then west > east (RFC 7946 section 5.2). */
export type Bbox = readonly [west: number, south: number, east: number, north: number];

/** `[minX, minY, maxX, maxY]` in the units of a stated CRS. Never crosses anything: minX <= maxX. */
export type Bounds = readonly [minX: number, minY: number, maxX: number, maxY: number];

/** The whole globe in degrees. */
export const WORLD_BBOX: Bbox = [-180, -90, 180, 90];

/** True if the bbox runs over the antimeridian, which it states by west > east. */
export function isCrossing(bbox: Bbox): boolean {
  return bbox[0] > bbox[2];
}

/**
 * Cuts a bbox at the antimeridian: itself where it does not cross, else its eastern-hemisphere part and then its
 * western-hemisphere part. A part of no width (west = 180 or east = -180) is left out. None of the results crosses.
 */
export function splitAtAntimeridian(bbox: Bbox): readonly Bbox[] {
  const [west, south, east, north] = bbox;
  if (!isCrossing(bbox)) {
    return [bbox];
  }
  const parts: Bbox[] = [];
  if (west < 180) {
    parts.push([west, south, 180, north]);
  }
  if (east > -180) {
    parts.push([-180, south, east, north]);
  }
  return parts;
}

/**
 * Where two bboxes overlap with positive area: no, one or several bboxes, none crossing, in the order of the first
 * one's parts. (Two crossing bboxes overlap in two parts; a wide one and a crossing one may too.)
 */
export function intersection(a: Bbox, b: Bbox): readonly Bbox[] {
  const parts: Bbox[] = [];
  for (const p of splitAtAntimeridian(a)) {
    for (const q of splitAtAntimeridian(b)) {
      const west = Math.max(p[0], q[0]);
      const south = Math.max(p[1], q[1]);
      const east = Math.min(p[2], q[2]);
      const north = Math.min(p[3], q[3]);
      if (west < east && south < north) {
        parts.push([west, south, east, north]);
      }
    }
  }
  return parts;
}

/** True if two bboxes overlap with positive area. Sharing an edge or a corner is not overlapping. */
export function intersects(a: Bbox, b: Bbox): boolean {
  return intersection(a, b).length > 0;
}

/**
 * The narrowest bbox that holds all of the given ones, or null for none. It leaves out the widest range of longitudes
 * that no bbox touches, so it crosses the antimeridian exactly if that is narrower; of two equally narrow ones it takes
 * the one that does not cross.
 */
export function union(bboxes: readonly Bbox[]): Bbox | null {
  if (bboxes.length === 0) {
    return null;
  }
  const south = Math.min(...bboxes.map((bbox) => bbox[1]));
  const north = Math.max(...bboxes.map((bbox) => bbox[3]));
  const [west, east] = narrowestRange(
    bboxes.flatMap((bbox) => splitAtAntimeridian(bbox).map((part): readonly [number, number] => [part[0], part[2]])),
  );
  return [west, south, east, north];
}

/** West and east of the narrowest range that holds all ranges; the ranges lie in -180..180 and none crosses. */
function narrowestRange(ranges: readonly (readonly [number, number])[]): readonly [number, number] {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const min = sorted[0]?.[0] ?? -180;
  let reach = min;
  let widest = 0;
  let gap: readonly [number, number] | null = null;
  for (const [west, east] of sorted) {
    if (west - reach > widest) {
      widest = west - reach;
      gap = [reach, west];
    }
    reach = Math.max(reach, east);
  }
  const gapOutside = 360 - (reach - min);
  return gap !== null && widest > gapOutside ? [gap[1], gap[0]] : [min, reach];
}

/** The narrowest non-crossing box around positions; null for none. Longitudes are taken as they are. */
export function bboxOfPositions(positions: Iterable<Position>): Bbox | null {
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [lng = Number.NaN, lat = Number.NaN] of positions) {
    west = Math.min(west, lng);
    south = Math.min(south, lat);
    east = Math.max(east, lng);
    north = Math.max(north, lat);
  }
  return west <= east && south <= north ? [west, south, east, north] : null;
}

/** The outer ring of the polygon that a box is: closed, anticlockwise (RFC 7946 section 3.1.6), not cut at the antimeridian. */
export function boxRing([west, south, east, north]: Bbox | Bounds): Position[] {
  return [
    [west, south],
    [east, south],
    [east, north],
    [west, north],
    [west, south],
  ];
}

/** Boxes that do not cross the antimeridian as one geometry: a polygon if there is one of them, else a polygon each. */
export function boxesToGeometry(boxes: readonly (Bbox | Bounds)[]): Polygon | MultiPolygon {
  const [only, ...others] = boxes;
  return only !== undefined && others.length === 0
    ? { type: 'Polygon', coordinates: [boxRing(only)] }
    : boxesToMultiPolygon(boxes);
}

/** Boxes that do not cross the antimeridian, a polygon each. */
export function boxesToMultiPolygon(boxes: readonly (Bbox | Bounds)[]): MultiPolygon {
  return { type: 'MultiPolygon', coordinates: boxes.map((box) => [boxRing(box)]) };
}
