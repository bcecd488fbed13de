import type { Affine } from '../geo/affine.ts';
import type { Bbox, Bounds } from '../geo/bbox.ts';
import type { Tile } from './tile.ts';

/** Size of a pixel on the standard's imagined screen, in metres; ties scale denominators to cell sizes (OGC 17-083r4, 6.1). */
export const SCREEN_PIXEL_METRES = 0.000_28;

/** One zoom of a tile matrix set, in the words of OGC 17-083r4. */
export interface TileMatrix {
  readonly z: number;
  readonly scaleDenominator: number;
  /** CRS units per pixel of a tile of `tileWidth × tileHeight`. */
  readonly cellSize: number;
  /** Top left corner of tile (0, 0), in CRS units. */
  readonly pointOfOrigin: readonly [x: number, y: number];
  readonly tileWidth: number;
  readonly tileHeight: number;
  /** In tiles. */
  readonly matrixWidth: number;
  readonly matrixHeight: number;
}

/**
 * A grid of tiles over a CRS, one tile matrix per zoom; row 0 is at the top.
 *
 * @see OGC 17-083r4, Two Dimensional Tile Matrix Set and Tile Set Metadata
 */
export interface TileMatrixSet {
  readonly id: string;
  /** An EPSG code, as `EPSG:3857`. */
  readonly crs: string;
  readonly minzoom: number;
  readonly maxzoom: number;
  /** What the tiles of any zoom cover together, in degrees. */
  readonly bbox: Bbox;
  /** @throws TilerError `ZOOM_OUT_OF_RANGE` */
  matrix(z: number): TileMatrix;
  /** In CRS units. Tiles that share an edge share its exact number, and so do a tile and its children. */
  tileBounds(tile: Tile): Bounds;
  /** In degrees; never crosses the antimeridian. */
  tileBbox(tile: Tile): Bbox;
  /** Pixel (col, row) of a tile of `tileSize` pixels to CRS units. */
  tileTransform(tile: Tile, tileSize: number): Affine;
  /** The tile that holds a point; points outside the grid give the nearest tile. */
  tileAt(lng: number, lat: number, z: number): Tile;
  /** The lowest zoom whose pixels, at `tileSize` a tile, are no coarser than `resolution` CRS units; at most `maxzoom`. */
  zoomForResolution(resolution: number, tileSize: number): number;
}
