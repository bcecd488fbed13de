import type { Dispatcher } from 'undici';
import type { TilerError } from '../errors.ts';
import { splitAtAntimeridian, WORLD_BBOX } from '../geo/bbox.ts';
import type { Bbox } from '../geo/bbox.ts';
import { NO_STAGES, SILENT, timed } from '../observe.ts';
import type { IoCounters, Logger, StageMeter } from '../observe.ts';
import { readScene } from '../stac/accessor.ts';
import { parseSortby } from '../stac/order.ts';
import type { SortKey } from '../stac/order.ts';
import { StacSearchClient } from '../stac/search.ts';
import type { ItemSearch, StacSearchOptions } from '../stac/search.ts';
import { metatileBbox } from '../tms/metatile.ts';
import type { Halo, Metatile } from '../tms/metatile.ts';
import type { Tile } from '../tms/tile.ts';
import { WEB_MERCATOR_QUAD } from '../tms/web-mercator-quad.ts';
import { partQuery } from './area-of-interest.ts';
import type { PartedQuery } from './area-of-interest.ts';
import { growBbox, MAX_FOOTPRINT_SLACK, scenesTouching } from './asset-filter.ts';
import type { BackendCallOptions, MosaicBackend } from './backend.ts';
import { createEmptyMosaic } from './empty-mosaic.ts';
import type { MosaicJson } from './empty-mosaic.ts';
import { checkBbox, checkMetatile, pointBox } from './place.ts';
import type { Scene } from './scene.ts';
import { SearchCache } from './search-cache.ts';

/** What a metatile of tiles of that size looks at around itself: kernels reach 2 pixels over the edge of a tile (cubic). */
export function searchHalo({ tileSize }: Pick<Halo, 'tileSize'>): Halo {
  return { pixels: 2, tileSize };
}

/** The `mosaic` part of a tileset request. */
export interface StacMosaicSource {
  /** The search endpoint, or the landing page of the API. */
  readonly url: string;
  /** Fields of the search body. `bbox` and `intersects` narrow the mosaic to scenes that touch that area. */
  readonly query: Readonly<Record<string, unknown>>;
  /** First = on top, as `-properties.datetime`; ties by collection and item ID. */
  readonly sortby: readonly string[];
  /** Items per page. */
  readonly limit: number;
  /** More items for one search are an error. */
  readonly maxItems: number;
}

export interface DynamicStacBackendOptions {
  readonly mosaic: StacMosaicSource;
  /** Asset keys, in the order in which their bands are stacked. */
  readonly assets: readonly string[];
  readonly onMissingAsset: 'error' | 'skip';
  readonly counters: IoCounters;
  readonly stages?: StageMeter;
  readonly logger?: Logger;
  readonly minzoom?: number;
  readonly maxzoom?: number;
  readonly bounds?: Bbox;
  readonly halo?: Halo;
  /** Searches remembered; an eighth of them would do for the metatiles under way and the next ones. Default 64. */
  readonly maxCachedSearches?: number;
  /** Scenes remembered, in all searches together. Default 50,000. */
  readonly maxCachedScenes?: number;
  /** Time-outs, retries, credentials and HTTP client of the search. */
  readonly search?: Pick<StacSearchOptions, 'headers' | 'allowedHosts' | 'limits' | 'wait' | 'gate'> & {
    readonly dispatcher?: Dispatcher;
  };
}

/**
 * Creates the backend of a STAC API. Does no I/O before the first question.
 *
 * @throws TilerError `REQUEST_INVALID` for a query or `sortby` that cannot be asked
 */
export function createDynamicStacBackend(options: DynamicStacBackendOptions): DynamicStacBackend {
  return new DynamicStacBackend(options);
}

/**
 * A mosaic without a document: every question is a STAC search, and the items that it gives are used as they are; none
 * is fetched again.
 *
 * One paged search answers a metatile, for its bbox with the halo; a tile is answered from the smallest remembered
 * search that covers it, by footprint, and without one by a search of its own, as a metatile of one tile. Which scenes a
 * tile gets, and in which order, is the same either way. What is remembered is a run's view of the catalog: it is not
 * renewed while the backend lives.
 */
export class DynamicStacBackend implements MosaicBackend {
  readonly tileMatrixSet = WEB_MERCATOR_QUAD.id;
  readonly minzoom: number;
  readonly maxzoom: number;
  readonly bounds: Bbox;
  readonly crs = 'EPSG:4326';
  readonly #options: DynamicStacBackendOptions;
  readonly #halo: Halo;
  readonly #query: PartedQuery;
  readonly #sortby: readonly SortKey[];
  readonly #client: StacSearchClient;
  readonly #cache: SearchCache;
  readonly #document: MosaicJson;
  /** Why a scene cannot be used. Told where the scene is needed, not where it was merely found nearby. */
  readonly #faults = new WeakMap<Scene, TilerError>();

