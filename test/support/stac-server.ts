import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { MultiPolygon, Polygon } from 'geojson';
import { splitAtAntimeridian } from '../../src/geo/bbox.ts';
import type { Bbox } from '../../src/geo/bbox.ts';
import { normaliseFootprint, relation } from '../../src/geo/polygon.ts';

/** An item as this server keeps it: a STAC Item in JSON. */
export interface ServedItem {
  readonly id: string;
  readonly collection?: string;
  readonly geometry: Polygon | MultiPolygon | null;
  readonly bbox?: readonly number[];
  readonly properties: Readonly<Record<string, unknown>>;
  readonly assets: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/**
 * How a page points to the next one, each as a server in use does it: `token-body` a body of the token alone that replaces
 * the search (Earth Search with `filter`, and forgets it: the next page is unfiltered unless the client sends all again),
 * `merge` the token with `merge: true`, `whole-body` the whole body with the token (Planetary Computer), `page` the whole
 * body with a page number (stac-server of old), `get` an href with the token.
 */
export type PagingStyle = 'token-body' | 'merge' | 'whole-body' | 'page' | 'get';

export interface StacServerOptions {
  readonly items: readonly ServedItem[];
  readonly paging?: PagingStyle;
  /** 405 to POST /search. */
  readonly isGetOnly?: boolean;
  /** Fields that are refused with 400 when a search has them. */
  readonly refusedFields?: readonly string[];
  /** Geometry types that `intersects` is refused for with 400. */
  readonly refusedGeometries?: readonly string[];
  /** Conformance classes besides those of Item Search; with that of the fields extension it thins items out. */
  readonly conformsTo?: readonly string[];
  /** What it makes of a thinned-out item; default: what the extension says. */
  readonly thinOut?: (item: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;
  /** Larger pages are refused with 400. */
  readonly maxLimit?: number;
  /** Answers that this server does not know; false where it does not know either. For assets beside the catalog. */
  readonly fallback?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** What the next requests get instead of an answer. */
export type Fault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  | { readonly kind: 'body'; readonly body: string }
  | { readonly kind: 'hang' }
  | { readonly kind: 'reset' };

interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The search asked for: the JSON body, or the query parameters. */
  readonly search: Readonly<Record<string, unknown>>;
}

export interface StacServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, without a slash at the end: the landing page. */
  readonly url: string;
  readonly searchUrl: string;
  /** Every request, oldest first. */
  readonly requests: readonly LoggedRequest[];
  /** Searches only. */
  readonly searches: readonly LoggedRequest[];
  /** Queues faults for the next requests, one each. */
  fail(...faults: readonly Fault[]): void;
  /** Replaces the items. */
  serve(items: readonly ServedItem[]): void;
}

/** Starts a STAC API over a list of items on a free port of the loopback: landing page, collections, items, search. */
export async function startStacServer(options: StacServerOptions): Promise<StacServer> {
  let items = options.items;
  const requests: LoggedRequest[] = [];
  const faults: Fault[] = [];
  let base = '';
  const server = createServer((request, response) => {
    void (async () => {
      const url = new URL(request.url ?? '/', base);
      const body = await readBody(request);
      const search = request.method === 'POST' ? parseObject(body) : searchOfParams(url.searchParams);
      const isCatalog = /^\/(search|conformance|collections.*)?$/.test(url.pathname);
      if (!isCatalog && options.fallback?.(request, response) === true) return;
      requests.push({ method: request.method ?? '', path: url.pathname, headers: request.headers, search });
      const fault = faults.shift();
      if (fault !== undefined) return answerFault(fault, response);
      answer(response, route({ url, method: request.method ?? 'GET', search, items, base, options }));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: base,
    searchUrl: `${base}/search`,
    requests,
    get searches() {
      return requests.filter(({ path }) => path === '/search');
    },
    fail: (...more) => void faults.push(...more),
    serve: (replacement) => {
      items = replacement;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A request, and what it is answered from. */
interface Asked {
  readonly url: URL;
  readonly method: string;
  readonly search: Readonly<Record<string, unknown>>;
  readonly items: readonly ServedItem[];
  readonly base: string;
  readonly options: StacServerOptions;
}

interface Answer {
  readonly status: number;
  readonly document: unknown;
}

function route(asked: Asked): Answer {
  const { url, items, base, options } = asked;
  const [, first, id, , itemId] = url.pathname.split('/').map(decodeURIComponent);
  if (url.pathname === '/') return { status: 200, document: landingPage(base, options) };
  if (url.pathname === '/search') return searchAnswer(asked);
  const collections = [...new Set(items.map(({ collection }) => collection ?? 'none'))];
  if (url.pathname === '/collections') {
    return {
      status: 200,
      document: { collections: collections.map((name) => ({ type: 'Collection', id: name })), links: [] },
    };
  }
  if (first === 'collections' && itemId !== undefined) {
    const item = items.find((candidate) => candidate.id === itemId && candidate.collection === id);
    if (item !== undefined) return { status: 200, document: item };
  }
  if (first === 'collections' && itemId === undefined && collections.includes(id ?? '')) {
    return { status: 200, document: { type: 'Collection', id } };
  }
  return { status: 404, document: { code: 'NotFoundError', description: `${url.pathname} does not exist.` } };
}

function landingPage(base: string, { isGetOnly = false, conformsTo = [] }: StacServerOptions): unknown {
  const searchLink = { rel: 'search', type: 'application/geo+json', href: `${base}/search` };
  return {
    type: 'Catalog',
    stac_version: '1.0.0',
    id: 'loopback',
    description: 'Items of a test or demonstration',
    conformsTo: ['https://api.stacspec.org/v1.0.0/core', 'https://api.stacspec.org/v1.0.0/item-search', ...conformsTo],
    links: [
      { rel: 'self', type: 'application/json', href: base },
      { rel: 'data', type: 'application/json', href: `${base}/collections` },
      { ...searchLink, method: 'GET' },
      ...(isGetOnly ? [] : [{ ...searchLink, method: 'POST' }]),
    ],
  };
}

function searchAnswer({ url, method, search, items, base, options }: Asked): Answer {
  if (method === 'POST' && options.isGetOnly === true)
    return { status: 405, document: { detail: 'Method Not Allowed' } };
  const refused = (options.refusedFields ?? []).find((field) => search[field] !== undefined);
  const geometry = search['intersects'] as { readonly type?: string } | undefined;
  if (refused !== undefined) return { status: 400, document: { detail: `${refused} is not supported` } };
  if (
    geometry !== undefined &&
    (search['bbox'] !== undefined || options.refusedGeometries?.includes(geometry.type ?? '') === true)
  ) {
    return { status: 400, document: { detail: 'intersects: not like this' } };
  }
  const found = sorted(
    items.filter((item) => matches(item, search)),
    search['sortby'],
  );
  const limit = Number(search['limit'] ?? 10);
  if (limit > (options.maxLimit ?? Infinity)) return { status: 400, document: { detail: 'limit is too large' } };
  const thin = thinnerOf(search['fields'], options);
  const start = Number(search['token'] ?? (Number(search['page'] ?? 1) - 1) * limit);
  const next =
    start + limit < found.length
      ? [nextLink(options.paging ?? 'whole-body', url, base, search, start + limit, limit)]
      : [];
  return {
    status: 200,
    document: {
      type: 'FeatureCollection',
      features: found.slice(start, start + limit).map(thin),
      numberMatched: found.length,
      numberReturned: Math.max(0, Math.min(limit, found.length - start)),
      links: [{ rel: 'root', type: 'application/json', href: base }, ...next],
    },
  };
}

/** What the fields extension leaves of an item. */
function thinnerOf(fields: unknown, options: StacServerOptions): (item: ServedItem) => unknown {
  const { conformsTo = [], thinOut = (item) => item } = options;
  const { include } = Object(fields) as { readonly include?: readonly string[] };
  if (include === undefined || !conformsTo.some((one) => one.includes('#fields'))) return (item) => item;
  const kept = (bag: Readonly<Record<string, unknown>>, prefix: string): Readonly<Record<string, unknown>> =>
    Object.fromEntries(Object.entries(bag).filter(([name]) => include.includes(`${prefix}${name}`)));
  return ({ properties, assets, ...item }) =>
    thinOut({ ...kept(item, ''), properties: kept(properties, 'properties.'), assets: kept(assets, 'assets.') });
}

function nextLink(
  style: PagingStyle,
  url: URL,
  base: string,
  search: Readonly<Record<string, unknown>>,
  token: number,
  limit: number,
): unknown {
  const link = { rel: 'next', type: 'application/geo+json', href: `${base}/search` };
  switch (style) {
    case 'token-body':
      return { ...link, method: 'POST', merge: false, body: { token } };
    case 'merge':
      return { ...link, method: 'POST', merge: true, body: { token } };
    case 'page':
      return { ...link, method: 'POST', merge: false, body: { ...search, page: token / limit + 1 } };
    case 'get': {
      const href = new URL(url);
      href.searchParams.set('token', String(token));
      return { ...link, method: 'GET', href: href.href };
    }
    default:
      return { ...link, method: 'POST', body: { ...search, token } };
  }
}

function matches(item: ServedItem, search: Readonly<Record<string, unknown>>): boolean {
  const list = (name: string): readonly unknown[] | null => (Array.isArray(search[name]) ? search[name] : null);
  const bbox = list('bbox') as Bbox | null;
  const area = search['intersects'] as Polygon | MultiPolygon | undefined;
  return (
    (list('collections')?.includes(item.collection) ?? true) &&
    (list('ids')?.includes(item.id) ?? true) &&
    isInTime(item, search['datetime']) &&
    matchesQuery(item, search['query']) &&
    (bbox === null || touches(item, bbox)) &&
    (area === undefined || partsOf(area).some((part) => touches(item, part)))
  );
}

/** The boxes of the parts of a polygon: exact for the boxes that tiles are. */
function partsOf(area: Polygon | MultiPolygon): readonly Bbox[] {
  const polygons = area.type === 'Polygon' ? [area.coordinates] : area.coordinates;
  return polygons.map(([outer = []]) => {
    const lngs = outer.map(([lng = 0]) => lng);
    const lats = outer.map(([, lat = 0]) => lat);
    return [Math.min(...lngs), Math.min(...lats), Math.max(...lngs), Math.max(...lats)];
  });
}

function touches(item: ServedItem, bbox: Bbox): boolean {
  if (item.geometry === null) return true;
  const footprint = normaliseFootprint(item.geometry);
  return splitAtAntimeridian(bbox).some((part) => relation(footprint, part) !== 'outside');
}

function isInTime(item: ServedItem, interval: unknown): boolean {
  if (typeof interval !== 'string') return true;
  const [from = '..', to = from] = interval.split('/');
  const at = Date.parse(String(item.properties['datetime']));
  return (from === '..' || from === '' || at >= Date.parse(from)) && (to === '..' || to === '' || at <= Date.parse(to));
}

/** The query extension with the comparisons that requests use: eq, lt, lte, gt, gte. */
function matchesQuery(item: ServedItem, query: unknown): boolean {
  return Object.entries((query ?? {}) as Record<string, Record<string, number | string>>).every(
    ([name, conditions]) => {
      const value = item.properties[name.replace(/^properties\./, '')] as number | string;
      return Object.entries(conditions).every(([operator, limit]) => {
        if (value === undefined) return false;
        if (operator === 'lt') return value < limit;
        if (operator === 'lte') return value <= limit;
        if (operator === 'gt') return value > limit;
        if (operator === 'gte') return value >= limit;
        return value === limit;
      });
    },
  );
}

function sorted(items: readonly ServedItem[], sortby: unknown): readonly ServedItem[] {
  const keys = Array.isArray(sortby)
    ? (sortby as readonly { readonly field: string; readonly direction: string }[])
    : [];
  const valueOf = (item: ServedItem, field: string): string | number =>
    ((field === 'id' ? item.id : item.properties[field.replace(/^properties\./, '')]) ?? '') as string | number;
  return items.toSorted((a, b) => {
    for (const { field, direction } of keys) {
      const [x, y] = [valueOf(a, field), valueOf(b, field)];
      if (x !== y) return (x < y ? -1 : 1) * (direction === 'desc' ? -1 : 1);
    }
    return 0;
  });
}

function searchOfParams(params: URLSearchParams): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    [...params].map(([name, value]) => {
      if (name === 'bbox') return [name, value.split(',').map(Number)];
      if (name === 'collections' || name === 'ids') return [name, value.split(',')];
      if (name === 'intersects' || name === 'query') return [name, JSON.parse(value) as unknown];
      if (name === 'sortby') {
        const keys = value.split(',').map((key) => ({
          field: key.replace(/^[+-]/, ''),
          direction: key.startsWith('-') ? 'desc' : 'asc',
        }));
        return [name, keys];
      }
      return [name, value];
    }),
  );
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request as AsyncIterable<Buffer>) text += part.toString('utf8');
  return text;
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

function answer(response: ServerResponse, { status, document }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/geo+json', 'access-control-allow-origin': '*' });
  response.end(JSON.stringify(document));
}

function answerFault(fault: Fault, response: ServerResponse): void {
  if (fault.kind === 'status') response.writeHead(fault.status, fault.headers ?? {}).end(fault.body ?? '');
  else if (fault.kind === 'body') response.writeHead(200, { 'content-type': 'application/json' }).end(fault.body);
  else if (fault.kind === 'reset') response.destroy();
}
