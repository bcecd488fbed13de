import type { Position } from 'geojson';

/** A ring whose neighbouring positions are also neighbours on the globe; its longitudes may lie beyond ±180. */
type Ring = readonly Position[];

/** What an edge of more than 180° of longitude means: the short way over the antimeridian, or the line as it stands. */
type EdgeReading = 'short-way' | 'as-given';

/** A ring of a scene along the antimeridian is not this much taller than wide, in degrees; that of a global raster is. */
const STRIP_RATIO = 10;

/**
 * Straightens the rings of one polygon: every edge is a straight line in degrees and longitudes may run beyond ±180.
 * Holes are moved by whole turns to where the outer ring is.
 */
export function unwrapRings(rings: readonly Ring[], edges: EdgeReading): readonly Ring[] {
  const [outer = [], ...holes] = rings.map((ring) => {
    const flat = closed(ring);
    return edges === 'short-way' ? theShortWay(flat) : flat;
  });
  const [outerWest, outerEast] = range(outer);
  return [
    outer,
    ...holes.map((hole) => {
      const [west, east] = range(hole);
      // Where the hole does not stick out already, it stays: a hole that touches both ends must not turn.
      const turns =
        west >= outerWest && east <= outerEast ? 0 : Math.round((outerWest + outerEast - west - east) / 2 / 360);
      return moved(hole, turns * 360);
    }),
  ];
}

/** Two-dimensional, closed, without repeated positions. */
function closed(ring: Ring): Ring {
  const positions: Position[] = [];
  for (const [lng = 0, lat = 0] of ring) {
    const last = positions.at(-1);
    if (last === undefined || last[0] !== lng || last[1] !== lat) {
      positions.push([lng, lat]);
    }
  }
  const [first] = positions;
  const last = positions.at(-1);
  if (first !== undefined && last !== undefined && (first[0] !== last[0] || first[1] !== last[1])) {
    positions.push(first);
  }
  return positions;
}

function theShortWay(ring: Ring): Ring {
  const unwrapped: Position[] = [];
  let turns = 0;
  let previous = ring[0]?.[0] ?? 0;
  for (const [lng = 0, lat = 0] of ring) {
    const step = lng - previous;
    // An edge of a whole turn is the top or bottom of a world-wide box, not an edge of no length.
    turns += Math.abs(step) > 180 && Math.abs(step) < 360 ? -Math.sign(step) : 0;
    unwrapped.push([lng + turns * 360, lat]);
    previous = lng;
  }
  if (turns !== 0) {
    return aroundPole(unwrapped);
  }
  return unwrapped.some((position, i) => position[0] !== ring[i]?.[0]) && isStrip(unwrapped) ? ring : unwrapped;
}

/** A ring that ends a turn away from where it began goes around the nearer pole: closed along the pole. */
function aroundPole(ring: Ring): Ring {
  const meanLat = ring.reduce((sum, [, lat = 0]) => sum + lat, 0) / ring.length;
  const pole = meanLat < 0 ? -90 : 90;
  const [firstLng = 0, firstLat = 0] = ring[0] ?? [];
  const lastLng = ring.at(-1)?.[0] ?? 0;
  return [...ring, [lastLng, pole], [firstLng, pole], [firstLng, firstLat]];
}

function isStrip(ring: Ring): boolean {
  const [west, east] = range(ring);
  const lats = ring.map(([, lat = 0]) => lat);
  return Math.max(...lats) - Math.min(...lats) > STRIP_RATIO * (east - west);
}

function range(ring: Ring): readonly [west: number, east: number] {
  let [west, east] = [Infinity, -Infinity];
  for (const [lng = 0] of ring) {
    west = Math.min(west, lng);
    east = Math.max(east, lng);
  }
  return [west, east];
}

function moved(ring: Ring, degrees: number): Ring {
  return degrees === 0 ? ring : ring.map(([lng = 0, lat = 0]) => [lng + degrees, lat]);
}

/**
 * Cuts one unwrapped polygon along every meridian 180° + n · 360° and moves the parts into -180..180. Rings that are
 * left without area go, and with the outer ring its holes. Where a concave ring falls into several parts, they stay one
 * ring that runs back and forth along the antimeridian, which encloses the same area.
 */
export function cutAtAntimeridian(rings: readonly Ring[]): Position[][][] {
  const [west, east] = range(rings[0] ?? []);
  const polygons: Position[][][] = [];
  const last = Math.ceil((east - 180) / 360);
  for (let turn = Math.floor((west + 180) / 360); turn <= last; turn++) {
    const parts = rings.map((ring) => strip(ring, turn));
    const [outer, ...holes] = parts;
    if (outer !== undefined && hasArea(outer)) {
      polygons.push([outer, ...holes.filter(hasArea)]);
    }
  }
  return polygons;
}

/** The part of a ring between the meridians ±180° of one turn, moved into -180..180. */
function strip(ring: Ring, turn: number): Position[] {
  const local = moved(ring, -turn * 360);
  const [west, east] = range(local);
  const cutWest = west < -180 ? keepSide(local, -180, 1) : local;
  const cut = east > 180 ? keepSide(cutWest, 180, -1) : cutWest;
  return [...closed(cut)];
}

/** The part of a closed ring on one side of a meridian: Sutherland and Hodgman 1974. `side` 1 keeps the east, -1 the west. */
function keepSide(ring: Ring, meridian: number, side: 1 | -1): Ring {
  const kept: Position[] = [];
  for (let i = 1; i < ring.length; i++) {
    const [x1 = 0, y1 = 0] = ring[i - 1] ?? [];
    const [x2 = 0, y2 = 0] = ring[i] ?? [];
    const isIn1 = (x1 - meridian) * side >= 0;
    const isIn2 = (x2 - meridian) * side >= 0;
    if (isIn1 !== isIn2) {
      kept.push([meridian, y1 + ((meridian - x1) / (x2 - x1)) * (y2 - y1)]);
    }
    if (isIn2) {
      kept.push([x2, y2]);
    }
  }
  return kept;
}

/** Area of a closed ring in square degrees, unsigned. */
export function ringArea(ring: Ring): number {
  let doubled = 0;
  const [x0 = 0, y0 = 0] = ring[0] ?? [];
  for (let i = 1; i < ring.length; i++) {
    const [x1 = 0, y1 = 0] = ring[i - 1] ?? [];
    const [x2 = 0, y2 = 0] = ring[i] ?? [];
    doubled += (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0);
  }
  return Math.abs(doubled) / 2;
}

function hasArea(ring: Ring): boolean {
  return ringArea(ring) > 0;
}
