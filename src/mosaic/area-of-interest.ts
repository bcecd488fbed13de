import type { MultiPolygon, Polygon } from 'geojson';
import { TilerError } from '../errors.ts';
import type { Bbox } from '../geo/bbox.ts';
import { containsPoint, intersectsBbox, normalisePolygon } from '../geo/polygon.ts';
import { growBbox } from './asset-filter.ts';
import type { Scene } from './scene.ts';

/** Sharing an edge with the area counts, as it does for STAC's `bbox` and `intersects`. */
const TOUCH_METRES = 0.001;

/** True for a scene that touches the area of interest, or may. */
type SceneFilter = (scene: Scene) => boolean;

/** A user's query, parted into what the API is sent and what is checked here. */
export interface PartedQuery {
  readonly conditions: Readonly<Record<string, unknown>>;
  readonly isInArea: SceneFilter;
}

/**
 * Takes the area of interest, `bbox` and `intersects`, out of a query. A search has room for one area, and that is the
 * tile's; sending the query's as well is refused by the standard, and overwriting it would lose it. So the API is asked
 * by tile, and its scenes are kept if their footprint overlaps the query's area too, which is what both conditions mean.
 *
 * @throws TilerError `REQUEST_INVALID` for an area that is none, and for fields that the request states elsewhere
 */
export function partQuery(query: Readonly<Record<string, unknown>>): PartedQuery {
  const { bbox, intersects, ...conditions } = query;
  for (const field of ['limit', 'sortby']) {
    if (Object.hasOwn(conditions, field)) {
      throw new TilerError('REQUEST_INVALID', `mosaic.query.${field}: state it as mosaic.${field} instead.`);
    }
  }
  const filters: SceneFilter[] = [];
  if (bbox !== undefined && bbox !== null) filters.push(bboxFilter(readBbox(bbox)));
  if (intersects !== undefined && intersects !== null) {
    const area = readArea(intersects);
    filters.push('type' in area ? polygonFilter(normalisePolygon(area)) : pointFilter(area.lng, area.lat));
  }
  return { conditions, isInArea: (scene) => filters.every((filter) => filter(scene)) };
}

function bboxFilter(bbox: Bbox): SceneFilter {
  const touched = growBbox(bbox, TOUCH_METRES);
  return ({ footprint }) => footprint === null || intersectsBbox(footprint, touched);
}

function pointFilter(lng: number, lat: number): SceneFilter {
  return ({ footprint }) => footprint === null || containsPoint(footprint, lng, lat);
}

function polygonFilter(area: MultiPolygon): SceneFilter {
  if (area.coordinates.length === 0) {
    throw new TilerError('REQUEST_INVALID', 'mosaic.query.intersects: the polygon has no area.');
  }
  return ({ footprint, bbox }) =>
    footprint === null ||
    ((bbox === null || intersectsBbox(area, growBbox(bbox, TOUCH_METRES))) && polygonsOverlap(area, footprint));
}

/**
 * True if two normalised polygons share a place: an edge of one meets an edge of the other, or one lies in the other.
 * Cost: the product of their positions.
 */
function polygonsOverlap(a: MultiPolygon, b: MultiPolygon): boolean {
  return (
    a.coordinates.some((ringsA) =>
      b.coordinates.some((ringsB) => ringsA.some((ringA) => ringsB.some((ringB) => ringsCross(ringA, ringB)))),
    ) ||
    hasCornerIn(a, b) ||
    hasCornerIn(b, a)
  );
}

function hasCornerIn(a: MultiPolygon, b: MultiPolygon): boolean {
  return a.coordinates.some(([outer]) => {
    const [lng = 0, lat = 0] = outer?.[0] ?? [];
    return containsPoint(b, lng, lat);
  });
}

function ringsCross(a: readonly number[][], b: readonly number[][]): boolean {
  for (let i = 1; i < a.length; i++) {
    const [ax1 = 0, ay1 = 0] = a[i - 1] ?? [];
    const [ax2 = 0, ay2 = 0] = a[i] ?? [];
    for (let j = 1; j < b.length; j++) {
      const [bx1 = 0, by1 = 0] = b[j - 1] ?? [];
      const [bx2 = 0, by2 = 0] = b[j] ?? [];
      if (segmentsTouch(ax1, ay1, ax2, ay2, bx1, by1, bx2, by2)) return true;
    }
  }
  return false;
}

