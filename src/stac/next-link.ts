import { TilerError } from '../errors.ts';
import { isObject, ownField } from './item.ts';
import { addressLabel } from './stac-errors.ts';
import type { StacRequest } from './transport.ts';

/** The fields of a search that decide which items are found. All else in a body is paging or presentation. */
const CONDITIONS = new Set([
  'collections',
  'ids',
  'bbox',
  'intersects',
  'datetime',
  'query',
  'filter',
  'filter-lang',
  'filter-crs',
  'q',
  'sortby',
]);

/** Headers that a `next` link cannot set: they belong to the connection, not to the request. */
const CONNECTION_HEADERS = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'accept-encoding',
  'upgrade',
]);

const MAX_LINK_HEADERS = 20;

/** Where a search may go, and what it takes along. */
export interface SearchOrigin {
  /** The API's own address. */
  readonly url: URL;
  /** Further hosts (`name` or `name:port`) that its links may point to. */
  readonly allowedHosts: readonly string[];
  /** Sent to the API's own origin only: they may hold credentials. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface PagedRequest extends StacRequest {
  /** The search's own body, of which every page keeps the conditions. */
  readonly conditions: Readonly<Record<string, unknown>>;
}

/**
 * The request for the next page, or null if the page links to none.
 *
 * Every page is asked for with all conditions of the search, whatever the link says. By the letter of the STAC API a link
 * without `merge: true` replaces the body; but servers that send bodies of just a token (stac-fastapi-pgstac of some
 * versions, Earth Search v1 with `filter`) then answer with items that the search never asked for. Conditions repeated
 * by the link are not needed, so ours stand; fields of the link that are no condition (`token`, `next`, `page`, `skip`,
 * `limit`) win.
 *
 * @throws TilerError `STAC_RESPONSE_INVALID` for a link that leads to another host
 */
export function nextRequest(
  current: PagedRequest,
  links: readonly unknown[],
  origin: SearchOrigin,
  where: string,
): PagedRequest | null {
  const link = links.find((candidate) => isObject(candidate) && ownField(candidate, 'rel') === 'next');
  if (!isObject(link)) return null;
  const href = ownField(link, 'href');
  if (typeof href !== 'string' || !URL.canParse(href, current.url.href)) {
    throw new TilerError('STAC_RESPONSE_INVALID', `Reading ${where}: its next link has no usable href.`);
  }
  const url = checkedUrl(new URL(href, current.url), origin, where);
  const linkBody = ownField(link, 'body');
  const method = ownField(link, 'method');
  const isPost = typeof method === 'string' ? method.toUpperCase() === 'POST' : isObject(linkBody);
  const headers = { ...linkHeaders(ownField(link, 'headers')), ...headersFor(url, origin) };
  if (!isPost) {
    return { url: withConditions(url, current.conditions), headers, conditions: current.conditions };
  }
  const base = ownField(link, 'merge') === true ? (current.body ?? current.conditions) : current.conditions;
  return { url, headers, body: mergedBody(base, linkBody), conditions: current.conditions };
}

/**
 * An address that a document of the API points to, after checking that it is the API's own origin or an allowed host.
 * A plain-http link of an https API to its own host is taken as https: proxies that end TLS make servers write those.
 *
 * @throws TilerError `STAC_RESPONSE_INVALID`
 */
export function checkedUrl(url: URL, origin: SearchOrigin, where: string): URL {
  const own = origin.url;
  if (url.protocol === 'http:' && own.protocol === 'https:' && url.hostname === own.hostname) {
    const secure = new URL(url);
    secure.protocol = 'https:';
    secure.port = own.port;
    return secure;
  }
  const isWeb = url.protocol === 'http:' || url.protocol === 'https:';
  if (url.origin === own.origin || (isWeb && origin.allowedHosts.includes(url.host))) return url;
  throw new TilerError(
    'STAC_RESPONSE_INVALID',
    `Reading ${where}: it links to ${addressLabel(url)}, which is not on ${own.origin}; links to other hosts are not followed.`,
  );
}

/** The headers for an address: the origin's own, and only there. */
export function headersFor(url: URL, origin: SearchOrigin): Readonly<Record<string, string>> {
  return url.origin === origin.url.origin ? origin.headers : {};
}

/** An address with the fields of a search body as query parameters; those that it has already stay. */
export function withConditions(url: URL, body: Readonly<Record<string, unknown>>): URL {
  const result = new URL(url);
  for (const [name, value] of Object.entries(body)) {
    if (!result.searchParams.has(name) || CONDITIONS.has(name)) result.searchParams.set(name, parameter(name, value));
  }
  return result;
}

function mergedBody(base: Readonly<Record<string, unknown>>, linkBody: unknown): Readonly<Record<string, unknown>> {
  const merged = new Map(Object.entries(base));
  for (const [name, value] of isObject(linkBody) ? Object.entries(linkBody) : []) {
    const isOurs = CONDITIONS.has(name) && merged.has(name);
    // A null stands for "not given" in bodies that servers write out in full; sent back, some refuse it.
    if (!isOurs && value !== null) merged.set(name, value);
  }
  return Object.fromEntries(merged);
}

function parameter(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (name === 'sortby' && Array.isArray(value)) return value.map(sortParameter).join(',');
  if (name === 'fields' && isObject(value)) return fieldsParameter(value);
  const isList = Array.isArray(value) && value.every((part) => typeof part === 'string' || typeof part === 'number');
  return isList ? value.join(',') : JSON.stringify(value);
}

/** `id,geometry,-links`: how the fields extension spells in a query what it spells in a body as two lists. */
function fieldsParameter(fields: Readonly<Record<string, unknown>>): string {
  const names = (list: string): readonly string[] => {
    const value = ownField(fields, list);
    return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
  };
  return [...names('include'), ...names('exclude').map((name) => `-${name}`)].join(',');
}

function sortParameter(key: unknown): string {
  const field = isObject(key) ? ownField(key, 'field') : undefined;
  const isDescending = isObject(key) && ownField(key, 'direction') === 'desc';
  return `${isDescending ? '-' : '+'}${typeof field === 'string' ? field : ''}`;
}

function linkHeaders(headers: unknown): Readonly<Record<string, string>> {
  const kept: [string, string][] = [];
  for (const [name, value] of isObject(headers) ? Object.entries(headers) : []) {
    const isSendable = /^[A-Za-z0-9-]+$/.test(name) && typeof value === 'string' && /^[\t\x20-\x7e]*$/.test(value);
    if (isSendable && !CONNECTION_HEADERS.has(name.toLowerCase()) && kept.length < MAX_LINK_HEADERS) {
      kept.push([name.toLowerCase(), value]);
    }
  }
  return Object.fromEntries(kept);
}
