import type { IoCounters } from '../observe.ts';
import type { ErrorCode } from '../errors.ts';
import type { BandRule } from '../mosaic/pixel-selection.ts';
import type { PixelSelectionName } from '../mosaic/pixel-selection/registry.ts';
import type { Resampling } from '../raster/resample.ts';
import type { MetatileWork } from '../tms/metatile.ts';
import type { Tile } from '../tms/tile.ts';

/** What the pixels of a tileset depend on, besides the scenes. The fields are those of the tileset request. */
export interface RenderOptions {
  readonly tileSize: 256 | 512;
  /** 1-based bands of every asset; null = all. */
  readonly bidx: readonly number[] | null;
  /** Overrides the files' own nodata, alpha and mask; may be NaN; null = the files decide. */
  readonly nodata: number | null;
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
  readonly format: 'png' | 'jpeg' | 'webp';
}

/** One finished tile. */
export interface EncodedTile {
  readonly tile: Tile;
  readonly bytes: Uint8Array;
  /** `collection/itemId` of the scenes that gave pixels, first = on top. */
  readonly scenes: readonly string[];
}

/** A tile that could not be rendered, with the code that decides whether trying again can help. */
export interface TileFailure {
  readonly tile: Tile;
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfterMs: number | null;
}

/** A scene that tiles had to do without, and the failure that was the reason. */
export interface LeftOutScene {
  /** `collection/itemId`. */
  readonly scene: string;
  readonly code: ErrorCode;
  /** Of one of the tiles: they may have met different blocks. */
  readonly message: string;
  /** Tiles without it; empty ones are counted, failed ones are not. */
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
}

/** Receives each tile as it is done: an encoded tile, or null for an empty one. Called for one tile at a time or several. */
export type TileSink = (tile: Tile, encoded: EncodedTile | null) => Promise<void>;

/** From addresses to tiles: searches, reads, mosaics, styles and encodes. Holds caches; one per process is enough. */
export interface TileRenderer extends AsyncDisposable {
  readonly counters: IoCounters;
  /**
   * Renders the tiles of one metatile. A tile's bytes do not depend on which metatile it is rendered in. A failed asset
   * fails the tiles that need it, and only those, or is left out of them; a failed search fails the call, and so does a sink that throws. When the
   * call has ended, however it ends, the sink is not called any more.
   */
  renderMetatile(
    work: MetatileWork,
    sink: TileSink,
    options: { readonly signal: AbortSignal },
  ): Promise<MetatileReport>;
  /** Renders one tile; null = nothing there. */
  renderTile(tile: Tile, options: { readonly signal: AbortSignal }): Promise<EncodedTile | null>;
}
