import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { MultiPolygon, Position } from 'geojson';
import * as z from 'zod';
import type { ListedItem } from '../../src/mosaic/catalog-listing.ts';
import { sceneName } from '../../src/mosaic/scene-reader.ts';
import { placeOfVersion } from '../../src/stac/scene-version.ts';

/** What is remembered of an item between two looks at its catalog. */
export interface WatchedItem {
  /** `collection/itemId`, or the item ID alone. */
  readonly name: string;
  readonly id: string;
  /** `Scene.version` as it was last seen. */
  readonly version: string;
  /** RFC 3339; null where the catalog does not give it. */
  readonly updated: string | null;
  /** When the scene ends, RFC 3339; null = not known. */
  readonly until: string | null;
  /** Coordinates of the footprint as JSON; null = it may be anywhere. */
  readonly place: string | null;
  /** The place is only the box around a footprint too long to be kept. */
  readonly isBox: boolean;
  /** Each of its files has a checksum, so that its version says whether they changed. */
  readonly isChecked: boolean;
}

/** Items by name. */
export type WatchedItems = ReadonlyMap<string, WatchedItem>;

const gzipAsync = promisify(gzip);
const gunzipAsync = promisify(gunzip);

/** Longer footprints are kept as their box: some hundred positions. */
const MAX_PLACE_LENGTH = 8_000;

/** Of the document of items, unpacked: some 2 million. */
const MAX_BYTES = 512 * 1024 * 1024;

const LineSchema = z.tuple([
  z.string(),
  z.string(),
  z.string(),
  z.string().nullable(),
  z.string().nullable(),
  z.int().min(0).max(3),
  z.string().nullable(),
]);

/** What is kept of an item; what it has in common with what was known is not kept twice. */
export function watchedItem({ scene, updated, until }: ListedItem, known: WatchedItems): WatchedItem {
  const name = sceneName(scene);
  const { version, itemId: id, assets } = scene;
  const before = known.get(name);
  if (before?.version === version && before.updated === updated && before.until === until) return before;
  const isChecked = assets.length > 0 && assets.every(({ checksum }) => checksum !== undefined);
  const base = { name, id, version, updated, until, isChecked };
  if (before !== undefined && placeOfVersion(before.version) === placeOfVersion(version)) {
    return { ...base, place: before.place, isBox: before.isBox };
  }
  const place = scene.footprint === null ? null : JSON.stringify(scene.footprint.coordinates);
  if (place === null || place.length <= MAX_PLACE_LENGTH) return { ...base, place, isBox: false };
  return { ...base, place: JSON.stringify(boxesOf(scene.footprint)), isBox: true };
}

/** The footprint of an item, cut at the antimeridian; null = it may be anywhere. */
export function footprintOf({ place }: Pick<WatchedItem, 'place'>): MultiPolygon | null {
  return place === null ? null : { type: 'MultiPolygon', coordinates: JSON.parse(place) as Position[][][] };
}

/** True if a look has seen anything that is not known yet: items are the same objects as long as nothing about them changed. */
export function isOtherItems(before: WatchedItems | null, after: WatchedItems): boolean {
  if (before === null || before.size !== after.size) return true;
  for (const [name, item] of after) if (before.get(name) !== item) return true;
  return false;
}

/** Items as a gzip'ed document of a line each, ordered by name: the same items give the same bytes. */
export async function packItems(items: WatchedItems): Promise<Uint8Array> {
  const names = [...items.keys()].sort((a, b) => (a < b ? -1 : 1));
  const lines = names.flatMap((key) => {
    const item = items.get(key);
    if (item === undefined) return [];
    const { name, id, version, updated, until, place, isBox, isChecked } = item;
    const flags = (isBox ? 1 : 0) + (isChecked ? 2 : 0);
    return [`${JSON.stringify([name, id, version, updated, until, flags, place])}\n`];
  });
  return await gzipAsync(Buffer.from(lines.join('')), { level: 6 });
}

/** Reads what `packItems` wrote; null for anything else. */
export async function unpackItems(bytes: Uint8Array): Promise<WatchedItems | null> {
  try {
    const text = (await gunzipAsync(bytes, { maxOutputLength: MAX_BYTES })).toString('utf8');
    const items = new Map<string, WatchedItem>();
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const [name, id, version, updated, until, flags, place] = LineSchema.parse(JSON.parse(line));
      const [isBox, isChecked] = [(flags & 1) === 1, (flags & 2) === 2];
      items.set(name, { name, id, version, updated, until, place, isBox, isChecked });
    }
    return items;
  } catch {
    // Cut off, of another version, or no document of ours at all: whoever asks looks at everything then.
    return null;
  }
}

/** The boxes around the parts of a footprint, as the coordinates of a `MultiPolygon`. */
function boxesOf(footprint: MultiPolygon | null): Position[][][] {
  return (footprint?.coordinates ?? []).map(([outer = []]) => {
    let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const [lng = 0, lat = 0] of outer) {
      [west, east] = [Math.min(west, lng), Math.max(east, lng)];
      [south, north] = [Math.min(south, lat), Math.max(north, lat)];
    }
    const ring = [west, south, east, south, east, north, west, north, west, south];
    return [Array.from({ length: 5 }, (_, i) => [ring[i * 2] ?? 0, ring[i * 2 + 1] ?? 0])];
  });
}
