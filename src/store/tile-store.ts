import type { Tile } from '../tms/tile.ts';
import type { ArchiveMetadata } from './pmtiles/archive-metadata.ts';

export interface StoreCallOptions {
  readonly signal: AbortSignal;
}

/** Takes the tiles of one metatile, each once at most. */
export interface MetatileSink {
  put(tile: Tile, bytes: Uint8Array, options: StoreCallOptions): Promise<void>;
  /** The tile is empty: nothing is to be at its address. */
  delete(tile: Tile, options: StoreCallOptions): Promise<void>;
  /** Called after the last tile; when it returns, the store will not lose one of them. Doing it again is harmless. */
  commit(options: StoreCallOptions): Promise<void>;
}

/** What a store needs to know of a tileset whose metatiles are all committed. */
export interface FinishedTiles {
  /** Tiles that were put. */
  readonly rendered: number;
  /** Of the area, degrees; across the antimeridian, west > east. */
  readonly bbox: readonly [number, number, number, number];
  readonly metadata: ArchiveMetadata;
}

/**
 * Where finished tiles go: a folder, a prefix of an S3 bucket, or one PMTiles archive in either. What is put is atomic and
 * idempotent: a reader sees the old object or the new one, never a part. `get` of nothing is `null`.
 *
 * @throws TilerError `STORE_UNAVAILABLE`, `STORE_THROTTLED`, `STORE_FORBIDDEN`
 */
export interface TileStore extends AsyncDisposable {
  /** For messages: no credentials. */
  readonly label: string;
  /** The sink of a metatile, by its index in the plan. */
  openMetatile(index: number): MetatileSink;
  /**
   * Makes the tileset of what metatiles have committed, in one step for those who read it; where tiles are in place at once
   * there is nothing to do. Doing it again gives the same bytes, also after what metatiles have committed is removed.
   *
   * @returns true if `deleteParts` has something to remove
   * @throws TilerError `ARCHIVE_INVALID` if what was committed is not there any more
   */
  assemble(tiles: FinishedTiles, options: StoreCallOptions): Promise<boolean>;
  /** A tile of the finished tileset. */
  get(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null>;
  /** Addresses of all tiles that are there, in no stated order. */
  list(options: StoreCallOptions): AsyncIterable<Tile>;
  /**
   * Pixels of a tile that other tiles are made of, kept beside the tiles while a run needs them: never listed, and no
   * part of the tileset.
   */
  putPart(tile: Tile, bytes: Uint8Array, options: StoreCallOptions): Promise<void>;
  getPart(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null>;
  /** Removes the parts of all tiles, and whatever else a store keeps only while a run needs it. */
  deleteParts(options: StoreCallOptions): Promise<void>;
  /** A document beside the tiles, such as `tilejson.json`; `path` is relative and of letters, digits, `-`, `_`, `.`. */
  putDocument(path: string, text: string, contentType: string, options: StoreCallOptions): Promise<void>;
  getDocument(path: string, options: StoreCallOptions): Promise<string | null>;
}

/** A store in which each tile is an object of its own, in place as soon as it is put. */
export interface PlainTileStore extends TileStore {
  put(tile: Tile, bytes: Uint8Array, options: StoreCallOptions): Promise<void>;
  /** Deleting nothing succeeds. */
  delete(tile: Tile, options: StoreCallOptions): Promise<void>;
}
