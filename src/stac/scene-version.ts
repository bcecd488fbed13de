import { labelOf } from '../cog/href-label.ts';
import { canonicalJson, digestOf } from '../digest.ts';
import type { ItemScene } from './accessor.ts';
import { isObject, ownField } from './item.ts';
import type { StacItem } from './item.ts';
import { sortValueOf } from './order.ts';
import type { SortKey } from './order.ts';

/**
 * What an item says of the content of a file. In an asset, `updated` is the time of the file, and not that of the
 * metadata, as it is in the properties of an item.
 */
const CONTENT_FIELDS = ['file:checksum', 'checksum:multihash', 'file:size', 'updated'];

/** Hex digits for where a scene lies, and as many for what is read of it. */
const PART = 16;

/** Hex digits for its place in the order. */
const ORDER = 8;

/**
 * Names what reading and ordering use of an item, in 40 hex digits: 16 for where the scene lies, 16 for what is read of it,
 * 8 for the values that items are ordered by. Two items with one version give the same pixels in the same place of the
 * order, as long as their files stay the same. `updated` is not in it, nor is anything of an asset that was not asked for;
 * hrefs are without their query, as signatures change with every search.
 */
export function sceneVersion(item: StacItem, scene: Omit<ItemScene, 'version'>, sortby: readonly SortKey[]): string {
  const { itemId, collection, datetime, footprint, bbox } = scene;
  const assets = scene.assets.map(({ key, href, crs, bands }) => {
    const asset = ownField(item.assets, key);
    const content = CONTENT_FIELDS.map((field) => (isObject(asset) ? ownField(asset, field) : undefined) ?? null);
    return { key, href: withoutQuery(href), crs, bands, content };
  });
  const order = sortby.map(({ field }) => sortValueOf(item, field) ?? null);
  return [
    digestOf(JSON.stringify([footprint?.coordinates, bbox]), PART),
    digestOf(canonicalJson({ collection, itemId, datetime, assets }), PART),
    digestOf(canonicalJson(order), ORDER),
  ].join('');
}

/** The part of a version that is about where the scene lies: of two with the same, both touch the same tiles. */
export function placeOfVersion(version: string): string {
  return version.slice(0, PART);
}

/**
 * The part of a version without the values that items are ordered by: where the order of scenes is known otherwise, it says
 * all that decides their pixels.
 */
export function pixelsOfVersion(version: string): string {
  return version.slice(0, 2 * PART);
}

/** The key of an S3 object has no query. */
function withoutQuery(href: string): string {
  return /^s3:/iu.test(href) ? href : labelOf(href);
}
