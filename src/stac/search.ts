import { setTimeout as sleep } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { createHttpAgent } from '../cog/http-agent.ts';
import { isTilerError, TilerError } from '../errors.ts';
import type { Bounds } from '../geo/bbox.ts';
import { SILENT } from '../observe.ts';
import type { HostGate } from '../host-gate.ts';
import type { IoCounters, Logger } from '../observe.ts';
import { findSearchEndpoint } from './endpoint.ts';
import type { SearchEndpoint } from './endpoint.ts';
import { parseSearchPage } from './item.ts';
import type { StacItem } from './item.ts';
import { headersFor, nextRequest, withConditions } from './next-link.ts';
import type { PagedRequest, SearchOrigin } from './next-link.ts';
import { sortItems } from './order.ts';
import type { SortKey } from './order.ts';
import { candidateShapes, searchBodies } from './search-shape.ts';
import type { SearchShape } from './search-shape.ts';
import { addressLabel } from './stac-errors.ts';
import { createStacTransport, DEFAULT_TRANSPORT_LIMITS } from './transport.ts';
import type { StacTransport, TransportLimits, Wait } from './transport.ts';

/** Pages in a row that bring nothing new. Some APIs end with one empty page; a server that goes on for longer is broken. */
const MAX_BARREN_PAGES = 10;

export interface StacSearchOptions {
  /** The search endpoint, or the landing page of the API. */
  readonly url: string;
  readonly counters: IoCounters;
  /** Sent with every request to the API's own origin; may hold credentials, which reach no message. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Hosts besides the API's own to which its links may lead. */
  readonly allowedHosts?: readonly string[];
  readonly limits?: Partial<TransportLimits>;
  readonly logger?: Logger;
  /** The HTTP client; left open on dispose. By default an own one. */
  readonly dispatcher?: Dispatcher;
  /** How to wait between attempts. */
  readonly wait?: Wait;
  /** Holds requests back once the API asks for less of them. Default: none is held back. */
  readonly gate?: HostGate;
}

/** One Item Search. */
export interface ItemSearch {
  /** Fields of the search body that choose items: `collections`, `datetime`, `query`, `filter`, `ids`, …; no area. */
  readonly conditions: Readonly<Record<string, unknown>>;
  /** Where: boxes in degrees that do not overlap; two where the area crosses the antimeridian. */
  readonly boxes: readonly Bounds[];
  readonly sortby: readonly SortKey[];
  /** Items per page. */
  readonly limit: number;
  /** More items than this are an error. */
  readonly maxItems: number;
  /** Paging ends with the page that brings so many items. Default: with the last one. */
  readonly enough?: number;
}

export interface ItemSearchResult {
  /** In the order of `sortby`, ties by collection and ID; every item once. */
  readonly items: readonly StacItem[];
  /** The endpoint: base of the relative hrefs of items without a `self` link. */
  readonly searchUrl: string;
}

/**
 * A client of one STAC API's Item Search. It finds the endpoint with the first search and learns with it in which shape
 * the API takes a search (`SearchShape`); both are kept. Searches may run at once; `limits.concurrency` bounds them.
 */
export class StacSearchClient implements AsyncDisposable {
  readonly #origin: SearchOrigin;
  readonly #transport: StacTransport;
  readonly #counters: IoCounters;
  readonly #logger: Logger;
  readonly #ownDispatcher: Dispatcher | null;
  #endpoint: SearchEndpoint | null = null;
  /** By number of boxes: an API may take a Polygon but no MultiPolygon. */
  readonly #shapes = new Map<number, SearchShape>();

