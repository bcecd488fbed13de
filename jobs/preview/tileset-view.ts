import type { TilesetDescription } from '../../src/store/documents/tileset-description.ts';
import type { StoreCallOptions } from '../../src/store/tile-store.ts';
import type { TilesetVersion, VersionsDocument } from '../../src/store/versions.ts';
import type { Tile } from '../../src/tms/tile.ts';

/** An archive as it is served: its bytes do not change. */
export interface ServedArchive {
  readonly sizeBytes: number;
  /** Strong, with its quotes. */
  readonly etag: string;
  /** Fewer bytes only where it ends. @throws TilerError those of a range source */
  read(offset: number, length: number, options: StoreCallOptions): Promise<Uint8Array>;
}

/** A tileset as it was when it was looked at last. */
export interface TilesetView extends Omit<TilesetDescription, 'geometry'> {
  /** Null for what has none, such as tilesets that others made. */
  readonly version: TilesetVersion | null;
  /** Null for anything but a PMTiles archive. */
  readonly archive: ServedArchive | null;
  /** Null = empty. @throws TilerError those of the place */
  tile(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null>;
}

/** Where a tileset that is previewed lies. It is looked at again, so that what is published meanwhile is seen. */
export interface PreviewSource extends AsyncDisposable {
  /** For messages: no credentials. */
  readonly label: string;
  /**
   * The tileset, or a version of it that is kept; null if there is none of that ID.
   *
   * @throws TilerError `REQUEST_INVALID` if there is no tileset, or none of pictures; those of the place
   */
  view(versionId: string | null, options: StoreCallOptions): Promise<TilesetView | null>;
  /** Null for what has no versions. */
  versions(options: StoreCallOptions): Promise<VersionsDocument | null>;
  /** A document beside the tileset; null = none. */
  document(name: string, options: StoreCallOptions): Promise<string | null>;
}

/** Media types of the pictures that can be shown, by file ending. */
export const PICTURE_TYPES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  avif: 'image/avif',
};
