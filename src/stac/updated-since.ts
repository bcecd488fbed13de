import type { SearchExtensions } from './conformance.ts';
import { isObject } from './item.ts';

/**
 * The conditions of a search, narrowed to items that were updated since a time; null if the API cannot be asked for that,
 * or not together with what the conditions hold already.
 *
 * @param since - RFC 3339
 */
export function updatedSince(
  conditions: Readonly<Record<string, unknown>>,
  since: string,
  { filter }: SearchExtensions,
): Readonly<Record<string, unknown>> | null {
  const own = conditions['filter'];
  const language = conditions['filter-lang'] ?? (typeof own === 'string' ? 'cql2-text' : 'cql2-json');
  if (own !== undefined) {
    // What is there decides the language; the API takes it, or the conditions alone would fail too.
    if (language === 'cql2-text' && typeof own === 'string') return { ...conditions, ...textFilter(since, own) };
    return language === 'cql2-json' && isObject(own) ? { ...conditions, ...jsonFilter(since, own) } : null;
  }
  if (filter === 'query') {
    const query = conditions['query'] ?? {};
    if (!isObject(query) || Object.hasOwn(query, 'updated')) return null;
    return { ...conditions, query: { ...query, updated: { gte: since } } };
  }
  if (filter === 'cql2-json') return { ...conditions, ...jsonFilter(since, null) };
  return filter === 'cql2-text' ? { ...conditions, ...textFilter(since, null) } : null;
}

function jsonFilter(since: string, own: unknown): Readonly<Record<string, unknown>> {
  const updated = { op: '>=', args: [{ property: 'updated' }, { timestamp: since }] };
  return { 'filter-lang': 'cql2-json', filter: own === null ? updated : { op: 'and', args: [own, updated] } };
}

function textFilter(since: string, own: string | null): Readonly<Record<string, unknown>> {
  const updated = `updated >= TIMESTAMP('${since}')`;
  return { 'filter-lang': 'cql2-text', filter: own === null ? updated : `(${own}) AND ${updated}` };
}
