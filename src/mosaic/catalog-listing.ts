import { isTilerError } from '../errors.ts';
import type { Bbox } from '../geo/bbox.ts';
import { splitAtAntimeridian } from '../geo/bbox.ts';
import { readScene } from '../stac/accessor.ts';
import { searchExtensions } from '../stac/conformance.ts';
import type { SearchExtensions } from '../stac/conformance.ts';
import { ownField } from '../stac/item.ts';
import type { StacItem } from '../stac/item.ts';
import { listingFields } from '../stac/listing-fields.ts';
import { parseSortby } from '../stac/order.ts';
import type { SortKey } from '../stac/order.ts';
import { updatedSince } from '../stac/updated-since.ts';
import { StacSearchClient } from '../stac/search.ts';
import type { StacSearchOptions } from '../stac/search.ts';
import { partQuery } from './area-of-interest.ts';
import type { PartedQuery } from './area-of-interest.ts';
import { growBbox, MAX_FOOTPRINT_SLACK } from './asset-filter.ts';
import type { StacMosaicSource } from './dynamic-stac-backend.ts';
import type { Scene } from './scene.ts';

/** An item as a listing gives it: the scene that a metatile would be offered, and what tells changes apart. */
export interface ListedItem {
  readonly scene: Scene;
  /** RFC 3339, as the catalog gives it; null where it does not. */
  readonly updated: string | null;
  /** When the scene ends, for windows of time: `end_datetime`, else `datetime`. */
  readonly until: string | null;
}

export interface ListingOptions extends Pick<StacSearchOptions, 'counters' | 'logger' | 'gate' | 'limits' | 'headers'> {
  /** With an absolute `datetime`. */
  readonly mosaic: StacMosaicSource;
  readonly assets: readonly string[];
  readonly onMissingAsset: 'error' | 'skip';
}

/** What is to be listed. */
export interface ListingQuestion {
  /** Everything that touches it, a little more at its border. */
  readonly bbox: Bbox;
  /** Only items that were updated since then; null = all. RFC 3339. */
  readonly since?: string | null;
  /** Only items of these IDs. */
  readonly ids?: readonly string[];
}

/** Items per page, where the server gives so many. Thinned-out items have about 1 kB. */
const PAGE_ITEMS = 1_000;

/** Items of a whole area; a listing of more than this is no way to look for changes. */
const MAX_LISTED = 2_000_000;

/** Items with which it is tried whether thinned-out ones say the same. */
const SAMPLE_ITEMS = 10;

/**
 * Lists the items of a whole area of a STAC API, as scenes: page by page, each item made small at once. Items are asked for
 * thinned out if the API has the fields extension and thinned-out items have the same versions as whole ones.
 */
export class CatalogListing implements AsyncDisposable {
  readonly #options: ListingOptions;
  readonly #client: StacSearchClient;
  readonly #query: PartedQuery;
  readonly #sortby: readonly SortKey[];
  #extensions: SearchExtensions | null = null;
  /** Whether thinned-out items say the same; null = not tried. */
  #isThinned: boolean | null = null;

  /** @throws TilerError `REQUEST_INVALID` for a query that cannot be asked */
  constructor(options: ListingOptions) {
    this.#options = options;
    this.#query = partQuery(options.mosaic.query);
    this.#sortby = parseSortby(options.mosaic.sortby);
    this.#client = new StacSearchClient({ ...options, url: options.mosaic.url });
  }

