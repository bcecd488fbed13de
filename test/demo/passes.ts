/** A position in degrees. */
export type Position = readonly [lng: number, lat: number];

/** One scene before it has pixels: a slanted frame of one pass of the satellite, cut at the antimeridian. */
export interface Frame {
  readonly id: string;
  /** RFC 3339, UTC. */
  readonly datetime: string;
  readonly dateIndex: number;
  readonly epsg: 4326 | 3857;
  /** Open ring in degrees, clockwise or not, every longitude in -180..180. */
  readonly ring: readonly Position[];
  /** Where the frame has data at a latitude: from its western to its eastern edge, or null for nowhere. */
  span(lat: number): readonly [west: number, east: number] | null;
}

/** The dates on which the satellite looked at the whole world. */
export const DATES = ['2026-06-03', '2026-06-11', '2026-06-19', '2026-06-27', '2026-07-05', '2026-07-13'] as const;

const PASSES_PER_DATE = 10;
const PASS_SPACING = 360 / PASSES_PER_DATE;
/** A little less than the spacing, so that one date leaves slanted gaps, as a real swath does near the equator. */
const PASS_WIDTH = PASS_SPACING * 0.94;
/** Degrees of longitude that a pass moves east per degree north: the track of a sun-synchronous orbit. */
const SLANT = 0.2;
/** Degrees of latitude that a frame's upper edge falls per degree east. */
const TILT = 0.08;
/** Centres of the frames along a pass, in degrees, and half their height with an overlap of one degree. */
const ROWS = [72, 48, 24, 0, -24, -48, -72] as const;
const HALF_ROW = 12.5;
/** Beyond the end of Web Mercator at 85.0511 degrees. */
const MAX_LATITUDE = 85.9;

/** How far the passes of one date lie east of those of the first, in parts of the spacing. */
const DRIFT = [0, 0.17, 0.34, 0.5, 0.67, 0.84] as const;

/** How far the frames of one date lie north of those of the first, in degrees: seams fall elsewhere on every date. */
const ROW_DRIFT = [0, 8, -4, 4, -8, 12] as const;

/** A half plane `a·lng + b·lat <= c`. */
type HalfPlane = readonly [a: number, b: number, c: number];

function isInside([a, b, c]: HalfPlane, [lng, lat]: Position): boolean {
  return a * lng + b * lat <= c;
}

/** Cuts a convex ring at a straight line (Sutherland and Hodgman 1974). */
function clip(ring: readonly Position[], plane: HalfPlane): readonly Position[] {
  const [a, b, c] = plane;
  return ring.flatMap((from, index) => {
    const to = ring[(index + 1) % ring.length]!;
    const kept = isInside(plane, from) ? [from] : [];
    if (isInside(plane, from) === isInside(plane, to)) return kept;
    const t = (c - a * from[0] - b * from[1]) / (a * (to[0] - from[0]) + b * (to[1] - from[1]));
    return [...kept, [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])] as const];
  });
}

/** The longitudes that lie inside all edges at one latitude. */
function spanOf(edges: readonly HalfPlane[], lat: number): readonly [number, number] | null {
  let west = -180;
  let east = 180;
  for (const [a, b, c] of edges) {
    if (a > 0) east = Math.min(east, (c - b * lat) / a);
    else west = Math.max(west, (c - b * lat) / a);
  }
  return west < east ? [west, east] : null;
}

/** The four edges of a frame whose pass crosses the equator at `equator` degrees east. */
function edgesOf(equator: number, row: number, drift: number): readonly HalfPlane[] {
  const half = PASS_WIDTH / 2;
  const top = row === ROWS[0] ? 100 : row + drift + HALF_ROW;
  const bottom = row === ROWS[ROWS.length - 1] ? -100 : row + drift - HALF_ROW;
  const offset = TILT * equator;
  return [
    [1, -SLANT, equator + half],
    [-1, SLANT, half - equator],
    [TILT, 1, top + offset],
    [-TILT, -1, -bottom - offset],
  ];
}

function frameAt(dateIndex: number, pass: number, row: number, turn: number): Frame | null {
  const equator = -180 + (pass + DRIFT[dateIndex]!) * PASS_SPACING + turn * 360;
  const edges = edgesOf(equator, row, ROW_DRIFT[dateIndex]!);
  const world: readonly Position[] = [
    [-180, -MAX_LATITUDE],
    [180, -MAX_LATITUDE],
    [180, MAX_LATITUDE],
    [-180, MAX_LATITUDE],
  ];
  const ring = edges.reduce(clip, world);
  if (ring.length < 3) return null;
  const lngs = ring.map(([lng]) => lng);
  // A sliver of less than a pixel's width is nobody's scene.
  if (Math.max(...lngs) - Math.min(...lngs) < 0.2) return null;
  const date = DATES[dateIndex]!;
  const rowIndex = ROWS.indexOf(row as (typeof ROWS)[number]) + 1;
  const side = turn === 0 ? '' : turn < 0 ? '-W' : '-E';
  // About 99 minutes an orbit, a few minutes from one frame to the next.
  const minutes = 30 + pass * 99 + rowIndex * 6;
  const time = `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}:00Z`;
  return {
    id: `BM_${date.replaceAll('-', '')}_P${String(pass + 1).padStart(2, '0')}_R${rowIndex}${side}`,
    datetime: `${date}T${time}`,
    dateIndex,
    epsg: pass % 2 === 0 ? 4326 : 3857,
    ring,
    span: (lat) => spanOf(edges, lat),
  };
}

/** All frames of one date. A frame that crosses the antimeridian is two, one on each side. */
export function framesOfDate(dateIndex: number): readonly Frame[] {
  const frames: Frame[] = [];
  for (let pass = 0; pass < PASSES_PER_DATE; pass += 1) {
    for (const row of ROWS) {
      for (const turn of [-1, 0, 1]) {
        const frame = frameAt(dateIndex, pass, row, turn);
        if (frame !== null) frames.push(frame);
      }
    }
  }
  return frames;
}
