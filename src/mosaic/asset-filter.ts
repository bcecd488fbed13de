import type { MultiPolygon } from 'geojson';
import { intersects } from '../geo/bbox.ts';
import type { Bbox } from '../geo/bbox.ts';
import { intersectsBbox } from '../geo/polygon.ts';
import type { Scene } from './scene.ts';

/** Mean radius of the Earth in metres (IUGG). */
const EARTH_RADIUS = 6_371_009;

const METRES_PER_DEGREE = (Math.PI * EARTH_RADIUS) / 180;

/** An edge this close to a parallel or meridian, in degrees, is one: the scene's grid is geographic or Mercator. */
const STRAIGHT = 1e-9;

/**
 * The most, in metres, by which pixels are looked for outside a footprint. Enough for the longest edges in use, Landsat's
 * 185 km, up to 70° of latitude. Searches reach as far, so that what a tile shows does not depend on the metatile.
 */
export const MAX_FOOTPRINT_SLACK = 2000;

/**
 * The scenes that touch a bbox, in the order given. Touching is overlapping with positive area: scenes and tiles that
 * share no more than an edge do not touch. A scene without a footprint may be anywhere and touches everything.
 *
 * Footprints are taken as a little larger than they are drawn (`footprintSlack`): a scene too many costs a look into its
 * header, one too few is a hole.
 */
export function scenesTouching(scenes: readonly Scene[], bbox: Bbox): readonly Scene[] {
  return scenes.filter(({ footprint, bbox: sceneBbox }) => {
    if (footprint === null) return true;
    const grown = growBbox(bbox, footprintSlack(footprint));
    return (sceneBbox === null || intersects(sceneBbox, grown)) && intersectsBbox(footprint, grown);
  });
}

/**
 * How far, in metres, pixels of a scene may lie outside its footprint. Footprints join the corners of a scene by straight
 * lines in degrees; the true edge, straight in UTM, bends away from that line by the sagitta `L² · tan(lat) / 8R` of a
 * parallel: 250 m for a Sentinel-2 tile at 46°, where whole tiles of zoom 14 and up would be missed. Edges along
 * parallels and meridians do not bend: the scene's grid is geographic or Mercator, and abutting scenes stay exact.
 */
export function footprintSlack(footprint: MultiPolygon): number {
  let slack = 0;
  for (const rings of footprint.coordinates) {
    const outer = rings[0] ?? [];
    for (let i = 1; i < outer.length; i++) {
      const [x1 = 0, y1 = 0] = outer[i - 1] ?? [];
      const [x2 = 0, y2 = 0] = outer[i] ?? [];
      if (Math.abs(x2 - x1) < STRAIGHT || Math.abs(y2 - y1) < STRAIGHT) continue;
      const lat = (Math.min(Math.max(Math.abs(y1), Math.abs(y2)), 89) * Math.PI) / 180;
      const length = Math.hypot((x2 - x1) * Math.cos(lat), y2 - y1) * METRES_PER_DEGREE;
      // The tenth stands for the bend of lines along the meridians, which at the equator is all there is.
      slack = Math.max(slack, (length ** 2 / (8 * EARTH_RADIUS)) * (Math.tan(lat) + 0.1));
    }
  }
  return Math.min(slack, MAX_FOOTPRINT_SLACK);
}

/** A bbox grown on all sides by metres on the ground; over the antimeridian too, where it then crosses it. */
export function growBbox(bbox: Bbox, metres: number): Bbox {
  if (metres === 0) return bbox;
  const [west, south, east, north] = bbox;
  const dLat = metres / METRES_PER_DEGREE;
  const top = Math.min(90, north + dLat);
  const bottom = Math.max(-90, south - dLat);
  // The pole itself has no width in degrees to grow by; 89.9° stands for what is beyond.
  const widestLat = Math.min(Math.max(Math.abs(top), Math.abs(bottom)), 89.9);
  const dLng = dLat / Math.cos((widestLat * Math.PI) / 180);
  const width = west > east ? east + 360 - west : east - west;
  if (width + 2 * dLng >= 360) return [-180, bottom, 180, top];
  return [
    west - dLng < -180 ? west - dLng + 360 : west - dLng,
    bottom,
    east + dLng > 180 ? east + dLng - 360 : east + dLng,
    top,
  ];
}
