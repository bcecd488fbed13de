import { TilerError } from '../../src/errors.ts';
import { placeOfVersion } from '../../src/stac/scene-version.ts';
import type { WatchedItem, WatchedItems } from './watched-items.ts';

/** How items differ from what was known of them. */
export interface ItemChanges {
  /** Names. */
  readonly added: readonly string[];
  /** Content that rendering reads has changed. */
  readonly changed: readonly string[];
  /** Only `updated` has changed, of an item whose files may have. */
  readonly touched: readonly string[];
  readonly gone: readonly string[];
  /** Where to look: the places of all of these, old and new, each once. */
  readonly places: readonly Pick<WatchedItem, 'place'>[];
}

/** Fewer items than this may vanish at once without a question. */
const FEW = 10;

/** The share of items above which a catalog that lost them is not believed. */
const MAX_GONE_SHARE = 0.2;

/**
 * Compares the items of a look with those known. An item with other content, or with another place, is dirty where it was
 * and where it is; one that was only updated may have files with other content, unless these have checksums.
 *
 * @param isWhole - the look was at all items, so that what is missing is gone
 */
export function diffItems(known: WatchedItems, found: WatchedItems, isWhole: boolean): ItemChanges {
  const [added, changed, touched, gone]: string[][] = [[], [], [], []];
  const places = new Map<string, Pick<WatchedItem, 'place'>>();
  const mark = (...items: readonly WatchedItem[]): void => {
    for (const { place } of items) places.set(place ?? '', { place });
  };
  for (const [name, item] of found) {
    const before = known.get(name);
    if (before === undefined) {
      added!.push(name);
      mark(item);
    } else if (before.version !== item.version) {
      changed!.push(name);
      mark(...(placeOfVersion(before.version) === placeOfVersion(item.version) ? [item] : [before, item]));
    } else if (before.updated !== item.updated && !item.isChecked) {
      touched!.push(name);
      mark(item);
    }
  }
  for (const [name, item] of isWhole ? known : []) {
    if (found.has(name)) continue;
    gone!.push(name);
    mark(item);
  }
  return { added: added!, changed: changed!, touched: touched!, gone: gone!, places: [...places.values()] };
}

/** True for a scene that ended before a window of time began: it left by itself, nobody withdrew it. */
export function isAgedOut({ until }: Pick<WatchedItem, 'until'>, windowStart: string | null): boolean {
  return windowStart !== null && until !== null && Date.parse(until) < Date.parse(windowStart);
}

/**
 * Passes unless more items are gone than a catalog loses in its daily life. One that answers with nothing, or with a part
 * of what it has, must not empty the tiles.
 *
 * @param withdrawn - items gone that did not age out
 * @throws TilerError `STAC_RESPONSE_INVALID`
 */
export function checkDeletions(known: number, found: number, withdrawn: number): void {
  const isMass = withdrawn > FEW && withdrawn > known * MAX_GONE_SHARE;
  const isNothing = found === 0 && withdrawn > 0;
  if (!isMass && !isNothing) return;
  throw new TilerError(
    'STAC_RESPONSE_INVALID',
    `Looking for changes: ${withdrawn} of ${known} items are gone, ${found} are left; expected at most ` +
      `${MAX_GONE_SHARE * 100} % to be withdrawn at a time, and not all. Nothing was changed; --allow-deletions believes it`,
  );
}