  constructor(options: DynamicStacBackendOptions) {
    this.#options = options;
    this.minzoom = options.minzoom ?? WEB_MERCATOR_QUAD.minzoom;
    this.maxzoom = options.maxzoom ?? WEB_MERCATOR_QUAD.maxzoom;
    this.bounds = options.bounds ?? WORLD_BBOX;
    this.#halo = options.halo ?? searchHalo({ tileSize: 256 });
    this.#query = partQuery(options.mosaic.query);
    this.#sortby = parseSortby(options.mosaic.sortby);
    this.#client = new StacSearchClient({
      ...options.search,
      url: options.mosaic.url,
      counters: options.counters,
      logger: options.logger ?? SILENT,
    });
    this.#cache = new SearchCache(
      async (metatile, signal) => this.#search(metatileBbox(metatile, this.#halo), signal),
      {
        maxSearches: options.maxCachedSearches ?? 64,
        maxScenes: options.maxCachedScenes ?? 50_000,
      },
    );
    this.#document = createEmptyMosaic('dynamic STAC mosaic', this.minzoom, this.maxzoom, this.bounds);
  }

  async assetsForMetatile(metatile: Metatile, { signal }: BackendCallOptions): Promise<readonly Scene[]> {
    checkMetatile(metatile);
    const scenes = await this.#cache.scenesOf(metatile, signal);
    return this.#usable(scenesTouching(scenes, metatileBbox(metatile, this.#halo)));
  }

  async assetsForTile(tile: Tile, { signal }: BackendCallOptions): Promise<readonly Scene[]> {
    const asMetatile: Metatile = { ...tile, size: 1 };
    checkMetatile(asMetatile);
    const scenes = await this.#cache.scenesOf(this.#cache.smallestCover(asMetatile) ?? asMetatile, signal);
    return this.#usable(scenesTouching(scenes, metatileBbox(asMetatile, this.#halo)));
  }

  async assetsForPoint(lng: number, lat: number, { signal }: BackendCallOptions): Promise<readonly Scene[]> {
    const box = pointBox(lng, lat);
    return this.#usable(scenesTouching(await this.#search(box, signal), box));
  }

  async assetsForBbox(bbox: Bbox, { signal }: BackendCallOptions): Promise<readonly Scene[]> {
    checkBbox(bbox);
    return this.#usable(scenesTouching(await this.#search(bbox, signal), bbox));
  }

  /**
   * Some scenes that touch a bbox, in mosaic order: those of the first page of a search, of at most `count` items. For a
   * look at what there is, where all of it may be a planet's.
   */
  async sampleScenes(bbox: Bbox, count: number, { signal }: BackendCallOptions): Promise<readonly Scene[]> {
    checkBbox(bbox);
    return this.#usable(scenesTouching(await this.#search(bbox, signal, { limit: count, enough: 1 }), bbox));
  }

  /** The document that this backend does not have: an empty MosaicJSON 0.0.3. */
  async read(): Promise<MosaicJson> {
    return this.#document;
  }

  /** Does nothing: the catalog is the document, and only its owner writes it. */
  async write(): Promise<void> {}

  /** Does nothing: the next backend that is created sees the catalog as it is then. */
  async update(): Promise<void> {}

  /** Ends the searches under way and closes the connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#cache.clear();
    await this.#client[Symbol.asyncDispose]();
  }

  /** All scenes in and around a bbox, in mosaic order. */
  async #search(
    bbox: Bbox,
    signal: AbortSignal,
    some?: { readonly limit: number; readonly enough: number },
  ): Promise<readonly Scene[]> {
    const { mosaic, assets, onMissingAsset, stages = NO_STAGES } = this.#options;
    const search: ItemSearch = {
      conditions: this.#query.conditions,
      // As far as `scenesTouching` may look outside a footprint, so that no search decides what a tile shows.
      boxes: splitAtAntimeridian(growBbox(bbox, MAX_FOOTPRINT_SLACK)),
      sortby: this.#sortby,
      limit: mosaic.limit,
      maxItems: mosaic.maxItems,
      ...some,
    };
    const { items, searchUrl } = await timed(stages, 'search', () => this.#client.search(search, { signal }));
    const asked = { assets, onMissingAsset, searchUrl, sortby: this.#sortby };
    return items.flatMap((item) => {
      const { scene, fault } = readScene(item, asked);
      if (scene !== null && fault !== null) this.#faults.set(scene, fault);
      return scene !== null && this.#query.isInArea(scene) ? [scene] : [];
    });
  }

  #usable(scenes: readonly Scene[]): readonly Scene[] {
    for (const scene of scenes) {
      const fault = this.#faults.get(scene);
      if (fault !== undefined) throw fault;
    }
    return scenes;
  }
}
