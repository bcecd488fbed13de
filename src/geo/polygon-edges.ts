import type { MultiPolygon } from 'geojson';
import type { Bbox } from './bbox.ts';
import { isEdgeEastOf, isEdgeInBox, polygonBbox, shrink } from './polygon.ts';

/** Numbers of edges of a `PolygonEdges`. */
export type EdgeList = readonly number[];

/**
 * A normalised polygon taken apart into edges, for asking about very many boxes that lie in each other, as those of a
 * quadtree do: each box is given the edges of the one around it, so that the cost of a box is the number of edges near
 * it, not the number of edges of the polygon.
 */
export interface PolygonEdges {
  /** All edges: where a descent starts. */
  readonly all: EdgeList;
  /** Those of `edges` that run through the inside of a non-crossing box, its border within `EDGE_TOLERANCE` not counted. */
  within(edges: EdgeList, box: Bbox): EdgeList;
  /** True if the polygon contains the centre of a box; of a box without edges, then, whether it lies inside. */
  containsCentre(box: Bbox): boolean;
}

/** Rows of edges that a point is compared with: memory against speed, 4,096 rows of a country are some hundred metres each. */
const MAX_ROWS = 4096;

/** Takes a normalised polygon apart. Cost: linear in positions, plus the rows that long edges run through. */
export function createPolygonEdges(polygon: MultiPolygon): PolygonEdges {
  const edges = edgesOf(polygon);
  const { x1, y1, x2, y2, owner } = edges;
  const rows = rowsOf(edges, polygonBbox(polygon));
  return {
    all: Array.from(owner.keys()),
    within(list, box) {
      const [west, south, east, north] = shrink(box);
      const found = list.filter((i) => isEdgeInBox(x1[i]!, y1[i]!, x2[i]!, y2[i]!, west, south, east, north));
      return found.length === list.length ? list : found;
    },
    containsCentre(box) {
      const lng = (box[0] + box[2]) / 2;
      const lat = (box[1] + box[3]) / 2;
      let isOdd = false;
      let current = -1;
      // Edges stand polygon by polygon; a point is inside if it is inside any of them, even where they overlap.
      for (const i of rows.at(lat)) {
        if (owner[i] !== current) {
          if (isOdd) {
            return true;
          }
          current = owner[i]!;
        }
        isOdd = isOdd !== isEdgeEastOf(x1[i]!, y1[i]!, x2[i]!, y2[i]!, lng, lat);
      }
      return isOdd;
    },
  };
}

interface Edges {
  readonly x1: Float64Array;
  readonly y1: Float64Array;
  readonly x2: Float64Array;
  readonly y2: Float64Array;
  /** Number of the polygon that the edge belongs to; ascending. */
  readonly owner: Int32Array;
}

function edgesOf(polygon: MultiPolygon): Edges {
  const [x1, y1, x2, y2, owner]: number[][] = [[], [], [], [], []];
  for (const [number, rings] of polygon.coordinates.entries()) {
    for (const ring of rings) {
      for (let i = 1; i < ring.length; i++) {
        const [fromLng = 0, fromLat = 0] = ring[i - 1] ?? [];
        const [toLng = 0, toLat = 0] = ring[i] ?? [];
        x1!.push(fromLng);
        y1!.push(fromLat);
        x2!.push(toLng);
        y2!.push(toLat);
        owner!.push(number);
      }
    }
  }
  return {
    x1: Float64Array.from(x1!),
    y1: Float64Array.from(y1!),
    x2: Float64Array.from(x2!),
    y2: Float64Array.from(y2!),
    owner: Int32Array.from(owner!),
  };
}

interface Rows {
  /** Numbers, ascending, of at least all edges that a ray along a latitude can pass. */
  at(lat: number): EdgeList;
}

/** Sorts edges into bands of latitude. An edge stands in every band that it runs through. */
function rowsOf({ y1, y2, owner }: Edges, bbox: Bbox | null): Rows {
  if (bbox === null) {
    return { at: () => [] };
  }
  const [, south, , north] = bbox;
  // Few rows for few edges, so that edges that run through every row cost no more than about 64 entries each.
  const count = Math.max(1, Math.min(MAX_ROWS, Math.max(64, Math.floor(owner.length / 4))));
  const rowOf = (lat: number): number =>
    Math.min(count - 1, Math.max(0, Math.floor(((lat - south) / (north - south)) * count)));
  const rows: number[][] = Array.from({ length: count }, () => []);
  for (let i = 0; i < owner.length; i++) {
    const last = rowOf(Math.max(y1[i]!, y2[i]!));
    for (let row = rowOf(Math.min(y1[i]!, y2[i]!)); row <= last; row++) {
      rows[row]!.push(i);
    }
  }
  return { at: (lat) => (lat < south || lat > north ? [] : rows[rowOf(lat)]!) };
}
