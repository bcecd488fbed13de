import type { Position } from 'geojson';

/** The outer ring of the polygon that a box in degrees is: closed, anticlockwise, not split at the antimeridian. */
export function boxRing(west: number, south: number, east: number, north: number): Position[] {
  return [
    [west, south],
    [east, south],
    [east, north],
    [west, north],
    [west, south],
  ];
}
