import { TilerError } from '../errors.ts';
import { isObject, ownField } from './item.ts';
import type { StacItem } from './item.ts';

/** One key of an order. `field` is as the STAC sort extension spells it: `id`, `collection`, or `properties.…`. */
export interface SortKey {
  readonly field: string;
  readonly direction: 'asc' | 'desc';
}

/**
 * Reads a request's `sortby`: `-properties.datetime`, `+eo:cloud_cover`, `id`. A name without a prefix is a property's,
 * except `id` and `collection`. No sign means ascending.
 *
 * @throws TilerError `REQUEST_INVALID`
 */
export function parseSortby(sortby: readonly string[]): readonly SortKey[] {
  return sortby.map((text) => {
    const name = text.replace(/^[+-]/, '');
    if (name === '' || name === 'properties.') {
      throw new TilerError(
        'REQUEST_INVALID',
        `mosaic.sortby: found '${text}', expected a field, as '-properties.datetime'.`,
      );
    }
    const isWhole = name === 'id' || name === 'collection' || name.startsWith('properties.');
    return { field: isWhole ? name : `properties.${name}`, direction: text.startsWith('-') ? 'desc' : 'asc' };
  });
}

/**
 * Puts items into the order of a mosaic, first = on top. Sorted here whatever the server did: some ignore `sortby`, and
 * ties come in any order from all of them, so that the same request would not give the same tiles.
 *
 * Numbers come before times, times before other strings; items without a value come last, ascending or descending. Times
 * are compared as instants, to the microsecond. Ties: collection, then item ID, ascending by code units.
 */
export function sortItems(items: readonly StacItem[], keys: readonly SortKey[]): readonly StacItem[] {
  return items
    .map((item) => ({ item, ranks: keys.map((key) => rankOf(sortValueOf(item, key.field))) }))
    .sort((a, b) => {
      for (const [index, key] of keys.entries()) {
        const order = compareRanks(a.ranks[index] ?? MISSING, b.ranks[index] ?? MISSING, key.direction);
        if (order !== 0) return order;
      }
      return compareText(a.item.collection ?? '', b.item.collection ?? '') || compareText(a.item.id, b.item.id);
    })
    .map(({ item }) => item);
}

/** What a value is compared by. Kinds never mix, so that the order is total whatever the items hold. */
type Rank =
  | { readonly kind: 'number' | 'time'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'missing' };

const MISSING: Rank = { kind: 'missing' };

const KIND_ORDER = { number: 0, time: 1, text: 2, missing: 3 } as const;

const TIME = /^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

/** The value of a field that items are ordered by; undefined = the item has none. */
export function sortValueOf(item: StacItem, field: string): unknown {
  if (field === 'id') return item.id;
  if (field === 'collection') return item.collection;
  const name = field.slice('properties.'.length);
  const value = ownField(item.properties, name);
  if (value !== undefined || !name.includes('.')) return value;
  // The sort extension also reaches into nested properties by dots.
  let inner: unknown = item.properties;
  for (const part of name.split('.')) inner = isObject(inner) ? ownField(inner, part) : undefined;
  return inner;
}

function rankOf(value: unknown): Rank {
  if (typeof value === 'boolean') return { kind: 'number', value: Number(value) };
  if (typeof value === 'number') return Number.isFinite(value) ? { kind: 'number', value } : MISSING;
  if (typeof value !== 'string') return MISSING;
  const [, base, fraction = '', zone] = TIME.exec(value) ?? [];
  const seconds = base === undefined ? Number.NaN : Date.parse(`${base}${zone}`.toUpperCase()) / 1000;
  // Date.parse drops what is finer than a millisecond, as by text '11.6Z' would come before '11Z'.
  return Number.isNaN(seconds) ? { kind: 'text', value } : { kind: 'time', value: seconds + Number(`0${fraction}`) };
}

function compareRanks(a: Rank, b: Rank, direction: SortKey['direction']): number {
  if (a.kind === 'missing' || b.kind === 'missing') return KIND_ORDER[a.kind] - KIND_ORDER[b.kind];
  const sign = direction === 'asc' ? 1 : -1;
  if (a.kind !== b.kind) return sign * (KIND_ORDER[a.kind] - KIND_ORDER[b.kind]);
  return sign * (a.value < b.value ? -1 : a.value > b.value ? 1 : 0);
}

/** By UTF-16 code units: the same on every machine, unlike a locale's order. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
