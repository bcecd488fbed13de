import { MAX_LATITUDE, rowFractionOf } from '../../tms/web-mercator-quad.ts';
import type { TileJson } from '../tilejson.ts';

/** A style of one raster layer, as far as it is used here. */
export interface MapStyle {
  readonly version: 8;
  readonly name: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly center: readonly [number, number];
  readonly zoom: number;
  readonly sources: Readonly<Record<string, MapStyleSource>>;
  readonly layers: readonly { readonly id: string; readonly type: 'raster'; readonly source: string }[];
}

interface MapStyleSource {
  readonly type: 'raster';
  readonly tiles: readonly string[];
  readonly tileSize: number;
  readonly minzoom: number;
  readonly maxzoom: number;
  readonly bounds: readonly [number, number, number, number];
  readonly attribution?: string;
}

/** What MapLibre counts its zooms in: tiles of so many pixels. */
const MAP_TILE_SIZE = 512;

/**
 * A MapLibre style that shows a tileset and nothing else, where it is, and opens as it is; tiles of an archive need the
 * protocol `pmtiles`. A relative template of tiles is relative to the page of the map.
 *
 * @see https://maplibre.org/maplibre-style-spec/
 */
export function mapStyleOf(tileJson: TileJson): MapStyle {
  const { name, tiles, tileSize, minzoom, maxzoom, bounds, attribution, version, center } = tileJson;
  const source = { type: 'raster', tiles, tileSize, minzoom, maxzoom, bounds } as const;
  return {
    version: 8,
    name,
    ...(version === undefined ? {} : { metadata: { 'tilewright:version': version } }),
    center: [center[0], center[1]],
    zoom: zoomToShow(tileJson),
    sources: { tileset: attribution === undefined ? source : { ...source, attribution } },
    layers: [{ id: 'tileset', type: 'raster', source: 'tileset' }],
  };
}

/** The zoom, in MapLibre's counting, at which the bounds fill a square map of 512 pixels, and tiles are shown at all. */
function zoomToShow({ bounds, tileSize, minzoom, maxzoom }: TileJson): number {
  const [west, south, east, north] = bounds;
  const cut = (lat: number): number => Math.min(MAX_LATITUDE, Math.max(-MAX_LATITUDE, lat));
  const share = Math.max((east - west) / 360, rowFractionOf(cut(south)) - rowFractionOf(cut(north)));
  const step = Math.log2(MAP_TILE_SIZE / tileSize);
  const fitting = share > 0 ? -Math.log2(share) : maxzoom;
  const shown = Math.min(Math.max(fitting, minzoom - step), maxzoom - step + 1);
  return Math.max(0, Math.floor(shown * 100) / 100);
}