  /** True if the API can be asked for what was updated since a time. */
  async canAskSince({ signal }: { readonly signal: AbortSignal }): Promise<boolean> {
    return updatedSince(this.#query.conditions, '2000-01-01T00:00:00Z', await this.#extensionsOf(signal)) !== null;
  }

  /**
   * Gives to `take` every item that touches a bbox, each once, in no stated order; null leaves an item out.
   *
   * @throws TilerError those of `StacSearchClient.search`, `REQUEST_INVALID` for `since` that the API cannot be asked for
   */
  async list<T>(
    question: ListingQuestion,
    take: (item: ListedItem) => T,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<readonly T[]> {
    const conditions = await this.#conditionsOf(question, signal);
    const fields = (await this.#hasThinned(question, signal)) ? this.#fields() : {};
    const visit = (item: StacItem, searchUrl: string): { readonly value: T } | null => {
      const listed = this.#listed(item, searchUrl);
      return listed === null ? null : { value: take(listed) };
    };
    const ask = async (limit: number): Promise<readonly T[]> => {
      const search = { ...this.#searchOf(question, limit), conditions: { ...conditions, ...fields } };
      const { taken } = await this.#client.collect(search, visit, { signal });
      return taken.flatMap((one) => (one === null ? [] : [one.value]));
    };
    const { limit } = this.#options.mosaic;
    try {
      return await ask(Math.max(limit, PAGE_ITEMS));
    } catch (error) {
      // Of pages as large as that some servers say that they are too large; those of the request are taken on trust.
      if (!isTilerError(error) || error.code !== 'STAC_RESPONSE_INVALID' || limit >= PAGE_ITEMS) throw error;
      return await ask(limit);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }

  #searchOf({ bbox }: ListingQuestion, limit: number) {
    const boxes = splitAtAntimeridian(growBbox(bbox, MAX_FOOTPRINT_SLACK));
    return { boxes, sortby: [], limit, maxItems: MAX_LISTED };
  }

  async #conditionsOf(
    { since, ids }: ListingQuestion,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>>> {
    const { conditions } = this.#query;
    const narrowed = since == null ? conditions : updatedSince(conditions, since, await this.#extensionsOf(signal));
    const own = conditions['ids'];
    const wanted = Array.isArray(own) ? ids?.filter((id) => own.includes(id)) : ids;
    return { ...(narrowed ?? conditions), ...(wanted === undefined ? {} : { ids: wanted }) };
  }

  #listed(item: StacItem, searchUrl: string): ListedItem | null {
    const { assets, onMissingAsset } = this.#options;
    const { scene } = readScene(item, { assets, onMissingAsset, searchUrl, sortby: this.#sortby });
    if (scene === null || !this.#query.isInArea(scene)) return null;
    const text = (name: string): string | null => {
      const value = ownField(item.properties, name);
      return typeof value === 'string' && value !== '' ? value : null;
    };
    return { scene, updated: text('updated') ?? text('created'), until: text('end_datetime') ?? text('datetime') };
  }

  async #extensionsOf(signal: AbortSignal): Promise<SearchExtensions> {
    if (this.#extensions !== null) return this.#extensions;
    const classes = await this.#client.conformance({ signal });
    const extensions = searchExtensions(classes ?? []);
    // An API that does not answer now is asked again the next time.
    if (classes !== null) this.#extensions = extensions;
    return extensions;
  }

  #fields(): Readonly<Record<string, unknown>> {
    return listingFields(this.#options.assets, this.#sortby);
  }

  /** Tries a few items both ways: servers thin out differently, and a version must not depend on it. */
  async #hasThinned(question: ListingQuestion, signal: AbortSignal): Promise<boolean> {
    if (this.#isThinned !== null) return this.#isThinned;
    if (!(await this.#extensionsOf(signal)).fields) return false;
    const search = { ...this.#searchOf(question, SAMPLE_ITEMS), enough: 1 };
    const sample = async (fields: Readonly<Record<string, unknown>>): Promise<ReadonlyMap<string, string>> => {
      const conditions = { ...this.#query.conditions, ...fields };
      const versionOf = (item: StacItem, searchUrl: string) => {
        const listed = this.#listed(item, searchUrl);
        return [item.id, listed === null ? '' : `${listed.scene.version} ${listed.updated} ${listed.until}`] as const;
      };
      return new Map((await this.#client.collect({ ...search, conditions }, versionOf, { signal })).taken);
    };
    try {
      const [whole, thin] = [await sample({}), await sample(this.#fields())];
      const isSame = [...thin].every(([id, version]) => !whole.has(id) || whole.get(id) === version);
      this.#isThinned = isSame && [...thin.keys()].some((id) => whole.has(id));
    } catch (error) {
      if (!isTilerError(error) || error.code !== 'STAC_RESPONSE_INVALID') throw error;
      this.#isThinned = false;
    }
    return this.#isThinned;
  }
}
