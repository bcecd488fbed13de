import type { Tile } from '../tms/tile.ts';

export interface StoreCallOptions {
  readonly signal: AbortSignal;
}

/**
 * Where finished tiles go: a folder, or a prefix of an S3 bucket. `put` is atomic and idempotent: a reader sees the old
 * object or the new one, never a part, and writing the same bytes twice is harmless. `get` of nothing is `null`;
 * `delete` of nothing succeeds.
 *
 * @throws TilerError `STORE_UNAVAILABLE`, `STORE_THROTTLED`, `STORE_FORBIDDEN`
 */
export interface TileStore extends AsyncDisposable {
  /** For messages: no credentials. */
  readonly label: string;
  put(tile: Tile, bytes: Uint8Array, options: StoreCallOptions): Promise<void>;
  get(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null>;
  delete(tile: Tile, options: StoreCallOptions): Promise<void>;
  /** Addresses of all tiles that are there, in no stated order. */
  list(options: StoreCallOptions): AsyncIterable<Tile>;
  /**
   * Pixels of a tile that other tiles are made of, kept beside the tiles while a run needs them: never listed, and no
   * part of the tileset.
   */
  putPart(tile: Tile, bytes: Uint8Array, options: StoreCallOptions): Promise<void>;
  getPart(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null>;
  /** Removes the parts of all tiles. */
  deleteParts(options: StoreCallOptions): Promise<void>;
  /** A document beside the tiles, such as `tilejson.json`; `path` is relative and of letters, digits, `-`, `_`, `.`. */
  putDocument(path: string, text: string, contentType: string, options: StoreCallOptions): Promise<void>;
  getDocument(path: string, options: StoreCallOptions): Promise<string | null>;
}
