import type { Tile } from '../tms/tile.ts';
import type { TaggedBytes } from './object-store.ts';
import type { ArchiveMetadata } from './pmtiles/archive-metadata.ts';
import type { MetatileRecord } from './records/metatile-record.ts';
import type { RecordsReader } from './records/records-reader.ts';
import type { TilesetVersion, VersionsDocument } from './versions.ts';

export interface StoreCallOptions {
  readonly signal: AbortSignal;
}

/** Takes the tiles of one metatile, each once at most. */
export interface MetatileSink {
  /** Notes that tiles of the metatile may change from now on: for an update, where tiles are in place as soon as they are put. */
  begin(options: StoreCallOptions): Promise<void>;
  put(tile: Tile, bytes: Uint8Array, options: StoreCallOptions): Promise<void>;
  /** The tile is empty: nothing is to be at its address. */
  delete(tile: Tile, options: StoreCallOptions): Promise<void>;
  /** Called after the last tile; when it returns, the store will not lose one of them. Doing it again is harmless. */
  commit(record: MetatileRecord, options: StoreCallOptions): Promise<void>;
  /** Called instead of all others: the tiles are those of the version that the run began with. */
  keep(record: MetatileRecord, options: StoreCallOptions): Promise<void>;
}

/** What a metatile has left in a store in the course of a run. `begun`: its tiles are of no known version. */
export type StagedMetatile =
  | { readonly kind: 'begun' }
  | { readonly kind: 'rendered' | 'kept'; readonly record: MetatileRecord };

/** What a store needs to know of a tileset whose metatiles are all committed or kept. */
export interface FinishedTiles {
  readonly generation: number;
  readonly requestHash: string;
  /** Indices of all metatiles of the tileset's plan that have work, ascending. */
  readonly indices: () => Iterable<number>;
  /** An update: the version that has the tiles of metatiles that were kept, or staged nothing. */
  readonly baseline: TilesetVersion | null;
  /** The plan of the baseline has the same indices: metatiles that staged nothing keep their records. Else all have staged. */
  readonly isSamePlan: boolean;
  /** Versions that are kept, this one included; at least 1. */
  readonly keepVersions: number;
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
  /** What a metatile has staged in this run, or in one before it that did not end; null = nothing. */
  staged(index: number, options: StoreCallOptions): Promise<StagedMetatile | null>;
  /** Indices of metatiles that have staged something, in no stated order. */
  stagedIndices(options: StoreCallOptions): AsyncIterable<number>;
  /**
   * Makes a version of the tileset of what metatiles have staged, in one step for those who read it, and publishes it. Doing
   * it again gives the same bytes and the same version, also after what was staged is removed.
   *
   * @throws TilerError `ARCHIVE_INVALID` if what was staged is not there any more, `STORE_CONFLICT` if another version was
   * published meanwhile
   */
  assemble(tiles: FinishedTiles, options: StoreCallOptions): Promise<TilesetVersion>;
  /** Versions of the tileset; null if there is none yet. */
  versions(options: StoreCallOptions): Promise<VersionsDocument | null>;
  /** Makes a version that is kept the current one. @throws TilerError `REQUEST_INVALID` if there is none of that ID, or tiles are in place */
  rollBack(versionId: string, options: StoreCallOptions): Promise<TilesetVersion>;
  /** The records of a version. @throws TilerError `ARCHIVE_INVALID` */
  openRecords(version: TilesetVersion, options: StoreCallOptions): Promise<RecordsReader>;
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
  /** Removes what metatiles have staged, and the parts of all tiles unless they are kept for an update. */
  deleteStaged(options: StoreCallOptions & { readonly keepParts: boolean }): Promise<void>;
  /** A document beside the tiles, such as `tilejson.json`; `path` is relative and of letters, digits, `-`, `_`, `.`. */
  putDocument(path: string, text: string, contentType: string, options: StoreCallOptions): Promise<void>;
  getDocument(path: string, options: StoreCallOptions): Promise<string | null>;
  /** Puts a document only if the one in its place has the expected tag; see `ObjectStore.putIf`. */
  putDocumentIf(
    path: string,
    bytes: Uint8Array,
    expectedTag: string | null,
    contentType: string,
    options: StoreCallOptions,
  ): Promise<string | null>;
  getTaggedDocument(path: string, options: StoreCallOptions): Promise<TaggedBytes | null>;
}

/** A store in which each tile is an object of its own, in place as soon as it is put. */
export interface PlainTileStore extends TileStore {
  put(tile: Tile, bytes: Uint8Array, options: StoreCallOptions): Promise<void>;
  /** Deleting nothing succeeds. */
  delete(tile: Tile, options: StoreCallOptions): Promise<void>;
}
