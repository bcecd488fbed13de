import { BlockCache } from '../src/cog/block-cache.ts';
import { limitSharp } from '../src/cog/codec/load-sharp.ts';
import { createCogPool } from '../src/cog/cog-pool.ts';
import { createHttpAgent } from '../src/cog/http-agent.ts';
import { DEFAULT_COG_LIMITS } from '../src/cog/limits.ts';
import { DEFAULT_RETRY } from '../src/cog/middleware.ts';
import { createRangeSourceOpener } from '../src/cog/open-range-source.ts';
import type { Config } from '../src/config.ts';
import { createDynamicStacBackend } from '../src/mosaic/dynamic-stac-backend.ts';
import type { DynamicStacBackend } from '../src/mosaic/dynamic-stac-backend.ts';
import type { CogOpener } from '../src/mosaic/scene-reader.ts';
import { createIoCounters } from '../src/observe.ts';
import type { IoCounters, Logger } from '../src/observe.ts';
import { createTileRenderer, DEFAULT_RENDER_LIMITS } from '../src/render/render-metatile.ts';
import type { PartStore, TileRenderer } from '../src/render/tile-renderer.ts';
import type { TileStore } from '../src/store/tile-store.ts';
import { CleanupStack } from './cleanup-stack.ts';
import { openOutput } from './open-output.ts';
import { assumedPlaceOf } from './request-crs.ts';
import { renderOptionsOf } from './render-options.ts';
import type { TilesetRequest } from './tileset-request.ts';

export interface OpenOptions {
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** What reads: a backend, files, and a renderer over them. All count into the same counters. */
export interface ReadingPipeline extends AsyncDisposable {
  readonly backend: DynamicStacBackend;
  readonly cogs: CogOpener;
  readonly renderer: TileRenderer;
  readonly counters: IoCounters;
}

/** Everything from a tile address to bytes in a store, put together for one request. */
export interface Pipeline extends ReadingPipeline {
  readonly store: TileStore;
}

/**
 * Puts together what reads the scenes of a request. Does no I/O.
 *
 * @param handedOn - where metatiles hand tiles on to others; without it, only tiles that are rendered from scenes
 * @throws TilerError `REQUEST_INVALID`
 */
export function createReadingPipeline(
  request: TilesetRequest,
  config: Config,
  logger: Logger,
  { handedOn, counters = createIoCounters() }: { readonly handedOn?: PartStore; readonly counters?: IoCounters } = {},
): ReadingPipeline {
  const { source, s3, limits } = config;
  const cleanup = new CleanupStack();
  const backend = cleanup.use(createRequestBackend(request, config, { counters, logger }));
  const agent = createHttpAgent({ connectionsPerHost: source.concurrencyPerHost });
  cleanup.defer(() => agent.close());
  const openRangeSource = createRangeSourceOpener({
    counters,
    agent,
    fileRoot: source.fileRoot,
    allowedHosts: source.allowedHosts,
    s3Client: async () => {
      const { S3Client } = await import('@aws-sdk/client-s3');
      const client = new S3Client({ forcePathStyle: s3.forcePathStyle, maxAttempts: 1 });
      cleanup.defer(() => client.destroy());
      return client;
    },
    concurrencyPerHost: source.concurrencyPerHost,
    timeoutMs: source.timeoutMs,
    retry: { ...DEFAULT_RETRY, attempts: source.retries + 1 },
  });
  const cogs = cleanup.use(
    createCogPool({
      opener: openRangeSource,
      counters,
      cache: new BlockCache(config.blockCacheBytes),
      maxOpen: config.openCogs,
      sidecars: request.sidecars,
      assumed: assumedPlaceOf(request),
      limits: { ...DEFAULT_COG_LIMITS, maxBlockBytes: limits.maxBlockBytes },
    }),
  );
  limitSharp();
  // Two metatiles share the cache, and what is read ahead must still be there when it is used.
  const maxPrefetchBytes = Math.floor((config.blockCacheBytes * 3) / 8);
  const renderer = cleanup.use(
    createTileRenderer({
      backend,
      cogs,
      options: renderOptionsOf(request),
      counters,
      limits: { ...DEFAULT_RENDER_LIMITS, maxPrefetchBytes },
      ...(handedOn === undefined ? {} : { handedOn }),
    }),
  );
  return { backend, cogs, renderer, counters, [Symbol.asyncDispose]: () => cleanup[Symbol.asyncDispose]() };
}

function createRequestBackend(
  request: TilesetRequest,
  { stac }: Config,
  { counters, logger }: { readonly counters: IoCounters; readonly logger: Logger },
): DynamicStacBackend {
  const { mosaic, assets, onMissingAsset, minzoom, maxzoom, tileSize } = request;
  const limits = { timeoutMs: stac.timeoutMs, attempts: stac.retries + 1, concurrency: stac.concurrencyPerHost };
  return createDynamicStacBackend({
    mosaic,
    assets,
    onMissingAsset,
    counters,
    logger,
    minzoom,
    maxzoom,
    halo: { pixels: 2, tileSize },
    search: { limits },
  });
}

/**
 * Opens the whole way of a request, from its catalog to its output.
 *
 * @throws TilerError `REQUEST_INVALID`, and those of `openTileStore`
 */
export async function openPipeline(
  request: TilesetRequest,
  config: Config,
  { signal, logger }: OpenOptions,
): Promise<Pipeline> {
  const counters = createIoCounters();
  const store = await openOutput(request, config, { counters, signal });
  try {
    const reading = createReadingPipeline(request, config, logger, { handedOn: store, counters });
    return {
      ...reading,
      store,
      async [Symbol.asyncDispose]() {
        await store[Symbol.asyncDispose]();
        await reading[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}
