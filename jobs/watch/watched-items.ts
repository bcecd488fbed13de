import { createGunzip } from 'node:zlib';
import type { MultiPolygon, Position } from 'geojson';
import { bboxOfPositions, boxesToMultiPolygon } from '../../src/geo/bbox.ts';
import type { ListedItem } from '../../src/mosaic/catalog-listing.ts';
import { sceneName } from '../../src/mosaic/scene-reader.ts';
import { placeOfVersion } from '../../src/stac/scene-version.ts';
import { compressChunks } from '../../src/store/gzip.ts';

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

/** Longer footprints are kept as their box: some hundred positions. */
const MAX_PLACE_LENGTH = 8_000;

/** Of the document of items, unpacked: some 2 million. */
const MAX_BYTES = 512 * 1024 * 1024;

/** Lines that are packed at a time. */
const LINES_AT_ONCE = 1_000;

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

/**
 * Items as a gzip'ed document of a line each, ordered by name: the same items give the same bytes on every operating system.
 * The document is never in memory unpacked.
 */
export async function packItems(items: WatchedItems): Promise<Uint8Array> {
  return await compressChunks(linesOf(items), { level: 6 });
}

function* linesOf(items: WatchedItems): Generator<Buffer, void, undefined> {
  let lines: string[] = [];
  for (const key of [...items.keys()].sort((a, b) => (a < b ? -1 : 1))) {
    const item = items.get(key);
    if (item === undefined) continue;
    const { name, id, version, updated, until, place, isBox, isChecked } = item;
    const flags = (isBox ? 1 : 0) + (isChecked ? 2 : 0);
    lines.push(`${JSON.stringify([name, id, version, updated, until, flags, place])}\n`);
    if (lines.length < LINES_AT_ONCE) continue;
    yield Buffer.from(lines.join(''));
    lines = [];
  }
  yield Buffer.from(lines.join(''));
}

/** Reads what `packItems` wrote; null for anything else. */
export async function unpackItems(bytes: Uint8Array): Promise<WatchedItems | null> {
  const items = new Map<string, WatchedItem>();
  const take = (line: string): void => {
    const item = line === '' ? null : itemOfLine(line);
    if (item !== null) items.set(item.name, item);
  };
  try {
    const text = createGunzip();
    text.end(bytes);
    const decoder = new TextDecoder();
    let [rest, size] = ['', 0];
    for await (const part of text as AsyncIterable<Buffer>) {
      if ((size += part.length) > MAX_BYTES) return null;
      const lines = (rest + decoder.decode(part, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      lines.forEach(take);
    }
    take(rest + decoder.decode());
    return items;
  } catch {
    // Cut off, of another version, or no document of ours at all: whoever asks looks at everything then.
    return null;
  }
}

type Line = readonly [string, string, string, string | null, string | null, number, string | null];

/** @throws Error for a line of another kind */
function itemOfLine(line: string): WatchedItem {
  const fields: unknown = JSON.parse(line);
  if (!isLine(fields)) throw new Error('no item');
  const [name, id, version, updated, until, flags, place] = fields;
  const [isBox, isChecked] = [(flags & 1) === 1, (flags & 2) === 2];
  // One object with all its fields at once takes less memory than one that grows.
  return { name, id, version, updated, until, place, isBox, isChecked };
}

function isLine(fields: unknown): fields is Line {
  if (!Array.isArray(fields) || fields.length !== 7) return false;
  const [name, id, version, updated, until, flags, place] = fields as readonly unknown[];
  return (
    [name, id, version].every((text) => typeof text === 'string') &&
    [updated, until, place].every((text) => text === null || typeof text === 'string') &&
    [0, 1, 2, 3].some((value) => value === flags)
  );
}

/** The boxes around the parts of a footprint, as the coordinates of a `MultiPolygon`. */
function boxesOf(footprint: MultiPolygon | null): Position[][][] {
  const boxes = (footprint?.coordinates ?? []).map(([outer = []]) => bboxOfPositions(outer));
  return boxesToMultiPolygon(boxes.filter((box) => box !== null)).coordinates;
}
