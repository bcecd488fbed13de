import type { MultiPolygon } from 'geojson';
import { polygonBbox } from '../geo/polygon.ts';
import type { Bbox } from '../geo/bbox.ts';
import { createPolygonEdges } from '../geo/polygon-edges.ts';
import type { EdgeList, PolygonEdges } from '../geo/polygon-edges.ts';
import { hilbertAt, quadrantColumn, quadrantOrientation, quadrantRow, ROOT_ORIENTATION } from './hilbert.ts';
import { baseZooms } from './base-zooms.ts';
import type { BaseZoom } from './base-zooms.ts';
import { metatileSizeAt } from './metatile.ts';
import type { Metatile, MetatileWork } from './metatile.ts';
import { pushQuadrants, rootSquare } from './quadtree.ts';
import type { Square } from './quadtree.ts';
import type { Tile } from './tile.ts';
import { coarser, countInSquare, countWithin, rangeSize, tileRangeOf } from './tile-range.ts';
import type { TileRange } from './tile-range.ts';
import { tileBbox } from './web-mercator-quad.ts';

/** What a cover is the cover of: a bbox, which may cross the antimeridian, or a normalised polygon. */
export type CoverArea =
  | { readonly kind: 'bbox'; readonly bbox: Bbox }
  | { readonly kind: 'polygon'; readonly polygon: MultiPolygon };

export interface CoverOptions {
  readonly area: CoverArea;
  readonly minzoom: number;
  readonly maxzoom: number;
  /** Tiles per side of a metatile: a power of two. Zooms with fewer tiles have one metatile of all of them. */
  readonly metatileSize: number;
  /** The lowest zoom that is rendered from scenes; those below are made of the tiles of the next zoom. Default `minzoom`. */
  readonly sourceMinzoom?: number | undefined;
}

/** The tiles of one zoom that the bounding rectangle of the area touches. */
interface CoverLevel {
  readonly z: number;
  readonly tiles: TileRange;
}

/** A zoom that has metatiles. */
export interface CoverZoom extends CoverLevel, BaseZoom {
  /** Levels of the quadtree from a metatile down to its tiles: log2 of the metatile's size. */
  readonly inner: number;
  /** Metatiles that the bounding rectangle of the area touches. */
  readonly metatiles: TileRange;
  /** Index of the first metatile of this zoom. */
  readonly firstIndex: number;
  /** How many indices this zoom has. */
  readonly indexCount: number;
}

/** An area over a range of zooms, resolved as far as its size does not matter. Ask with the functions of this file. */
export interface Cover {
  /** Every zoom, ascending. One that the area does not touch, beyond the latitudes of the grid, is not there. */
  readonly levels: readonly CoverLevel[];
  /** Those with metatiles, in the order in which they are rendered. */
  readonly zooms: readonly CoverZoom[];
  readonly indexCount: number;
  /** Null for a bbox: its rectangles are exact. */
  readonly edges: PolygonEdges | null;
}

/** A square of the quadtree, and which edges run through it; null = wholly inside the area's polygon. */
export type CoverSquare = Square<EdgeList | null>;

/** Prepares the cover of an area. Cost: linear in the polygon's positions; nothing is listed. */
export function createCover({ area, ...options }: CoverOptions): Cover {
  const bbox = area.kind === 'bbox' ? area.bbox : polygonBbox(area.polygon);
  const levels: CoverLevel[] = [];
  for (let z = options.minzoom; z <= options.maxzoom; z++) {
    const tiles = bbox === null ? null : tileRangeOf(bbox, z);
    if (tiles !== null) levels.push({ z, tiles });
  }
  const zooms: CoverZoom[] = [];
  let indexCount = 0;
  for (const base of baseZooms(options)) {
    const level = levels.find(({ z }) => z === base.z);
    if (level === undefined) continue;
    const inner = Math.log2(metatileSizeAt(base.z, options.metatileSize));
    const metatiles = coarser(level.tiles, inner);
    const size = rangeSize(metatiles);
    zooms.push({ ...base, ...level, inner, metatiles, firstIndex: indexCount, indexCount: size });
    indexCount += size;
  }
  return { levels, zooms, indexCount, edges: area.kind === 'bbox' ? null : createPolygonEdges(area.polygon) };
}

export function rootOf({ edges }: Cover): CoverSquare {
  return rootSquare(edges === null ? null : edges.all);
}

/** The work of a metatile, given as the square that it is; null if the area touches none of its tiles. */
export function workOf(cover: Cover, zoom: CoverZoom, square: CoverSquare, index: number): MetatileWork | null {
  const { z, inner, parentZooms, from, isHandedOn } = zoom;
  const tilesAt = (at: number): readonly Tile[] => {
    const level = cover.levels.find((one) => one.z === at);
    return level === undefined ? [] : tilesIn(cover, level, square);
  };
  const tiles = tilesAt(z);
  const parents: Tile[] = [];
  for (let at = z - 1; at >= z - parentZooms; at--) parents.push(...tilesAt(at));
  if (tiles.length + parents.length === 0) return null;
  return {
    index,
    metatile: { z, x: square.x, y: square.y, size: 2 ** inner },
    children: from === 'children' ? tilesAt(z + 1) : null,
    tiles,
    parents,
    handedOn: isHandedOn ? { z: square.z, x: square.x, y: square.y } : null,
  };
}

