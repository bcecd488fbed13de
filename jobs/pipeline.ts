import { S3Client } from '@aws-sdk/client-s3';
import { BlockCache } from '../src/cog/block-cache.ts';
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
import { createEncoder } from '../src/render/encode/create-encoder.ts';
import type { TileEncoder } from '../src/render/encode/encoder.ts';
import { limitSharp } from '../src/render/encode/sharp-encoder.ts';
import { createTileRenderer, DEFAULT_RENDER_LIMITS } from '../src/render/render-metatile.ts';
import type { TileRenderer } from '../src/render/tile-renderer.ts';
import { openTileStore } from '../src/store/open-store.ts';
import type { TileStore } from '../src/store/tile-store.ts';
import { CleanupStack } from './cleanup-stack.ts';
import { renderOptionsOf } from './tileset-request.ts';
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
 * @throws TilerError `REQUEST_INVALID`
 */
export function createReadingPipeline(request: TilesetRequest, config: Config, logger: Logger): ReadingPipeline {
  const counters = createIoCounters();
  const { source, stac, s3, limits } = config;
  const cleanup = new CleanupStack();
  const backend = cleanup.use(
    createDynamicStacBackend({
      mosaic: request.mosaic,
      assets: request.assets,
      onMissingAsset: request.onMissingAsset,
      counters,
      logger,
      minzoom: request.minzoom,
      maxzoom: request.maxzoom,
      halo: { pixels: 2, tileSize: request.tileSize },
      search: {
        limits: { timeoutMs: stac.timeoutMs, attempts: stac.retries + 1, concurrency: stac.concurrencyPerHost },
      },
    }),
  );
  const agent = createHttpAgent({ connectionsPerHost: source.concurrencyPerHost });
  cleanup.defer(() => agent.close());
  const openRangeSource = createRangeSourceOpener({
    counters,
    agent,
    fileRoot: source.fileRoot,
    allowedHosts: source.allowedHosts,
    s3Client: () => {
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
    }),
  );
  return { backend, cogs, renderer, counters, [Symbol.asyncDispose]: () => cleanup[Symbol.asyncDispose]() };
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
  const reading = createReadingPipeline(request, config, logger);
  try {
    const store = await openOutput(request, config, { counters: reading.counters, signal });
    return {
      ...reading,
      store,
      async [Symbol.asyncDispose]() {
        await store[Symbol.asyncDispose]();
        await reading[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await reading[Symbol.asyncDispose]();
    throw error;
  }
}

/** Opens just the output of a request. Writes nothing. */
export async function openOutput(
  request: TilesetRequest,
  config: Config,
  { counters, signal }: { readonly counters: IoCounters; readonly signal: AbortSignal },
): Promise<TileStore> {
  const { extension, contentType } = createRequestEncoder(request);
  const { forcePathStyle, cacheControl } = config.s3;
  return await openTileStore(
    request.output,
    { extension, contentType, forcePathStyle, cacheControl, counters },
    { signal },
  );
}

/** The encoder of a request's format. */
export function createRequestEncoder({ format }: Pick<TilesetRequest, 'format'>): TileEncoder {
  return createEncoder(format);
}
