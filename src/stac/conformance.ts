import { isTilerError } from '../errors.ts';
import { isObject, ownField } from './item.ts';
import { headersFor } from './next-link.ts';
import type { SearchOrigin } from './next-link.ts';
import { addressLabel } from './stac-errors.ts';
import type { StacTransport } from './transport.ts';

/** Conformance classes are some dozens; what follows is not looked at. */
const MAX_CLASSES = 1_000;

/**
 * The conformance classes that the landing page of an API names; none where it has no landing page, or one of another kind.
 * Null if it cannot be read now, so that what it says is not known: whoever asks can do without, and ask again.
 */
export async function readConformance(
  origin: SearchOrigin,
  transport: StacTransport,
  options: { readonly signal: AbortSignal },
): Promise<readonly string[] | null> {
  const url = new URL(origin.url);
  url.pathname = url.pathname.replace(/\/search\/?$/, '/');
  try {
    const where = `the landing page of the STAC API at ${addressLabel(url)}`;
    const page = await transport({ url, headers: headersFor(url, origin) }, where, options);
    const classes = isObject(page) ? ownField(page, 'conformsTo') : null;
    return Array.isArray(classes) ? classes.slice(0, MAX_CLASSES).filter((one) => typeof one === 'string') : [];
  } catch (error) {
    if (!isTilerError(error)) throw error;
    return error.retry === 'never' ? [] : null;
  }
}

/** Extensions of Item Search that make a listing smaller. */
export interface SearchExtensions {
  readonly fields: boolean;
  /** How a search is narrowed by a property; null = not at all. */
  readonly filter: 'query' | 'cql2-json' | 'cql2-text' | null;
}

/** What conformance classes say of the fields, query and filter extensions, whatever their version. */
export function searchExtensions(classes: readonly string[]): SearchExtensions {
  const has = (pattern: RegExp): boolean => classes.some((one) => pattern.test(one));
  const hasFilter = has(/item-search#filter/) || has(/ogcapi-features-3\/.*\/conf\/filter/);
  const filter = has(/item-search#query/)
    ? 'query'
    : hasFilter && has(/cql2-json/)
      ? 'cql2-json'
      : hasFilter && has(/cql2-text/)
        ? 'cql2-text'
        : null;
  return { fields: has(/item-search#fields/), filter };
}
