import { TilerError } from '../errors.ts';
import type { Affine } from '../geo/affine.ts';
import type { Bbox, Bounds } from '../geo/bbox.ts';
import { SCREEN_PIXEL_METRES } from './tile-matrix-set.ts';
import type { TileMatrix, TileMatrixSet } from './tile-matrix-set.ts';
import type { Tile } from './tile.ts';

/** Semi-major axis of WGS 84, which Web Mercator takes as the radius of its sphere, in metres (EPSG Guidance Note 7-2, 3.2.1.2). */
const EARTH_RADIUS = 6_378_137;

/** Half the width of the grid: half the equator, in metres. The same number as in OGC 17-083r4, annex D.1. */
const HALF_EXTENT = Math.PI * EARTH_RADIUS;

const EXTENT = 2 * HALF_EXTENT;

const TILE_WIDTH = 256;

const MAXZOOM = 30;

/** The latitude at which Web Mercator's world is square, in degrees: the grid ends there. */
export const MAX_LATITUDE = latitudeOf(0);

/** The latitude of a height in the grid: 0 = top edge, 1 = bottom edge; beyond them for a halo. */
export function latitudeOf(fraction: number): number {
  return (Math.atan(Math.sinh(2 * Math.PI * (0.5 - fraction))) * 180) / Math.PI;
}

/** The longitude of a place across the grid: 0 = west edge, 1 = east edge. */
export function longitudeOf(fraction: number): number {
  return (fraction - 0.5) * 360;
}

/** How far down the grid a latitude lies: 0 = top edge, 1 = bottom edge, where latitudes beyond the grid are put too. */
export function rowFractionOf(lat: number): number {
  const fraction = 0.5 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / (2 * Math.PI);
  return Math.min(1, Math.max(0, fraction));
}

/** How far across the grid a longitude lies: 0 = west edge, 1 = east edge, where longitudes beyond the grid are put too. */
export function columnFractionOf(lng: number): number {
  return Math.min(1, Math.max(0, lng / 360 + 0.5));
}

/**
 * What a tile of WebMercatorQuad covers, in metres of EPSG:3857. Tiles that share an edge share its exact number, and so
 * do a tile and its children: the fraction is exact, so there is only one rounding.
 */
export function tileBounds({ z, x, y }: Tile): Bounds {
  const n = 2 ** z;
  return [(x / n - 0.5) * EXTENT, (0.5 - (y + 1) / n) * EXTENT, ((x + 1) / n - 0.5) * EXTENT, (0.5 - y / n) * EXTENT];
}

/** What a tile of WebMercatorQuad covers, in degrees; never crosses the antimeridian. Edges are shared as in `tileBounds`. */
export function tileBbox({ z, x, y }: Tile): Bbox {
  const n = 2 ** z;
  return [longitudeOf(x / n), latitudeOf((y + 1) / n), longitudeOf((x + 1) / n), latitudeOf(y / n)];
}

/** The transform of a tile of WebMercatorQuad with `tileSize × tileSize` pixels: pixel (col, row) to metres of EPSG:3857. */
export function tileTransform(tile: Tile, tileSize: number): Affine {
  const [west, , , north] = tileBounds(tile);
  const resolution = EXTENT / 2 ** tile.z / tileSize;
  return [resolution, 0, west, 0, -resolution, north];
}

/** The tile of WebMercatorQuad that holds a point in degrees; points outside the grid give the nearest tile. */
export function tileAt(lng: number, lat: number, z: number): Tile {
  const n = 2 ** z;
  return {
    z,
    x: Math.min(n - 1, Math.floor(columnFractionOf(lng) * n)),
    y: Math.min(n - 1, Math.floor(rowFractionOf(lat) * n)),
  };
}

/** Metres of EPSG:3857 per pixel at a zoom, for tiles of `tileSize` pixels. */
export function resolutionAt(z: number, tileSize: number): number {
  return EXTENT / 2 ** z / tileSize;
}

function matrix(z: number): TileMatrix {
  if (!Number.isInteger(z) || z < 0 || z > MAXZOOM) {
    throw new TilerError(
      'ZOOM_OUT_OF_RANGE',
      `Zoom ${z} of WebMercatorQuad: expected a whole number from 0 to ${MAXZOOM}`,
    );
  }
  const cellSize = resolutionAt(z, TILE_WIDTH);
  return {
    z,
    scaleDenominator: cellSize / SCREEN_PIXEL_METRES,
    cellSize,
    pointOfOrigin: [-HALF_EXTENT, HALF_EXTENT],
    tileWidth: TILE_WIDTH,
    tileHeight: TILE_WIDTH,
    matrixWidth: 2 ** z,
    matrixHeight: 2 ** z,
  };
}

/** The tile matrix set of web maps: EPSG:3857, one tile at zoom 0. */
export const WEB_MERCATOR_QUAD: TileMatrixSet = {
  id: 'WebMercatorQuad',
  crs: 'EPSG:3857',
  minzoom: 0,
  maxzoom: MAXZOOM,
  bbox: [-180, -MAX_LATITUDE, 180, MAX_LATITUDE],
  matrix,
  tileBounds,
  tileBbox,
  tileTransform,
  tileAt,
  zoomForResolution(resolution, tileSize) {
    // A resolution that was computed from a zoom must give that zoom back, so rounding is forgiven.
    const exact = Math.log2(EXTENT / tileSize / resolution);
    return Math.min(MAXZOOM, Math.max(0, Math.ceil(exact - 1e-9)));
  },
};
