import type { MultiPolygon } from 'geojson';
import type { Bbox } from '../geo/bbox.ts';
import type { StatedCrs } from '../geo/stated-crs.ts';
import type { ItemBands } from '../stac/item-bands.ts';

/** One file of an item: what is known of it without opening it. */
export interface AssetRef {
  readonly key: string;
  /** Absolute: http, https, s3 or file. Untrusted until a range source has checked it. */
  readonly href: string;
  /** The CRS that the item states, for a file that names none; absent = none. */
  readonly crs?: StatedCrs;
  /** What the item says of the bands, which counts where the request asks for it; absent = nothing. */
  readonly bands?: ItemBands;
  /** Of the content of the file, as the item states it: with it, the scene's version says whether it changed. */
  readonly checksum?: string;
}

/**
 * One STAC item as the mosaic sees it: where it lies and which files give its bands. Two scenes are the same if
 * collection and item ID are.
 */
export interface Scene {
  readonly itemId: string;
  readonly collection: string | null;
  /** RFC 3339, as the item gives it; null for an item without one. */
  readonly datetime: string | null;
  /** Changes with what reading and ordering use of the item, and with nothing else: `sceneVersion`. */
  readonly version: string;
  /** Degrees, split at the antimeridian: every longitude lies in -180..180. Null means "unknown, may be anywhere". */
  readonly footprint: MultiPolygon | null;
  readonly bbox: Bbox | null;
  /** In the order that the request asked for. */
  readonly assets: readonly AssetRef[];
}
