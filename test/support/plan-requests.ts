import * as fc from 'fast-check';
import type { Position } from 'geojson';
import type { PlanRequest } from '../../jobs/plan-jobs.ts';
import type { Bbox } from '../../src/geo/bbox.ts';
import { tileBbox } from '../../src/tms/web-mercator-quad.ts';

const MAXZOOM = 5;

export const planZooms = fc
  .tuple(
    fc.integer({ min: 0, max: MAXZOOM }),
    fc.integer({ min: 0, max: MAXZOOM }),
    fc.constantFrom(1, 2, 4, 8),
    fc.option(fc.integer({ min: 0, max: MAXZOOM + 1 }), { nil: undefined }),
  )
  .map(([a, b, metatileSize, sourceMinzoom]) => ({
    sourceMinzoom,
    minzoom: Math.min(a, b),
    maxzoom: Math.max(a, b),
    metatileSize: metatileSize as PlanRequest['metatileSize'],
  }));

/** Whole centimetres or so, as within the tolerance at an edge both answers are right. */
function degrees(max: number): fc.Arbitrary<number> {
  return fc.integer({ min: -max * 1e7, max: max * 1e7 }).map((value) => value / 1e7);
}

/** Bboxes, crossing or not, some of them exactly on the edges of tiles. */
export const planBbox: fc.Arbitrary<Bbox> = fc
  .oneof(
    fc.tuple(degrees(180), degrees(90), degrees(180), degrees(90)),
    fc
      .tuple(fc.nat({ max: 31 }), fc.nat({ max: 31 }), fc.nat({ max: 31 }), fc.nat({ max: 31 }))
      .map(([x1, y1, x2, y2]) => {
        const [west, south] = tileBbox({ z: MAXZOOM, x: x1, y: y1 });
        const [, , east, north] = tileBbox({ z: MAXZOOM, x: x2, y: y2 });
        return [west, south, east, north] as const;
      }),
  )
  .map(([west, south, east, north]): Bbox => [west, Math.min(south, north), east, Math.max(south, north)])
  .filter(
    ([west, south, east, north]) =>
      Math.abs(west - east) > 1e-6 && Math.abs(south - north) > 1e-6 && west - east < 359.9,
  );

/** A star-shaped ring around a point, so that it never crosses itself; of `scale` 1, or a hole of it. */
function star(x: number, y: number, radii: readonly number[], scale: number): Position[] {
  const ring = radii.map((radius, i) => {
    const angle = (2 * Math.PI * i) / radii.length;
    return [x + radius * scale * Math.cos(angle), Math.max(-90, Math.min(90, y + radius * scale * Math.sin(angle)))];
  });
  return [...ring, ring[0]!];
}

export const planPolygon = fc
  .record({
    x: fc.integer({ min: -180, max: 180 }),
    y: fc.integer({ min: -60, max: 60 }),
    radii: fc.array(fc.double({ min: 1, max: 30, noNaN: true }), { minLength: 3, maxLength: 12 }),
    hole: fc.constantFrom(0, 0.3, 0.8),
  })
  .map(({ x, y, radii, hole }) => [star(x, y, radii, 1), ...(hole === 0 ? [] : [star(x, y, radii, hole)])]);

const area: fc.Arbitrary<PlanRequest['area']> = fc.oneof(
  planBbox.map((box) => ({ bbox: [...box] as [number, number, number, number] })),
  fc.array(planPolygon, { minLength: 1, maxLength: 2 }).map((coordinates) => ({
    geometry: { type: 'MultiPolygon' as const, coordinates },
  })),
);

/** Requests as far as a plan is made of them. */
export const planRequest = fc.tuple(area, planZooms).map(([where, what]): PlanRequest => ({ area: where, ...what }));
