import { setTimeout as sleep } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { createHttpAgent } from '../cog/http-agent.ts';
import { TilerError } from '../errors.ts';
import type { Bounds } from '../geo/bbox.ts';
import { SILENT } from '../observe.ts';
import type { HostGate } from '../host-gate.ts';
import type { IoCounters, Logger } from '../observe.ts';
import { readConformance } from './conformance.ts';
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
import { isMethodRefused, isShapeRefused, pagingFault, tooManyItems } from './search-faults.ts';
import { addressLabel } from './stac-errors.ts';
import { addItems, wantedItems } from './take-items.ts';
import type { Taking } from './take-items.ts';
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
    const { taken, searchUrl } = await this.collect(search, (item) => item, options);
    return { items: sortItems(taken, search.sortby), searchUrl };
  }

  /**
   * What is taken from each item of a search, each as soon as its page has come, so that no more is held in memory than
   * that. In no stated order.
   *
   * @throws TilerError those of `search`, and what `take` throws
   */
  async collect<T>(
    search: ItemSearch,
    take: (item: StacItem, searchUrl: string) => T,
    options: { readonly signal: AbortSignal },
  ): Promise<{ readonly taken: readonly T[]; readonly searchUrl: string }> {
    this.#endpoint ??= await findSearchEndpoint(this.#origin, this.#transport, options);
    const endpoint = this.#endpoint;
    const searchUrl = endpoint.url.href;
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
        const found = await this.#searchIn(shape, endpoint, search, (item) => take(item, searchUrl), options);
        return { taken: [...found.values()], searchUrl };
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

  /** What the API says that it conforms to; nothing where it does not say, null if it does not answer now. Never needed. */
  async conformance(options: { readonly signal: AbortSignal }): Promise<readonly string[] | null> {
    return await readConformance(this.#origin, this.#transport, options);
  }

  /** Closes the connections, unless the HTTP client was given. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ownDispatcher?.close();
  }

  async #searchIn<T>(
    shape: SearchShape,
    endpoint: SearchEndpoint,
    search: ItemSearch,
    take: (item: StacItem) => T,
    options: { readonly signal: AbortSignal },
  ): Promise<ReadonlyMap<string, T>> {
    const found = new Map<string, T>();
    const base = { ...search.conditions, limit: search.limit };
    for (const body of searchBodies(shape, search.boxes, base, search.sortby)) {
      const headers = headersFor(endpoint.url, this.#origin);
      const first: PagedRequest =
        shape.method === 'POST'
          ? { url: endpoint.url, body, headers, conditions: body }
          : { url: withConditions(endpoint.url, body), headers, conditions: body };
      await this.#readPages(first, shape, search, { found, take }, options);
    }
    return found;
  }

  /** Reads pages from the first request on, adding to `found`. Ends at a page without a next link or without items. */
  async #readPages<T>(
    first: PagedRequest,
    shape: SearchShape,
    search: ItemSearch,
    { found, take }: Taking<T>,
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
      const strays = addItems({ found, take }, page.items, isWanted);
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
