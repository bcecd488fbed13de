import type { Config } from '../../src/config.ts';
import { CatalogListing } from '../../src/mosaic/catalog-listing.ts';
import type { IoCounters, Logger } from '../../src/observe.ts';
import { resolveQuery } from '../../src/stac/relative-datetime.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';

export interface DailyListingOptions {
  readonly request: TilesetRequest;
  readonly config: Config;
  readonly counters: IoCounters;
  readonly logger: Logger;
}

/** A listing of a request's catalog, as it is on a day. */
export interface ListingOfDay {
  readonly listing: CatalogListing;
  /** The beginning of a window of time that moves with the days, RFC 3339; null = there is none. */
  readonly windowStart: string | null;
}

/** The catalog of a request day by day: a client is kept as long as the day, with which windows of time move. */
export class DailyListing implements AsyncDisposable {
  private readonly options: DailyListingOptions;
  private last: (ListingOfDay & { readonly day: string }) | null = null;

  constructor(options: DailyListingOptions) {
    this.options = options;
  }

  /** @throws TilerError `REQUEST_INVALID` */
  async on(day: string): Promise<ListingOfDay> {
    if (this.last?.day === day) return this.last;
    await this.last?.listing[Symbol.asyncDispose]();
    this.last = { day, ...this.open(day) };
    return this.last;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.last?.listing[Symbol.asyncDispose]();
    this.last = null;
  }

  private open(day: string): ListingOfDay {
    const { request, config, counters, logger } = this.options;
    const { mosaic, assets, onMissingAsset } = request;
    const { timeoutMs, retries, concurrencyPerHost: concurrency } = config.stac;
    const query = resolveQuery(mosaic.query, mosaic.asOf ?? day);
    const limits = { timeoutMs, attempts: retries + 1, concurrency };
    const listing = new CatalogListing({
      mosaic: { ...mosaic, query },
      assets,
      onMissingAsset,
      counters,
      logger,
      limits,
    });
    const { datetime } = query;
    const isMoving = typeof datetime === 'string' && datetime !== mosaic.query['datetime'];
    const start = isMoving ? (datetime.split('/')[0] ?? '') : '';
    return { listing, windowStart: /^\d/.test(start) ? start : null };
  }
}
