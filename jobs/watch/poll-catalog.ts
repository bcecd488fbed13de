import type { Bbox } from '../../src/geo/bbox.ts';
import type { CatalogListing, ListingQuestion } from '../../src/mosaic/catalog-listing.ts';
import { checkDeletions, diffItems, isAgedOut } from './diff-items.ts';
import type { ItemChanges } from './diff-items.ts';
import { watchedItem } from './watched-items.ts';
import type { WatchedItem, WatchedItems } from './watched-items.ts';

export interface PollOptions {
  readonly listing: CatalogListing;
  /** All that metatiles look at. */
  readonly bbox: Bbox;
  /** Items of the last look; null where they are lost, and nothing counts as gone. */
  readonly known: WatchedItems | null;
  /** Latest `updated` of the last look; null = none. */
  readonly cursor: string | null;
  /** When all items were looked at last; null = not known. */
  readonly listedAt: string | null;
  /** Items that somebody said to have changed. */
  readonly ids: readonly string[];
  /** Scenes that ended before are out of the request's window of time; RFC 3339, null = there is none. */
  readonly windowStart: string | null;
  /** Milliseconds between looks at all items, between which only what is new is asked for; null = always at all. */
  readonly reconcileMs: number | null;
  /** Any number of items may be gone. */
  readonly allowDeletions: boolean;
  readonly now: Date;
  readonly signal: AbortSignal;
}

/** What a look at a catalog came to. */
export interface Poll {
  /** All items there are. */
  readonly items: WatchedItems;
  readonly changes: ItemChanges;
  readonly cursor: string | null;
  /** All items were looked at. */
  readonly isWhole: boolean;
  /** Items that the catalog was asked to send, those that are sent twice counted once. */
  readonly listed: number;
}

/**
 * Asking goes back so far behind the latest `updated`: catalogs give the time at which an item was sent to them, and show it
 * later, from machines whose clocks differ.
 */
const OVERLAP_MS = 3_600_000;

/** IDs of one search. */
const IDS_PER_SEARCH = 100;

/** Items that are asked for by ID before they count as gone; should more be, the guard on deletions decides. */
const MAX_SUSPECTS = 2_000;

/**
 * Looks at a catalog: at all items of the area, or at those that were updated since the last look. What seems gone is asked
 * for once more by its ID, as items slip from page to page when others are added or removed while pages are read.
 *
 * @throws TilerError `STAC_RESPONSE_INVALID` if too many items are gone, and those of `CatalogListing.list`
 */
export async function pollCatalog(options: PollOptions): Promise<Poll> {
  const { known, cursor, listedAt, reconcileMs, now } = options;
  if (known === null || cursor === null || listedAt === null || reconcileMs === null) return await pollAll(options);
  const isDue = now.getTime() - Date.parse(listedAt) >= reconcileMs;
  if (isDue || !(await options.listing.canAskSince(options))) return await pollAll(options);
  return await pollSince(options, known, cursor);
}

async function pollAll(options: PollOptions): Promise<Poll> {
  const { bbox, known, cursor, windowStart, allowDeletions } = options;
  const before: WatchedItems = known ?? new Map();
  const items = new Map(await list(options, { bbox }, before));
  const listed = items.size;
  const withdrawn = (): readonly WatchedItem[] =>
    [...before.values()].filter((item) => !items.has(item.name) && !isAgedOut(item, windowStart));
  const suspects = withdrawn().map(({ id }) => id);
  if (suspects.length <= MAX_SUSPECTS) {
    for (const [name, item] of await listIds(options, suspects, before)) items.set(name, item);
  }
  if (!allowDeletions) checkDeletions(before.size, items.size, withdrawn().length);
  return { items, changes: diffItems(before, items, true), cursor: latest(cursor, items), isWhole: true, listed };
}

async function pollSince(options: PollOptions, known: WatchedItems, cursor: string): Promise<Poll> {
  const { bbox, ids, windowStart } = options;
  const since = new Date(Date.parse(cursor) - OVERLAP_MS).toISOString();
  const updated = await list(options, { bbox, since }, known);
  const asked = await listIds(options, ids, known);
  const named = new Set(ids);
  const items = new Map<string, WatchedItem>();
  for (const [name, item] of known) {
    // What was named and is not found by its ID is gone.
    if (!isAgedOut(item, windowStart) && !named.has(item.id)) items.set(name, item);
  }
  for (const [name, item] of [...updated, ...asked]) items.set(name, item);
  const listed = updated.size + asked.size;
  return { items, changes: diffItems(known, items, true), cursor: latest(cursor, items), isWhole: false, listed };
}

async function list(
  { listing, signal }: PollOptions,
  question: ListingQuestion,
  known: WatchedItems,
): Promise<WatchedItems> {
  const found = await listing.list(question, (item) => watchedItem(item, known), { signal });
  return new Map(found.map((item) => [item.name, item]));
}

async function listIds(options: PollOptions, ids: readonly string[], known: WatchedItems): Promise<WatchedItems> {
  const found = new Map<string, WatchedItem>();
  for (let from = 0; from < ids.length; from += IDS_PER_SEARCH) {
    const question = { bbox: options.bbox, ids: ids.slice(from, from + IDS_PER_SEARCH) };
    for (const [name, item] of await list(options, question, known)) found.set(name, item);
  }
  return found;
}

/** The latest `updated`, as an instant. */
function latest(cursor: string | null, items: WatchedItems): string | null {
  let last = cursor === null ? -Infinity : Date.parse(cursor);
  for (const { updated } of items.values()) {
    const at = updated === null ? Number.NaN : Date.parse(updated);
    if (at > last) last = at;
  }
  return Number.isFinite(last) ? new Date(last).toISOString() : null;
}
