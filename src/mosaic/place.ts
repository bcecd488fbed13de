import { TilerError } from '../errors.ts';
import type { Bbox } from '../geo/bbox.ts';
import type { Metatile } from '../tms/metatile.ts';
import { WEB_MERCATOR_QUAD } from '../tms/web-mercator-quad.ts';

/**
 * Half the side of the square that stands for a point, in degrees: 6 cm. The 1e-14 that the field uses is lost in double
 * precision beyond 128° of longitude, where neighbouring numbers are 2.8e-14 apart, and search engines that keep
 * positions in 32 bits (Lucene: 8.4e-8°) refuse a polygon whose corners fall together.
 */
const POINT_HALF_SIDE = 5e-7;

/**
 * The small square that stands for a point in degrees: some APIs search by polygon only. It may cross the antimeridian.
 *
 * @throws TilerError `REQUEST_INVALID` for a point that is not on the globe
 */
export function pointBox(lng: number, lat: number): Bbox {
  checkRange('the longitude', lng, -180, 180);
  checkRange('the latitude', lat, -90, 90);
  const west = lng - POINT_HALF_SIDE;
  const east = lng + POINT_HALF_SIDE;
  return [
    west < -180 ? west + 360 : west,
    Math.max(-90, lat - POINT_HALF_SIDE),
    east > 180 ? east - 360 : east,
    Math.min(90, lat + POINT_HALF_SIDE),
  ];
}

/** @throws TilerError `TILE_OUT_OF_RANGE` for an address that WebMercatorQuad does not have */
export function checkMetatile({ z, x, y, size }: Metatile): void {
  const width = 2 ** z / size;
  const isZoom = Number.isInteger(z) && z >= WEB_MERCATOR_QUAD.minzoom && z <= WEB_MERCATOR_QUAD.maxzoom;
  const isAddress = [x, y].every((value) => Number.isInteger(value) && value >= 0 && value < width);
  if (isZoom && isAddress && Number.isInteger(width) && Number.isInteger(Math.log2(size))) return;
  const name = size === 1 ? `tile ${z}/${x}/${y}` : `metatile ${z}/${x}/${y} of ${size} x ${size} tiles`;
  throw new TilerError(
    'TILE_OUT_OF_RANGE',
    `Looking for scenes in ${name}: expected zoom 0 to ${WEB_MERCATOR_QUAD.maxzoom}, column and row 0 to ${
      isZoom ? width - 1 : '2^zoom - 1'
    }.`,
    { context: { tile: `${z}/${x}/${y}` } },
  );
}

/** @throws TilerError `REQUEST_INVALID` for a bbox that is not on the globe or has no area; it may cross the antimeridian */
export function checkBbox(bbox: Bbox): void {
  const [west, south, east, north] = bbox;
  checkRange('west of the bbox', west, -180, 180);
  checkRange('east of the bbox', east, -180, 180);
  checkRange('south of the bbox', south, -90, 90);
  checkRange('north of the bbox', north, -90, 90);
  if (west === east || south >= north) {
    throw new TilerError('REQUEST_INVALID', `Looking for scenes in the bbox ${bbox.join(',')}: it has no area.`);
  }
}

function checkRange(name: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return;
  throw new TilerError(
    'REQUEST_INVALID',
    `Looking for scenes: ${name} is ${value}, expected ${min} to ${max} degrees.`,
  );
}
