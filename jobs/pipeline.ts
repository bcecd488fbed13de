import { BlockCache } from '../src/cog/block-cache.ts';
import { limitSharp } from '../src/cog/codec/load-sharp.ts';
import { createCogPool } from '../src/cog/cog-pool.ts';
import { createFileVersions } from '../src/cog/file-versions.ts';
import { DEFAULT_COG_LIMITS } from '../src/cog/limits.ts';
import type { Config } from '../src/config.ts';
import { TilerError } from '../src/errors.ts';
import { HostGate, hostOfBucket } from '../src/host-gate.ts';
import { createDynamicStacBackend, searchHalo } from '../src/mosaic/dynamic-stac-backend.ts';
import type { DynamicStacBackend } from '../src/mosaic/dynamic-stac-backend.ts';
import type { CogOpener } from '../src/mosaic/scene-reader.ts';
import { createIoCounters, NO_STAGES } from '../src/observe.ts';
import type { IoCounters, Logger, StageMeter } from '../src/observe.ts';
import { dayOf, resolveQuery } from '../src/stac/relative-datetime.ts';
import { createTileRenderer, DEFAULT_RENDER_LIMITS } from '../src/render/render-metatile.ts';
import type { PartStore, TileRenderer } from '../src/render/tile-renderer.ts';
import { parseStoreLocation } from '../src/store/open-store.ts';
import type { TileStore } from '../src/store/tile-store.ts';
import { CleanupStack } from './cleanup-stack.ts';
import { openOutput } from './open-output.ts';
import { createOpenRanges } from './open-ranges.ts';
import { assumedPlaceOf } from './request/request-crs.ts';
import { renderOptionsOf } from './render-options.ts';
import { pixelHash } from './request/request-hash.ts';
import type { TilesetRequest } from './request/tileset-request.ts';

export interface OpenOptions {
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** Takes the times of the stages. Default: nobody does. */
  readonly stages?: StageMeter | undefined;
  /** That of the process, where it has more than one pipeline. Default: one of its own. */
  readonly gate?: HostGate | undefined;
}

interface ReadingOptions {
  /** Where metatiles hand tiles on to others; without it, only tiles that are rendered from scenes. */
  readonly handedOn?: PartStore;
  readonly counters?: IoCounters;
  readonly stages?: StageMeter | undefined;
  readonly gate?: HostGate | undefined;
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
export function createReadingPipeline(
  request: TilesetRequest,
  config: Config,
  logger: Logger,
  { handedOn, counters = createIoCounters(), stages = NO_STAGES, gate = new HostGate() }: ReadingOptions = {},
): ReadingPipeline {
  const cleanup = new CleanupStack();
  const backend = cleanup.use(createRequestBackend(request, config, { counters, stages, gate, logger }));
  const ranges = cleanup.use(createOpenRanges(config, { counters, stages, gate, fileRoot: config.source.fileRoot }));
  const cogs = cleanup.use(
    createCogPool({
      opener: ranges.open,
      counters,
      stages,
      cache: new BlockCache(config.blockCacheBytes),
      maxOpen: config.openCogs,
      sidecars: request.sidecars,
      assumed: assumedPlaceOf(request),
      limits: { ...DEFAULT_COG_LIMITS, maxBlockBytes: config.limits.maxBlockBytes },
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
      pixelHash: pixelHash(request),
      fileVersions: createFileVersions({ opener: ranges.open }),
      counters,
      stages,
      limits: { ...DEFAULT_RENDER_LIMITS, maxPrefetchBytes },
      ...(handedOn === undefined ? {} : { handedOn }),
    }),
  );
  return { backend, cogs, renderer, counters, [Symbol.asyncDispose]: () => cleanup[Symbol.asyncDispose]() };
}

interface BackendParts {
  readonly counters: IoCounters;
  readonly stages: StageMeter;
  readonly gate: HostGate;
  readonly logger: Logger;
}

function createRequestBackend(
  request: TilesetRequest,
  { stac }: Config,
  { counters, stages, gate, logger }: BackendParts,
): DynamicStacBackend {
  const { mosaic, assets, onMissingAsset, minzoom, maxzoom, tileSize } = request;
  const limits = { timeoutMs: stac.timeoutMs, attempts: stac.retries + 1, concurrency: stac.concurrencyPerHost };
  const query = resolveQuery(mosaic.query, mosaic.asOf ?? dayOf(new Date()));
  return createDynamicStacBackend({
    mosaic: { ...mosaic, query },
    assets,
    onMissingAsset,
    counters,
    stages,
    logger,
    minzoom,
    maxzoom,
    halo: searchHalo({ tileSize }),
    search: { limits, gate },
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
  { signal, logger, stages, gate = new HostGate() }: OpenOptions,
): Promise<Pipeline> {
  const counters = createIoCounters();
  const store = await openOutput(request, config, { counters, stages, gate, signal });
  try {
    const reading = createReadingPipeline(request, config, logger, { handedOn: store, counters, stages, gate });
    const renderer = withOpenOutput(reading.renderer, () => assertOutputOpen(request.output, gate));
    return {
      ...reading,
      renderer,
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

/** A bucket that is closed for longer than its requests would wait: nothing is read for tiles that could not be written. */
const MAX_CLOSED_OUTPUT_MS = 2_000;

function assertOutputOpen(output: string, gate: HostGate): void {
  const location = parseStoreLocation(output);
  if (location.kind !== 's3') return;
  const host = hostOfBucket(location.bucket);
  const retryAfterMs = gate.closedMs(host);
  if (retryAfterMs <= MAX_CLOSED_OUTPUT_MS) return;
  const found = `${host} asked for a pause, of which ${Math.ceil(retryAfterMs / 1000)} s are left`;
  throw new TilerError('STORE_THROTTLED', `Rendering to ${output}: ${found}`, { retryAfterMs });
}

function withOpenOutput(renderer: TileRenderer, assertOpen: () => void): TileRenderer {
  return {
    counters: renderer.counters,
    async renderMetatile(work, sink, options) {
      assertOpen();
      return await renderer.renderMetatile(work, sink, options);
    },
    inputsOf: (work, options) => renderer.inputsOf(work, options),
    async unchangedInputs(work, known, options) {
      assertOpen();
      return await renderer.unchangedInputs(work, known, options);
    },
    renderTile: (tile, options) => renderer.renderTile(tile, options),
    [Symbol.asyncDispose]: () => renderer[Symbol.asyncDispose](),
  };
}
