import type { MultiPolygon } from 'geojson';
import { isTilerError, TilerError } from '../errors.ts';
import type { ErrorContext } from '../errors.ts';
import { boxesToMultiPolygon, splitAtAntimeridian } from '../geo/bbox.ts';
import type { Bbox } from '../geo/bbox.ts';
import { normaliseFootprint, polygonBbox } from '../geo/polygon.ts';
import type { StatedCrs } from '../geo/stated-crs.ts';
import { itemBands, type ItemBands } from './item-bands.ts';
import { itemCrs } from './item-crs.ts';
import { isObject, ownField } from './item.ts';
import type { StacItem } from './item.ts';
import type { SortKey } from './order.ts';
import { sceneVersion } from './scene-version.ts';

/** Longer ones are not addresses of files but data in disguise. */
const MAX_HREF_LENGTH = 8192;

/** Of the keys that an item has, this many are listed in a message. */
const MAX_KEYS_LISTED = 40;

export interface AccessorOptions {
  /** Asset keys, in the order in which their bands are stacked. */
  readonly assets: readonly string[];
  /** What an item without one of the assets is: an error, or left out of the mosaic. */
  readonly onMissingAsset: 'error' | 'skip';
  /** Base of relative hrefs for items without a `self` link: the address of the search. */
  readonly searchUrl: string;
  /** What items are ordered by, which is part of their version. Default: nothing. */
  readonly sortby?: readonly SortKey[];
}

/** One file of an item, its href absolute; the mosaic's `AssetRef` has this shape. */
interface ItemAsset {
  readonly key: string;
  readonly href: string;
  readonly crs?: StatedCrs;
  readonly bands?: ItemBands;
  readonly checksum?: string;
}

/** What the mosaic keeps of an item; its `Scene` has this shape. Degrees, longitudes in -180..180. */
export interface ItemScene {
  readonly itemId: string;
  readonly collection: string | null;
  readonly datetime: string | null;
  readonly version: string;
  readonly footprint: MultiPolygon | null;
  readonly bbox: Bbox | null;
  readonly assets: readonly ItemAsset[];
}

/**
 * Turns an item into the scene that the mosaic sees, from what the search gave alone: nothing is fetched.
 *
 * The footprint is the geometry, normalised and cut at the antimeridian; without one that has an area it is the bbox's
 * rectangle; without that either it is null, "may be anywhere". The version is
 * `sceneVersion`.
 *
 * @returns null for an item that lacks an asset, where the request says to skip those
 * @throws TilerError `ASSET_KEY_UNKNOWN` for such an item otherwise; `STAC_RESPONSE_INVALID` for an asset without a usable href
 */
export function itemToScene(item: StacItem, options: AccessorOptions): ItemScene | null {
  const base = selfHref(item, options.searchUrl);
  const assets: ItemAsset[] = [];
  for (const key of options.assets) {
    const asset = ownField(item.assets, key);
    if (asset === undefined) {
      if (options.onMissingAsset === 'skip') return null;
      throw assetKeyUnknown(item, key);
    }
    assets.push({ key, href: hrefOf(item, key, asset, base), ...statedOf(item, asset) });
  }
  const itemBbox = usableBbox(item.bbox);
  const footprint = footprintOf(item, itemBbox);
  const scene = {
    itemId: item.id,
    collection: item.collection,
    datetime: textField(item, 'datetime'),
    footprint,
    bbox: footprint === null ? itemBbox : polygonBbox(footprint),
    assets,
  };
  return { ...scene, version: sceneVersion(item, scene, options.sortby ?? []) };
}

/** What an item comes to: a scene, or null if it is left out; and why the scene cannot be used, or null. */
export interface ReadItem {
  readonly scene: ItemScene | null;
  readonly fault: TilerError | null;
}

/**
 * Turns an item into a scene, as `itemToScene`. One that is at fault is there all the same, without assets: a fault is told
 * where the scene is needed, not where it was merely found nearby.
 */
