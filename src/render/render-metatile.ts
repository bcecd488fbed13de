import { isTilerError } from '../errors.ts';
import type { TilerError } from '../errors.ts';
import { createInFlight } from '../in-flight.ts';
import type { FileVersions } from '../cog/file-versions.ts';
import type { IoCounters, StageMeter } from '../observe.ts';
import { scenesTouching } from '../mosaic/asset-filter.ts';
import type { MosaicBackend } from '../mosaic/backend.ts';
import { composeTiles } from '../mosaic/compose.ts';
import { createPassThrough } from '../mosaic/pass-through.ts';
import type { PassThrough } from '../mosaic/pass-through.ts';
import type { TileMosaic, TileScenes } from '../mosaic/tile-state.ts';
import type { CogOpener, OpenScene } from '../mosaic/scene-reader.ts';
import type { Scene } from '../mosaic/scene.ts';
import { halvingOf } from '../raster/halve.ts';
import type { MetatileWork } from '../tms/metatile.ts';
import { assertTile } from '../tms/tile.ts';
import type { Tile } from '../tms/tile.ts';
import { tileBbox, tileBounds } from '../tms/web-mercator-quad.ts';
import { ChildParts } from './child-parts.ts';
import { createEncoder } from './encode/create-encoder.ts';
import type { TileEncoder } from './encode/encoder.ts';
import { createLeftOutTally, markLeftOut } from './left-out.ts';
import { filesOf, makeInputs, sceneInputOf } from './make-inputs.ts';
import type { FoundInputs, SignatureBasis } from './make-inputs.ts';
import type { FileInput, MetatileInputs } from './metatile-inputs.ts';
import { MetatileOutput } from './metatile-output.ts';
import type { TileEnds, TilesOfWork } from './metatile-output.ts';
import { createStyle, paletteUseOf } from './style.ts';
import type { StyleRaster } from './style.ts';
import { tileFailureOf } from './tile-failure.ts';
import type {
  EncodedTile,
  MetatileReport,
  PartStore,
  RenderOptions,
  TileFailure,
  TileRenderer,
  TileSink,
} from './tile-renderer.ts';
import { hasSameFiles, matchInputs } from './unchanged-inputs.ts';

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
  /**
   * Names what the request makes of given scenes: the files looked for, how they are read, and all of `options`. It goes
   * into signatures, which are of no use between requests without it.
   */
  readonly pixelHash?: string;
  /** Tells which files are there now. Without it, none is known to be unchanged. */
  readonly fileVersions?: FileVersions;
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
  private readonly childParts = new WeakMap<MetatileWork, ChildParts>();

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
      fail: (tile, error) => failures.push(tileFailureOf(tile, error)),
      leaveOut: (scenes) => leftOut.add({ tiles: 1, scenes }),
    });
    await output.begin();
    const found = await this.renderWork(work, output, signal);
    const total = leftOut.total();
    const inputs = makeInputs(this.basisOf(work), { ...found, scenes: markLeftOut(found.scenes, total) });
    return { rendered, empty, failures, leftOut: total, inputs, part: output.part };
  }

  async inputsOf(work: MetatileWork, { signal }: { readonly signal: AbortSignal }): Promise<MetatileInputs> {
    return (await this.lookAt(work, signal)).inputs;
  }

  async unchangedInputs(
    work: MetatileWork,
    known: MetatileInputs,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<MetatileInputs | null> {
    const { options, fileVersions = null } = this.parts;
    const { inputs: now, scenes } = await this.lookAt(work, signal);
    const isTopOnly = options.pixelSelection === 'first';
    const inputs = matchInputs(now, known, { basis: this.basisOf(work), isTopOnly });
    return inputs !== null && (await hasSameFiles(inputs, scenes, fileVersions, { signal })) ? inputs : null;
  }

  async renderTile(tile: Tile, { signal }: { readonly signal: AbortSignal }): Promise<EncodedTile | null> {
    let result: EncodedTile | TilerError | null = null;
    const give: TileSink = async (_, encoded) => {
      result = encoded;
      await Promise.resolve();
    };
    const work = { metatile: { ...tile, size: 1 }, children: null, tiles: [tile], parents: [], handedOn: null };
    const ends = { sink: give, fail: (_: Tile, error: TilerError) => (result = error), leaveOut: () => {} };
    await this.renderScenes(work, this.outputOf(work, signal, ends), { signal, onSceneOpened: () => {} });
    if (isTilerError(result)) throw result;
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
  }

  private outputOf(work: TilesOfWork, signal: AbortSignal, ends: TileEnds): MetatileOutput {
    const { options, handedOn, stages } = this.parts;
    const halving = halvingOf(options.resampling);
    const parts = { style: this.style, encoder: this.encoder, halving, handedOn, stages, signal };
    return new MetatileOutput(work, ends, parts);
  }

  /** Renders, and gives what was found; the files of scenes are those that were opened. */
  private async renderWork(work: MetatileWork, output: MetatileOutput, signal: AbortSignal): Promise<FoundInputs> {
    if (work.children !== null) return { children: await output.takeChildren(work.children, this.partsOf(work)) };
    const files = new Map<Scene, readonly FileInput[]>();
    const onSceneOpened = (opened: OpenScene): void => void files.set(opened.scene, filesOf(opened));
    const offered = await this.renderScenes(work, output, { signal, onSceneOpened });
    return { scenes: offered.map((scene) => sceneInputOf(scene, files.get(scene))) };
  }

  /** What would be rendered, and the scenes of it. */
  private async lookAt(work: MetatileWork, signal: AbortSignal) {
    const basis = this.basisOf(work);
    if (work.children !== null) {
      const children = await this.partsOf(work).inputs({ signal });
      return { inputs: makeInputs(basis, { children }), scenes: [] };
    }
    const { offered } = await this.scenesOf(work, signal);
    return { inputs: makeInputs(basis, { scenes: offered.map((scene) => sceneInputOf(scene)) }), scenes: offered };
  }

  private basisOf(work: MetatileWork): SignatureBasis {
    return { pixelHash: this.parts.pixelHash ?? '', work };
  }

  /** What was handed on to a metatile, once for all that is asked of it. */
  private partsOf(work: MetatileWork): ChildParts {
    const { handedOn } = this.parts;
    if (handedOn === undefined) throw new RangeError('A metatile is made of tiles, and there is nowhere to find them');
    const parts = this.childParts.get(work) ?? new ChildParts(work, handedOn);
    this.childParts.set(work, parts);
    return parts;
  }

  /** The scenes in and around a metatile, those of each tile, and those of any of them: `offered`. */
  private async scenesOf({ metatile, tiles }: Pick<MetatileWork, 'metatile' | 'tiles'>, signal: AbortSignal) {
    for (const tile of tiles) assertTile(tile);
    const { tileSize } = this.parts.options;
    const scenes = await this.parts.backend.assetsForMetatile(metatile, { signal });
    const tileScenes = tiles.map((tile): TileScenes => {
      const grid = { bounds: tileBounds(tile), width: tileSize, height: tileSize };
      return { tile, grid, scenes: scenesTouching(scenes, tileBbox(tile)) };
    });
    const touching = new Set(tileScenes.flatMap((tile) => tile.scenes));
    return { scenes, tileScenes, offered: scenes.filter((scene) => touching.has(scene)) };
  }

  private async renderScenes(
    work: Pick<MetatileWork, 'metatile' | 'tiles'>,
    output: MetatileOutput,
    { signal, onSceneOpened }: { readonly signal: AbortSignal; readonly onSceneOpened: (opened: OpenScene) => void },
  ): Promise<readonly Scene[]> {
    const { cogs, options } = this.parts;
    const { bandRule = 'pixel', onAssetError = 'fail' } = options;
    const { scenes, tileScenes, offered } = await this.scenesOf(work, signal);
    const encoding = createInFlight(this.limits.maxEncoding);
    const take = (tile: Tile, mosaic: TileMosaic): Promise<void> => encoding.begin(() => output.take(tile, mosaic));
    try {
      await composeTiles(scenes, tileScenes, take, {
        ...options,
        bandRule,
        onAssetError,
        paletteUse: paletteUseOf(options),
        ...this.limits,
        passThrough: this.passThrough,
        wantsPixels: output.wantsPixels,
        onSceneOpened,
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
    return offered;
  }
}
