import type { IoCounters } from '../observe.ts';
import type { ErrorCode } from '../errors.ts';
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
  readonly pixelSelection: 'first';
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

/** What became of one metatile. Every tile of the work is in exactly one of the three. */
export interface MetatileReport {
  readonly rendered: number;
  readonly empty: number;
  readonly failures: readonly TileFailure[];
}

/** Receives each tile as it is done: an encoded tile, or null for an empty one. Called for one tile at a time or several. */
export type TileSink = (tile: Tile, encoded: EncodedTile | null) => Promise<void>;

/** From addresses to tiles: searches, reads, mosaics, styles and encodes. Holds caches; one per process is enough. */
export interface TileRenderer extends AsyncDisposable {
  readonly counters: IoCounters;
  /**
   * Renders the tiles of one metatile. A tile's bytes do not depend on which metatile it is rendered in. A failed asset
   * fails the tiles that need it, and only those; a failed search fails the call, and so does a sink that throws. When the
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
