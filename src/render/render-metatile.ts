import { isTilerError } from '../errors.ts';
import type { TilerError } from '../errors.ts';
import type { IoCounters } from '../observe.ts';
import { scenesTouching } from '../mosaic/asset-filter.ts';
import type { MosaicBackend } from '../mosaic/backend.ts';
import { composeTiles } from '../mosaic/compose.ts';
import type { TileMosaic, TileScenes } from '../mosaic/compose.ts';
import { sceneName } from '../mosaic/scene-reader.ts';
import type { CogOpener } from '../mosaic/scene-reader.ts';
import type { Metatile, MetatileWork } from '../tms/metatile.ts';
import { assertTile } from '../tms/tile.ts';
import type { Tile } from '../tms/tile.ts';
import { tileBbox, tileBounds } from '../tms/web-mercator-quad.ts';
import { createEncoder } from './encode/create-encoder.ts';
import type { TileEncoder } from './encode/encoder.ts';
import { createInFlight } from './in-flight.ts';
import { createStyle } from './style.ts';
import type { StyleRaster } from './style.ts';
import type {
  EncodedTile,
  MetatileReport,
  RenderOptions,
  TileFailure,
  TileRenderer,
  TileSink,
} from './tile-renderer.ts';

/** Bounds on the memory of one metatile. They change no pixel. */
export interface RenderLimits {
  /** Pixels of tiles that are filled at the same time; a metatile with more is done in several passes over its scenes. */
  readonly maxOpenPixels: number;
  /**
   * Decoded bytes of one scene that are fetched ahead. Less than half of the block cache: what it cannot hold is read
   * twice, and blocks reach beyond the windows that are counted here.
   */
  readonly maxPrefetchBytes: number;
  /** Full tiles being encoded or handed over at the same time. */
  readonly maxEncoding: number;
}

/** A metatile of 8x8 tiles of 512 px or 16x16 of 256 px in one pass: 67 MB as RGB with mask. Block cache from 128 MiB on. */
export const DEFAULT_RENDER_LIMITS: RenderLimits = {
  maxOpenPixels: 2 ** 24,
  maxPrefetchBytes: 48 * 1024 * 1024,
  maxEncoding: 4,
};

export interface TileRendererParts {
  readonly backend: MosaicBackend;
  readonly cogs: CogOpener;
  readonly options: RenderOptions;
  /** Those that backend and cogs count into. */
  readonly counters: IoCounters;
  readonly limits?: RenderLimits;
}

/**
 * Makes a renderer of one tileset. Backend and cogs stay the caller's: disposing of the renderer leaves them open.
 *
 * A metatile is rendered scene by scene (`composeTiles`), so that a file is opened once and its blocks are fetched
 * together for all tiles; a tile is styled, encoded and handed over as soon as it is full. A lone tile goes the same way
 * as a metatile of one, and has the same bytes.
 */
export function createTileRenderer(parts: TileRendererParts): TileRenderer {
  return new MetatileRenderer(parts);
}

class MetatileRenderer implements TileRenderer {
  readonly counters: IoCounters;
  private readonly parts: TileRendererParts;
  private readonly limits: RenderLimits;
  private readonly style: StyleRaster;
  private readonly encoder: TileEncoder;

  constructor(parts: TileRendererParts) {
    this.parts = parts;
    this.counters = parts.counters;
    this.limits = parts.limits ?? DEFAULT_RENDER_LIMITS;
    this.style = createStyle(parts.options);
    this.encoder = createEncoder(parts.options.format);
  }

  async renderMetatile(
    work: MetatileWork,
    sink: TileSink,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<MetatileReport> {
    let rendered = 0;
    let empty = 0;
    const failures: TileFailure[] = [];
    const give: TileSink = async (tile, encoded) => {
      if (encoded === null) empty++;
      else rendered++;
      await sink(tile, encoded);
    };
    await this.render(work.metatile, work.tiles, give, (tile, error) => failures.push(failureOf(tile, error)), signal);
    return { rendered, empty, failures };
  }

  async renderTile(tile: Tile, { signal }: { readonly signal: AbortSignal }): Promise<EncodedTile | null> {
    let result: EncodedTile | TilerError | null = null;
    const give: TileSink = async (_, encoded) => {
      result = encoded;
      await Promise.resolve();
    };
    await this.render({ ...tile, size: 1 }, [tile], give, (_, error) => (result = error), signal);
    if (isTilerError(result)) throw result;
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
  }

  private async render(
    metatile: Metatile,
    tiles: readonly Tile[],
    sink: TileSink,
    fail: (tile: Tile, error: TilerError) => void,
    signal: AbortSignal,
  ): Promise<void> {
    for (const tile of tiles) assertTile(tile);
    const { backend, cogs, options } = this.parts;
    const { tileSize } = options;
    const scenes = await backend.assetsForMetatile(metatile, { signal });
    const encoding = createInFlight(this.limits.maxEncoding);
    const take = (tile: Tile, mosaic: TileMosaic): Promise<void> =>
      encoding.begin(() => this.finishTile(tile, mosaic, sink, fail));
    const passSize = Math.max(1, Math.floor(this.limits.maxOpenPixels / tileSize ** 2));
    try {
      for (let i = 0; i < tiles.length; i += passSize) {
        const pass = tiles.slice(i, i + passSize).map((tile): TileScenes => {
          const grid = { bounds: tileBounds(tile), width: tileSize, height: tileSize };
          return { tile, grid, scenes: scenesTouching(scenes, tileBbox(tile)) };
        });
        const { maxPrefetchBytes } = this.limits;
        await composeTiles(scenes, pass, take, { ...options, cogs, maxPrefetchBytes, signal });
      }
      await encoding.finish();
    } finally {
      // Nothing is handed over any more once the call has ended, however it ends.
      await encoding.settle();
    }
  }

  private async finishTile(
    tile: Tile,
    mosaic: TileMosaic,
    sink: TileSink,
    fail: (tile: Tile, error: TilerError) => void,
  ): Promise<void> {
    if (mosaic.kind === 'empty') return await sink(tile, null);
    if (mosaic.kind === 'failed') return fail(tile, mosaic.error);
    let bytes: Uint8Array;
    try {
      bytes = await this.encoder.encode(this.style(mosaic.raster));
    } catch (error) {
      if (isTilerError(error)) return fail(tile, error);
      throw error;
    }
    await sink(tile, { tile, bytes, scenes: mosaic.scenes.map(sceneName) });
  }
}

function failureOf(tile: Tile, { code, message, retryAfterMs }: TilerError): TileFailure {
  return { tile, code, message, retryAfterMs };
}