/** True if two segments have a point in common: each one's ends lie on both sides of the other, or on it. */
function segmentsTouch(
  ax1: number,
  ay1: number,
  ax2: number,
  ay2: number,
  bx1: number,
  by1: number,
  bx2: number,
  by2: number,
): boolean {
  const areBoxesApart =
    Math.max(ax1, ax2) < Math.min(bx1, bx2) ||
    Math.max(bx1, bx2) < Math.min(ax1, ax2) ||
    Math.max(ay1, ay2) < Math.min(by1, by2) ||
    Math.max(by1, by2) < Math.min(ay1, ay2);
  if (areBoxesApart) return false;
  const side = (x1: number, y1: number, x2: number, y2: number, x: number, y: number): number =>
    Math.sign((x2 - x1) * (y - y1) - (y2 - y1) * (x - x1));
  return (
    side(ax1, ay1, ax2, ay2, bx1, by1) * side(ax1, ay1, ax2, ay2, bx2, by2) <= 0 &&
    side(bx1, by1, bx2, by2, ax1, ay1) * side(bx1, by1, bx2, by2, ax2, ay2) <= 0
  );
}

/** `[west, south, east, north]` in degrees; the heights of a bbox of six are left out. */
function readBbox(value: unknown): Bbox {
  const numbers: readonly unknown[] = Array.isArray(value) ? value : [];
  const [west, south, east, north] = numbers.length === 6 ? [0, 1, 3, 4].map((n) => numbers[n]) : numbers;
  const isFour = numbers.length === 4 || (numbers.length === 6 && numbers.every(Number.isFinite));
  if (!isFour || !isPosition(west, south) || !isPosition(east, north)) {
    throw noArea('bbox', `found ${JSON.stringify(value)?.slice(0, 80)}`);
  }
  const bbox: Bbox = [Number(west), Number(south), Number(east), Number(north)];
  if (bbox[0] === bbox[2] || bbox[1] >= bbox[3]) throw noArea('bbox', 'the bbox has no area');
  return bbox;
}

/** A geometry in GeoJSON, as far as it can be an area; how its rings lie is looked at later. */
function readArea(value: unknown): Polygon | MultiPolygon | { readonly lng: number; readonly lat: number } {
  const { type, coordinates } = Object(value) as { readonly type?: unknown; readonly coordinates?: unknown };
  if (type === 'Point') {
    const position: readonly unknown[] = Array.isArray(coordinates) ? coordinates : [];
    const [lng, lat] = position;
    if (isPosition(lng, lat) && position.every(Number.isFinite)) return { lng: Number(lng), lat: Number(lat) };
    throw noArea('intersects.coordinates', 'not a position');
  }
  if (type !== 'Polygon' && type !== 'MultiPolygon') throw noArea('intersects.type', 'not one of these');
  if (isNested(coordinates, type === 'Polygon' ? [1, 4, 2] : [1, 1, 4, 2])) {
    return { type, coordinates } as Polygon | MultiPolygon;
  }
  throw noArea('intersects.coordinates', `not nested as a ${type}'s, in rings of at least 4 positions`);
}

/** True for lists of lists, each level with at least so many, and numbers in the last. */
function isNested(value: unknown, [least, ...further]: readonly number[]): boolean {
  if (least === undefined) return Number.isFinite(value);
  return Array.isArray(value) && value.length >= least && value.every((part: unknown) => isNested(part, further));
}

function isPosition(lng: unknown, lat: unknown): boolean {
  return typeof lng === 'number' && typeof lat === 'number' && Math.abs(lng) <= 180 && Math.abs(lat) <= 90;
}

function noArea(field: string, found: string): TilerError {
  const isBbox = field === 'bbox';
  const expected = isBbox
    ? '[west, south, east, north] in degrees'
    : 'a GeoJSON Point, Polygon or MultiPolygon in degrees';
  return new TilerError('REQUEST_INVALID', `mosaic.query.${field}: ${found}. Expected ${expected}.`);
}
