import type { IoCounters } from '../observe.ts';
import type { ErrorCode } from '../errors.ts';
import type { Unscale } from '../mosaic/band-values.ts';
import type { BandRule } from '../mosaic/pixel-selection.ts';
import type { PixelSelectionName } from '../mosaic/pixel-selection/registry.ts';
import type { Resampling } from '../raster/resample.ts';
import type { MetatileWork } from '../tms/metatile.ts';
import type { Tile } from '../tms/tile.ts';
import type { MetatileInputs } from './metatile-inputs.ts';

/** What the pixels of a tileset depend on, besides the scenes. The fields are those of the tileset request. */
export interface RenderOptions {
  readonly tileSize: 256 | 512;
  /** 1-based bands of every asset; null = all. */
  readonly bidx: readonly number[] | null;
  /**
   * Overrides the files' own nodata, alpha and mask; may be NaN. `item` = that of the item, where it states one; null =
   * the files decide.
   */
  readonly nodata: number | 'item' | null;
  /** Whether samples become physical values, and by whose scale and offset. Default `none`. */
  readonly unscale?: Unscale;
  /** One pair for all bands or one each; null = samples are uint8 already. */
  readonly rescale: readonly (readonly [number, number])[] | null;
  readonly pixelSelection: PixelSelectionName;
  /** How `highest` and `lowest` compare pixels of several bands. Default `pixel`. */
  readonly bandRule?: BandRule;
  /**
   * What an asset that cannot be read, now or ever, does to the tiles that need it: `fail` (the default) or `skip`, which
   * leaves its scene out of them and says so. A failure that may pass fails the tile in any case.
   */
  readonly onAssetError?: 'fail' | 'skip';
  readonly resampling: Resampling;
  /** Bilinear and cubic weigh all source pixels at any reduction. Default false: from a half on, as GDAL 3.13 does. */
  readonly antialias?: boolean | undefined;
  readonly format: 'png' | 'jpeg' | 'webp' | 'avif';
  /** 1 to 100, for the lossy formats; null or absent = the default of the format. */
  readonly quality?: number | null;
  /** True for WebP and AVIF that keep every value. Default false. */
  readonly lossless?: boolean;
  /**
   * False = no block of a file becomes a tile as it is (`createPassThrough`). Null or absent = true, or false with
   * `quality`.
   */
  readonly passThrough?: boolean | null;
  /** Bits of a sample of PNG. Default 8. */
  readonly bitDepth?: 8 | 16;
  /**
   * The colours of values: those of the files' own palettes (`source`), those given by value, or none, which makes values
   * grey. Null or absent = `source`, or `none` where values are numbers, with `rescale` or 16 bits.
   */
  readonly colormap?: 'source' | 'none' | GivenColormap | null;
}

/** `[red, green, blue]` or `[red, green, blue, alpha]`, 0 to 255 each, by the value in decimal digits. */
export type GivenColormap = Readonly<Record<string, readonly number[]>>;

/** One finished tile. */
export interface EncodedTile {
  readonly tile: Tile;
  readonly bytes: Uint8Array;
  /** `collection/itemId` of the scenes that gave pixels, first = on top; none for a tile that is made of its children. */
  readonly scenes: readonly string[];
}

/** A tile that could not be rendered, with the code that decides whether trying again can help. */
export interface TileFailure {
  readonly tile: Tile;
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfterMs: number | null;
  /** What `assetOf` makes of the error; null or absent = it is about none. */
  readonly asset?: string | null;
}

/** A scene that tiles had to do without, and the failure that was the reason. */
export interface LeftOutScene {
  /** `collection/itemId`. */
  readonly scene: string;
  readonly code: ErrorCode;
  /** Of one of the tiles: they may have met different blocks. */
  readonly message: string;
  /** Tiles without it; empty ones are counted; failed ones, and those made of their children, are not. */
  readonly tiles: number;
}

/** What tiles had to do without, with `onAssetError: "skip"`. */
export interface LeftOut {
  /** Tiles without one scene or more. */
  readonly tiles: number;
  /** Sorted by scene, then code; a scene that failed in two ways is in it twice. */
  readonly scenes: readonly LeftOutScene[];
}

/** What became of one metatile. Every tile of the work is in exactly one of the three. */
export interface MetatileReport {
  readonly rendered: number;
  readonly empty: number;
  readonly failures: readonly TileFailure[];
  readonly leftOut: LeftOut;
  readonly inputs: MetatileInputs;
  /** Of the pixels that were handed on to another metatile (`digestOfPart`); null if none were. */
  readonly part: string | null;
}

/** Receives each tile as it is done: an encoded tile, or null for an empty one. Called for one tile at a time or several. */
export type TileSink = (tile: Tile, encoded: EncodedTile | null) => Promise<void>;

/** Keeps the pixels of tiles that other metatiles are made of. `getPart` of nothing is `null`. */
export interface PartStore {
  putPart(tile: Tile, bytes: Uint8Array, options: { readonly signal: AbortSignal }): Promise<void>;
  getPart(tile: Tile, options: { readonly signal: AbortSignal }): Promise<Uint8Array | null>;
}

/** From addresses to tiles: searches, reads, mosaics, styles and encodes. Holds caches; one per process is enough. */
export interface TileRenderer extends AsyncDisposable {
  readonly counters: IoCounters;
  /**
   * Renders the tiles of one metatile and their parents. A tile's bytes do not depend on which metatile it is rendered
   * in. A failed asset fails the tiles that need it, and those made of them, and no others, or is left out of them; a
   * failed search fails the call, and so do a sink that throws and children that cannot be read. When the call has ended,
   * however it ends, the sink is not called any more.
   */
  renderMetatile(
    work: MetatileWork,
    sink: TileSink,
    options: { readonly signal: AbortSignal },
  ): Promise<MetatileReport>;
  /**
   * What a metatile would be made of, without rendering it: one search, or its children read. Nothing is opened, and
   * `files` are none. Rendering it afterwards does not ask again.
   *
   * @throws TilerError those of `MosaicBackend` and `PartStore`
   */
  inputsOf(work: MetatileWork, options: { readonly signal: AbortSignal }): Promise<MetatileInputs>;
  /**
   * The inputs of a metatile if it is certain that rendering it would give what it gave from the inputs known, with the
   * files known; null = it is not, or a file could not be looked at. Files are looked at, not opened.
   *
   * @throws TilerError those of `inputsOf`
   */
  unchangedInputs(
    work: MetatileWork,
    known: MetatileInputs,
    options: { readonly signal: AbortSignal },
  ): Promise<MetatileInputs | null>;
  /** Renders one tile from scenes; null = nothing there. */
  renderTile(tile: Tile, options: { readonly signal: AbortSignal }): Promise<EncodedTile | null>;
}