  constructor(options: StacSearchOptions) {
    const limits = { ...DEFAULT_TRANSPORT_LIMITS, ...options.limits };
    this.#origin = {
      url: new URL(options.url),
      allowedHosts: options.allowedHosts ?? [],
      headers: options.headers ?? {},
    };
    this.#counters = options.counters;
    this.#logger = options.logger ?? SILENT;
    this.#ownDispatcher =
      options.dispatcher === undefined
        ? createHttpAgent({
            connectionsPerHost: limits.concurrency,
            headersTimeoutMs: limits.timeoutMs,
            bodyTimeoutMs: limits.timeoutMs,
          })
        : null;
    this.#transport = createStacTransport({
      dispatcher: options.dispatcher ?? (this.#ownDispatcher as Dispatcher),
      limits,
      logger: this.#logger,
      gate: options.gate ?? null,
      wait: options.wait ?? (async (delayMs, signal) => sleep(delayMs, undefined, { signal })),
    });
  }

  /**
   * Gives all items of a search, page by page to the end. Items of collections or with IDs that were not asked for are
   * dropped: servers are known that forget the conditions on a later page.
   *
   * @throws TilerError `MOSAIC_TOO_MANY_ASSETS`, `STAC_UNAVAILABLE`, `STAC_THROTTLED`, `STAC_FORBIDDEN`, `STAC_RESPONSE_INVALID`
   */
  async search(search: ItemSearch, options: { readonly signal: AbortSignal }): Promise<ItemSearchResult> {
    this.#endpoint ??= await findSearchEndpoint(this.#origin, this.#transport, options);
    const endpoint = this.#endpoint;
    const known = this.#shapes.get(search.boxes.length);
    const candidates =
      known === undefined
        ? candidateShapes(search.boxes.length, { isSorted: search.sortby.length > 0, isGetOnly: endpoint.isGetOnly })
        : [known];
    let refusal: TilerError | null = null;
    let takesPost = !endpoint.isGetOnly && known?.method !== 'GET';
    for (const shape of candidates) {
      if ((shape.method === 'POST') !== takesPost) continue;
      try {
        const items = await this.#searchIn(shape, endpoint, search, options);
        return { items: sortItems(items, search.sortby), searchUrl: endpoint.url.href };
      } catch (error) {
        // Once a first page has come, the shape is not what is wrong.
        if (!isShapeRefused(error) || this.#shapes.has(search.boxes.length)) throw error;
        this.#logger.debug({ shape }, error.message);
        refusal ??= error;
        if (takesPost && isMethodRefused(error)) {
          takesPost = false;
          refusal = null;
        }
      }
    }
    throw (
      refusal ?? new TilerError('STAC_RESPONSE_INVALID', `Searching ${addressLabel(endpoint.url)}: no way to ask it.`)
    );
  }

  /** Closes the connections, unless the HTTP client was given. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ownDispatcher?.close();
  }

  async #searchIn(
    shape: SearchShape,
    endpoint: SearchEndpoint,
    search: ItemSearch,
    options: { readonly signal: AbortSignal },
  ): Promise<readonly StacItem[]> {
    const found = new Map<string, StacItem>();
    const base = { ...search.conditions, limit: search.limit };
    for (const body of searchBodies(shape, search.boxes, base, search.sortby)) {
      const headers = headersFor(endpoint.url, this.#origin);
      const first: PagedRequest =
        shape.method === 'POST'
          ? { url: endpoint.url, body, headers, conditions: body }
          : { url: withConditions(endpoint.url, body), headers, conditions: body };
      await this.#readPages(first, shape, search, found, options);
    }
    return [...found.values()];
  }

  /** Reads pages from the first request on, adding to `found`. Ends at a page without a next link or without items. */
  async #readPages(
    first: PagedRequest,
    shape: SearchShape,
    search: ItemSearch,
    found: Map<string, StacItem>,
    options: { readonly signal: AbortSignal },
  ): Promise<void> {
    const asked = new Set<string>();
    const isWanted = wantedItems(search.conditions);
    let barrenPages = 0;
    let received = 0;
    let request: PagedRequest | null = first;
    for (let number = 1; request !== null; number++) {
      const where: string = `page ${number} of the search at ${addressLabel(request.url)}`;
      const fingerprint = `${request.url.href} ${JSON.stringify(request.body)}`;
      if (asked.has(fingerprint)) throw pagingFault(where, 'its link leads to a page that was read before');
      asked.add(fingerprint);
      const document = await this.#transport(request, where, {
        signal: options.signal,
        onRequest: () => this.#counters.searches++,
      });
      const page = parseSearchPage(document, where);
      if (!this.#shapes.has(search.boxes.length)) this.#shapes.set(search.boxes.length, shape);
      const sizeBefore = found.size;
      const strays = addItems(found, page.items, isWanted);
      if (strays > 0) this.#logger.warn({ strays }, `Dropped ${strays} items of ${where} that were not asked for.`);
      if (found.size > search.maxItems) throw tooManyItems(search.maxItems, found.size, where);
      barrenPages = found.size > sizeBefore ? 0 : barrenPages + 1;
      if (barrenPages > MAX_BARREN_PAGES) throw pagingFault(where, `${barrenPages} pages in a row brought no new item`);
      received += page.items.length;
      if (found.size >= (search.enough ?? Infinity)) return;
      request = page.items.length === 0 ? null : nextRequest(request, page.links, this.#origin, where);
      if (request === null && page.matched !== null && page.matched > received) {
        // No error: some servers estimate the number.
        this.#logger.warn(
          { received, matched: page.matched },
          `Reading ${where}: the last page, after ${received} items; the server speaks of ${page.matched}.`,
        );
      }
    }
  }
}

/** Adds the wanted items that are not there yet; says how many were not wanted. */
function addItems(
  found: Map<string, StacItem>,
  items: readonly StacItem[],
  isWanted: (item: StacItem) => boolean,
): number {
  let strays = 0;
  for (const item of items) {
    const key = JSON.stringify([item.collection, item.id]);
    if (!isWanted(item)) strays++;
    else if (!found.has(key)) found.set(key, item);
  }
  return strays;
}

/** What can be checked of the conditions on the item itself. An item that names no collection cannot be judged by it. */
function wantedItems(conditions: Readonly<Record<string, unknown>>): (item: StacItem) => boolean {
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

/** 400 and 422 (FastAPI's) refuse a body, 405 and 501 a method; 413 and 414 are about length. */
function isShapeRefused(error: unknown): error is TilerError {
  return isTilerError(error) && [400, 405, 422, 501].includes(error.context.status ?? 0);
}

function isMethodRefused(error: TilerError): boolean {
  return [405, 501].includes(error.context.status ?? 0);
}

function tooManyItems(maxItems: number, found: number, where: string): TilerError {
  return new TilerError(
    'MOSAIC_TOO_MANY_ASSETS',
    `Reading ${where}: ${found} items so far, more than mosaic.maxItems = ${maxItems}. Narrow mosaic.query (datetime, cloud cover, collections), start at a higher minzoom, or raise mosaic.maxItems.`,
  );
}

function pagingFault(where: string, found: string): TilerError {
  return new TilerError('STAC_RESPONSE_INVALID', `Reading ${where}: ${found}; the API's paging never ends.`);
}
