/** A file that was looked at for a metatile, as it was when it was opened. */
export interface FileInput {
  /** Key of the asset in its item. */
  readonly key: string;
  /** Without query and credentials. Files beside an asset have its href with their ending behind it. */
  readonly href: string;
  /**
   * ETag, or the time of its last change and its size; `absent` for a file beside an asset that is not there; null where
   * nothing says it.
   */
  readonly version: string | null;
}

/** A scene that was offered for a metatile: it touches one of its tiles. */
export interface SceneInput {
  /** `collection/itemId`, or the item ID alone. */
  readonly scene: string;
  /** RFC 3339; null for an item without one. */
  readonly datetime: string | null;
  /** `Scene.version`. */
  readonly version: string;
  /** Files that were opened; none = nothing of the scene was read, and its files cannot change a pixel. */
  readonly files: readonly FileInput[];
  /** Tiles had to do without it, since it could not be read; absent = none had to. It may be readable again at any time. */
  readonly leftOut?: true;
}

/** A tile that other metatiles handed on, of which a metatile is made. */
export interface ChildInput {
  /** PMTiles tile ID. */
  readonly tileId: number;
  /** 32 hex digits of what was handed on; zeros if nothing was, or nothing whole. */
  readonly digest: string;
}

/** What the tiles of a metatile were made of. */
export interface MetatileInputs {
  /**
   * 32 hex digits over all that decides which files are read and what is made of them: the renderer's version, the request
   * as far as it changes pixels, the tiles of the metatile, its scenes in their order with what their versions say of
   * pixels, or its children with their digests. Versions of files are not in it.
   */
  readonly signature: string;
  /** First = on top. */
  readonly scenes: readonly SceneInput[];
  readonly children: readonly ChildInput[];
}
