/** The records of a version of a tileset, as one file. */
export interface RecordsFile {
  /** In the store of the tileset. */
  readonly path: string;
  readonly bytes: number;
  /** Of the index of its blocks. */
  readonly indexOffset: number;
  readonly indexLength: number;
  /** Merkle root over all records, 64 hex digits. */
  readonly root: string;
  readonly metatiles: number;
}

/** One finished state of a tileset. */
export interface TilesetVersion {
  /** `{generation}-{first 8 hex digits of the root}`. */
  readonly id: string;
  readonly generation: number;
  readonly requestHash: string;
  /** Path of the archive in the store of the tileset; null for tiles as objects of their own. */
  readonly archive: string | null;
  readonly records: RecordsFile;
  readonly tiles: number;
  readonly empty: number;
  /** Of the archive; of all tiles where there is none. */
  readonly bytes: number;
}

/** The document `versions.json`: which version counts, and those that are kept, newest first. */
export interface VersionsDocument {
  readonly v: 1;
  readonly current: string;
  readonly versions: readonly TilesetVersion[];
}
