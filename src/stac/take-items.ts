import type { StacItem } from './item.ts';

/** What has been taken from items so far, by collection and ID. */
export interface Taking<T> {
  readonly found: Map<string, T>;
  readonly take: (item: StacItem) => T;
}

/** Adds the wanted items that are not there yet; says how many were not wanted. */
export function addItems<T>(
  { found, take }: Taking<T>,
  items: readonly StacItem[],
  isWanted: (item: StacItem) => boolean,
): number {
  let strays = 0;
  for (const item of items) {
    const key = JSON.stringify([item.collection, item.id]);
    if (!isWanted(item)) strays++;
    else if (!found.has(key)) found.set(key, take(item));
  }
  return strays;
}

/** What can be checked of the conditions on the item itself. An item that names no collection cannot be judged by it. */
export function wantedItems(conditions: Readonly<Record<string, unknown>>): (item: StacItem) => boolean {
  const setOf = (name: string): Set<unknown> | null => {
    const value = conditions[name];
    return Array.isArray(value) && value.length > 0 ? new Set<unknown>(value) : null;
  };
  const collections = setOf('collections');
  const ids = setOf('ids');
  return (item) =>
    (collections === null || item.collection === null || collections.has(item.collection)) &&
    (ids === null || ids.has(item.id));
}