export function readScene(item: StacItem, options: AccessorOptions): ReadItem {
  try {
    return { scene: itemToScene(item, options), fault: null };
  } catch (error) {
    if (!isTilerError(error)) throw error;
    return { scene: itemToScene(item, { ...options, assets: [] }), fault: error };
  }
}

/** What is kept of what an item says of a file, besides where it is. */
function statedOf(item: StacItem, asset: unknown): Pick<ItemAsset, 'crs' | 'bands' | 'checksum'> {
  if (!isObject(asset)) return {};
  const [crs, bands] = [itemCrs(item.properties, asset), itemBands(item.properties, asset)];
  const checksum = ownField(asset, 'file:checksum');
  return {
    ...(crs !== null && { crs }),
    ...(bands !== null && { bands }),
    ...(typeof checksum === 'string' && checksum !== '' && { checksum }),
  };
}

function footprintOf(item: StacItem, bbox: Bbox | null): MultiPolygon | null {
  const normalised = item.geometry === null ? null : normaliseFootprint(item.geometry);
  if (normalised !== null && normalised.coordinates.length > 0) return normalised;
  if (bbox === null) return null;
  return boxesToMultiPolygon(splitAtAntimeridian(bbox));
}

/** The horizontal part of an item's bbox, if it is one in degrees that has an area. */
function usableBbox(values: readonly number[] | null): Bbox | null {
  if (values === null) return null;
  const isFlat = values.length === 4;
  const [west = Number.NaN, south = Number.NaN] = values;
  const [east = Number.NaN, north = Number.NaN] = isFlat ? values.slice(2) : values.slice(3);
  const isInRange = [west, east].every((lng) => lng >= -180 && lng <= 180) && south >= -90 && north <= 90;
  return isInRange && west !== east && south < north ? [west, south, east, north] : null;
}

function hrefOf(item: StacItem, key: string, asset: unknown, base: string): string {
  const href = isObject(asset) ? ownField(asset, 'href') : undefined;
  if (typeof href !== 'string' || href === '' || href.length > MAX_HREF_LENGTH || !URL.canParse(href, base)) {
    throw new TilerError(
      'STAC_RESPONSE_INVALID',
      `Reading asset '${key}' of item '${item.id}': field 'href' is no address of at most ${MAX_HREF_LENGTH} characters.`,
      { context: contextOf(item, key) },
    );
  }
  // An absolute href stays as it is: parsing it would percent-encode keys of object stores.
  return URL.canParse(href) ? href : new URL(href, base).href;
}

function selfHref(item: StacItem, searchUrl: string): string {
  for (const link of item.links) {
    if (isObject(link) && ownField(link, 'rel') === 'self') {
      const href = ownField(link, 'href');
      if (typeof href === 'string' && URL.canParse(href, searchUrl)) return new URL(href, searchUrl).href;
    }
  }
  return searchUrl;
}

function assetKeyUnknown(item: StacItem, key: string): TilerError {
  const keys = Object.keys(item.assets);
  const listed = keys.slice(0, MAX_KEYS_LISTED).join(', ') + (keys.length > MAX_KEYS_LISTED ? ', …' : '');
  return new TilerError(
    'ASSET_KEY_UNKNOWN',
    `Looking for asset '${key}' in item '${item.id}' of collection '${item.collection ?? 'none'}': it has ${
      keys.length === 0 ? 'no assets' : listed
    }. Correct "assets", or set "onMissingAsset": "skip" to leave such items out.`,
    { context: contextOf(item, key) },
  );
}

function contextOf({ id, collection }: StacItem, assetKey: string): ErrorContext {
  return { ...(collection === null ? {} : { collection }), itemId: id, assetKey };
}

function textField(item: StacItem, name: string): string | null {
  const value = ownField(item.properties, name);
  return typeof value === 'string' && value !== '' ? value : null;
}