/** The edges through a square out of those through a square around it; null = wholly inside. */
export function edgesIn(cover: Cover, { z, x, y }: Tile, around: EdgeList | null): EdgeList | null | 'outside' {
  if (cover.edges === null || around === null) {
    return null;
  }
  const box = tileBbox({ z, x, y });
  const found = cover.edges.within(around, box);
  if (found.length > 0) {
    return found;
  }
  return cover.edges.containsCentre(box) ? null : 'outside';
}

/** The tiles of one zoom in a square that the area touches; in Hilbert order. */
function tilesIn(cover: Cover, zoom: CoverLevel, metatile: CoverSquare): readonly Tile[] {
  const tiles: Tile[] = [];
  const stack = [metatile];
  for (let square = stack.pop(); square !== undefined; square = stack.pop()) {
    const { z, x, y, known } = square;
    const edges = countInSquare(zoom.tiles, square, zoom.z) === 0 ? 'outside' : edgesIn(cover, square, known);
    if (edges !== 'outside') {
      if (z < zoom.z) {
        pushQuadrants(stack, square, edges);
      } else {
        tiles.push({ z, x, y });
      }
    }
  }
  return tiles;
}

/** The zoom that an index is of. */
export function zoomOfIndex<T extends Pick<CoverZoom, 'firstIndex' | 'indexCount'>>(
  zooms: readonly T[],
  index: number,
): T | undefined {
  return zooms.find(({ firstIndex, indexCount }) => index >= firstIndex && index < firstIndex + indexCount);
}

/**
 * The metatile of an index and the tiles of it that the area touches; null if the area's polygon leaves that metatile
 * of the bounding rectangle out, or if there is no such index.
 *
 * Cost: the depth of the quadtree and the tiles of the metatile; with a polygon also once its edges.
 */
export function workAt(cover: Cover, index: number): MetatileWork | null {
  const zoom = zoomOfIndex(cover.zooms, index);
  if (zoom === undefined || !Number.isInteger(index)) {
    return null;
  }
  const square = squareAt(zoom, index - zoom.firstIndex);
  const known = edgesIn(cover, square, rootOf(cover).known);
  return known === 'outside' ? null : workOf(cover, zoom, { ...square, known }, index);
}

/** The metatile number `rank` of a zoom's rectangle along the curve: select, by counting quadrants on the way down. */
function squareAt(zoom: CoverZoom, rank: number): Omit<CoverSquare, 'known'> {
  let [x, y, orientation, before] = [0, 0, ROOT_ORIENTATION, 0];
  const depth = zoom.z - zoom.inner;
  for (let level = depth - 1; level >= 0; level--) {
    const side = 2 ** level;
    for (let quadrant = 0; quadrant < 4; quadrant++) {
      const qx = x * 2 + quadrantColumn(orientation, quadrant);
      const qy = y * 2 + quadrantRow(orientation, quadrant);
      const count = countWithin(zoom.metatiles, qx * side, qy * side, side);
      if (rank < before + count) {
        [x, y, orientation] = [qx, qy, quadrantOrientation(orientation, quadrant)];
        break;
      }
      before += count;
    }
  }
  return { z: depth, x, y, orientation };
}

/**
 * The index of a metatile: its rank along the curve among the metatiles of the area's bounding rectangle, after those
 * of the zooms before. Null if the metatile is not one of them, or of another size.
 */
export function indexOf(cover: Cover, { z, x, y, size }: Metatile): number | null {
  const zoom = cover.zooms.find((one) => one.z === z);
  if (zoom === undefined || size !== 2 ** zoom.inner || countWithin(zoom.metatiles, x, y, 1) === 0) {
    return null;
  }
  let index = zoom.firstIndex;
  for (let level = z - zoom.inner - 1; level >= 0; level--) {
    const side = 2 ** level;
    const parentX = Math.floor(x / side / 2);
    const parentY = Math.floor(y / side / 2);
    const { orientation } = hilbertAt(z - zoom.inner - level - 1, parentX, parentY);
    for (let quadrant = 0; quadrant < 4; quadrant++) {
      const qx = parentX * 2 + quadrantColumn(orientation, quadrant);
      const qy = parentY * 2 + quadrantRow(orientation, quadrant);
      if (qx === Math.floor(x / side) && qy === Math.floor(y / side)) {
        break;
      }
      index += countWithin(zoom.metatiles, qx * side, qy * side, side);
    }
  }
  return index;
}
