import { assetOf, isTilerError } from '../errors.ts';
import type { TilerError } from '../errors.ts';
import type { IoCounters, StageMeter } from '../observe.ts';
import { scenesTouching } from '../mosaic/asset-filter.ts';
import type { MosaicBackend } from '../mosaic/backend.ts';
import { composeTiles } from '../mosaic/compose.ts';
import { createPassThrough } from '../mosaic/pass-through.ts';
import type { PassThrough } from '../mosaic/pass-through.ts';
import type { TileMosaic, TileScenes } from '../mosaic/tile-state.ts';
import type { CogOpener } from '../mosaic/scene-reader.ts';
import { halvingOf } from '../raster/halve.ts';
import type { MetatileWork } from '../tms/metatile.ts';
import { assertTile } from '../tms/tile.ts';
import type { Tile } from '../tms/tile.ts';
import { tileBbox, tileBounds } from '../tms/web-mercator-quad.ts';
import { createEncoder } from './encode/create-encoder.ts';
import type { TileEncoder } from './encode/encoder.ts';
import { createInFlight } from './in-flight.ts';
import { createLeftOutTally } from './left-out.ts';
import { MetatileOutput } from './metatile-output.ts';
import type { TileEnds, TilesOfWork } from './metatile-output.ts';
import { createStyle, paletteUseOf } from './style.ts';
import type { StyleRaster } from './style.ts';
import type {
  EncodedTile,
  MetatileReport,
  PartStore,
  RenderOptions,
  TileFailure,
  TileRenderer,
  TileSink,
} from './tile-renderer.ts';

/** Bounds on the memory of one metatile. They change no pixel. */
export interface RenderLimits {
  /**
   * Bytes that the pixel selections of a metatile hold at the same time; one that needs more is done in several passes
   * over its scenes. Finished tiles are not counted.
   */
  readonly maxOpenBytes: number;
  /**
   * Decoded bytes of one scene that are fetched ahead. Less than half of the block cache: what it cannot hold is read
   * twice, and blocks reach beyond the windows that are counted here.
   */
  readonly maxPrefetchBytes: number;
  /** Full tiles being encoded or handed over at the same time. */
  readonly maxEncoding: number;
}

/**
 * With `first`, a metatile of 8x8 tiles of 512 px or 16x16 of 256 px in one pass, as 8-bit RGB with mask. Block cache from
 * 128 MiB on.
 */
export const DEFAULT_RENDER_LIMITS: RenderLimits = {
  maxOpenBytes: 64 * 1024 * 1024,
  maxPrefetchBytes: 48 * 1024 * 1024,
  maxEncoding: 4,
};

export interface TileRendererParts {
  readonly backend: MosaicBackend;
  readonly cogs: CogOpener;
  readonly options: RenderOptions;
  /** Those that backend and cogs count into. */
  readonly counters: IoCounters;
  readonly stages?: StageMeter;
  readonly limits?: RenderLimits;
  /** Where metatiles hand the pixels of their tiles on to others. Needed if there are any that do. */
  readonly handedOn?: PartStore;
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
  private readonly passThrough: PassThrough | null;

  constructor(parts: TileRendererParts) {
    this.parts = parts;
    this.counters = parts.counters;
    this.limits = parts.limits ?? DEFAULT_RENDER_LIMITS;
    this.style = createStyle(parts.options);
    this.encoder = createEncoder(parts.options.format, parts.options);
    this.passThrough = createPassThrough(parts.options);
  }

  async renderMetatile(
    work: MetatileWork,
    sink: TileSink,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<MetatileReport> {
    let rendered = 0;
    let empty = 0;
    const failures: TileFailure[] = [];
    const leftOut = createLeftOutTally();
    const give: TileSink = async (tile, encoded) => {
      if (encoded === null) empty++;
      else rendered++;
      await sink(tile, encoded);
    };
    const output = this.outputOf(work, signal, {
      sink: give,
      fail: (tile, error) => failures.push(failureOf(tile, error)),
      leaveOut: (scenes) => leftOut.add({ tiles: 1, scenes }),
    });
    await output.begin();
    if (work.children === null) await this.renderScenes(work, output, signal);
    else await output.takeChildren(work.children);
    return { rendered, empty, failures, leftOut: leftOut.total() };
  }

  async renderTile(tile: Tile, { signal }: { readonly signal: AbortSignal }): Promise<EncodedTile | null> {
    let result: EncodedTile | TilerError | null = null;
    const give: TileSink = async (_, encoded) => {
      result = encoded;
      await Promise.resolve();
    };
    const work = { metatile: { ...tile, size: 1 }, children: null, tiles: [tile], parents: [], handedOn: null };
    const ends = { sink: give, fail: (_: Tile, error: TilerError) => (result = error), leaveOut: () => {} };
    await this.renderScenes(work, this.outputOf(work, signal, ends), signal);
    if (isTilerError(result)) throw result;
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
  }

  private outputOf(work: TilesOfWork, signal: AbortSignal, ends: TileEnds): MetatileOutput {
    const { style, encoder } = this;
    const { options, handedOn, stages } = this.parts;
    const halving = halvingOf(options.resampling);
    return new MetatileOutput(work, ends, { style, encoder, halving, handedOn, stages, signal });
  }

  private async renderScenes(
    { metatile, tiles }: Pick<MetatileWork, 'metatile' | 'tiles'>,
    output: MetatileOutput,
    signal: AbortSignal,
  ): Promise<void> {
    for (const tile of tiles) assertTile(tile);
    const { backend, cogs, options } = this.parts;
    const { tileSize, bandRule = 'pixel', onAssetError = 'fail' } = options;
    const { maxOpenBytes, maxPrefetchBytes } = this.limits;
    const scenes = await backend.assetsForMetatile(metatile, { signal });
    const encoding = createInFlight(this.limits.maxEncoding);
    const take = (tile: Tile, mosaic: TileMosaic): Promise<void> => encoding.begin(() => output.take(tile, mosaic));
    try {
      const tileScenes = tiles.map((tile): TileScenes => {
        const grid = { bounds: tileBounds(tile), width: tileSize, height: tileSize };
        return { tile, grid, scenes: scenesTouching(scenes, tileBbox(tile)) };
      });
      const limits = { maxOpenBytes, maxPrefetchBytes };
      await composeTiles(scenes, tileScenes, take, {
        ...options,
        bandRule,
        onAssetError,
        paletteUse: paletteUseOf(options),
        ...limits,
        passThrough: this.passThrough,
        wantsPixels: output.wantsPixels,
        cogs,
        counters: this.counters,
        stages: this.parts.stages,
        signal,
      });
      await encoding.finish();
    } finally {
      // Nothing is handed over any more once the call has ended, however it ends.
      await encoding.settle();
    }
  }
}

function failureOf(tile: Tile, { code, message, retryAfterMs, context }: TilerError): TileFailure {
  return { tile, code, message, retryAfterMs, asset: assetOf(context) };
}
