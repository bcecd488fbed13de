import type { Bbox } from '../geo/bbox.ts';

/**
 * A MosaicJSON document: which assets lie on which quadkey, first = on top.
 *
 * @see MosaicJSON 0.0.3, https://github.com/developmentseed/mosaicjson-spec/tree/main/0.0.3
 */
export interface MosaicJson {
  readonly mosaicjson: '0.0.3';
  readonly name: string;
  readonly version: string;
  readonly minzoom: number;
  readonly maxzoom: number;
  readonly quadkey_zoom: number;
  readonly bounds: Bbox;
  /** Longitude, latitude, zoom. */
  readonly center: readonly [lng: number, lat: number, z: number];
  readonly tiles: Readonly<Record<string, readonly string[]>>;
}

/** The document of a backend that has none: no assets, the zooms and bounds that the backend states. */
export function createEmptyMosaic(name: string, minzoom: number, maxzoom: number, bounds: Bbox): MosaicJson {
  const [west, south, east, north] = bounds;
  const middle = (west + (west > east ? east + 360 : east)) / 2;
  return {
    mosaicjson: '0.0.3',
    name,
    version: '1.0.0',
    minzoom,
    maxzoom,
    quadkey_zoom: minzoom,
    bounds,
    center: [middle > 180 ? middle - 360 : middle, (south + north) / 2, minzoom],
    tiles: {},
  };
}
