import type { MultiPolygon, Polygon } from 'geojson';
import type { Bbox } from '../../geo/bbox.ts';
import type { TilesetVersion } from '../versions.ts';

/** What a finished tileset is, as far as its documents say it. */
export interface TilesetDescription {
  readonly name: string;
  readonly description?: string | undefined;
  /** Shown by map clients; may hold HTML links. */
  readonly attribution?: string | undefined;
  readonly minzoom: number;
  readonly maxzoom: number;
  /** Of the area, in degrees, cut to the grid; across the antimeridian, west > east. */
  readonly bbox: Bbox;
  /** The area, where it is more than its box; longitudes in -180..180. */
  readonly geometry: Polygon | MultiPolygon | null;
  /** File ending of the tiles without the dot. */
  readonly extension: string;
  /** Media type of the tiles. */
  readonly contentType: string;
  /** Pixels. */
  readonly tileSize: number;
}

/** Where the documents lie, and with them the tiles. */
interface TilesetPlace {
  /** File name of the archive, such as `world.pmtiles` or `world.mbtiles`; null for tiles as objects of their own. */
  readonly archive: string | null;
  /** URL of the folder of the documents, or of the archive; null = not known, links are relative. */
  readonly publicUrl: string | null;
}

/** A scene of which something was read. */
export interface UsedScene {
  /** `collection/itemId`, or the item ID alone. */
  readonly scene: string;
  /** RFC 3339; null for an item without one. */
  readonly datetime: string | null;
}

/** How a tileset came about, for its STAC item. */
export interface TilesetOrigin {
  readonly requestHash: string;
  /** `mosaic.url` of the request: the search endpoint of a STAC API, or its landing page. */
  readonly stacUrl: string;
  /** `mosaic.query.datetime` of the request; counts where no scene says when it is from. */
  readonly datetime: string | null;
  /** Of Tilewright. */
  readonly softwareVersion: string;
  /** Scenes of which something was read, any number of times each, in the order of the records. */
  readonly scenes: AsyncIterable<UsedScene> | Iterable<UsedScene>;
}

/** What the documents of a tileset are made of. There is no clock in it: the same input gives the same documents. */
export interface TilesetDocumentsInput {
  readonly tileset: TilesetDescription;
  readonly place: TilesetPlace;
  /** Null for tiles in place some of which failed: no version, and no STAC item. */
  readonly version: TilesetVersion | null;
  readonly origin: TilesetOrigin;
}

/** A document beside a tileset, for `TileStore.putDocument`. */
export interface TilesetDocument {
  /** Such as `style.json`. */
  readonly path: string;
  readonly text: string;
  readonly contentType: string;
}
