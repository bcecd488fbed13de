import type { Bbox } from '../geo/bbox.ts';
import type { Metatile } from '../tms/metatile.ts';
import type { Tile } from '../tms/tile.ts';
import type { Scene } from './scene.ts';

export interface BackendCallOptions {
  readonly signal: AbortSignal;
}

/**
 * Answers which scenes touch a place, first = on top. Always the same answer in the same order for the same catalog.
 * An empty list means that nothing is there; a question that could not be answered throws.
 *
 * @throws TilerError `STAC_UNAVAILABLE`, `STAC_THROTTLED`, `STAC_FORBIDDEN`, `STAC_RESPONSE_INVALID`,
 * `MOSAIC_TOO_MANY_ASSETS`, `ASSET_KEY_UNKNOWN`, `TILE_OUT_OF_RANGE`, `REQUEST_INVALID` (a point or bbox off the globe)
 */
export interface MosaicBackend extends AsyncDisposable {
  readonly tileMatrixSet: string;
  readonly minzoom: number;
  readonly maxzoom: number;
  /** Degrees. */
  readonly bounds: Bbox;
  readonly crs: string;
  /** Scenes that touch any tile of the metatile or the halo around it: one question outside, remembered for its tiles. */
  assetsForMetatile(metatile: Metatile, options: BackendCallOptions): Promise<readonly Scene[]>;
  assetsForTile(tile: Tile, options: BackendCallOptions): Promise<readonly Scene[]>;
  assetsForPoint(lng: number, lat: number, options: BackendCallOptions): Promise<readonly Scene[]>;
  assetsForBbox(bbox: Bbox, options: BackendCallOptions): Promise<readonly Scene[]>;
}
