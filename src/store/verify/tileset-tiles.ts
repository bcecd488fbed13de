import type { Bbox } from '../../geo/bbox.ts';
import type { ObjectStore } from '../object-store.ts';
import type { StoreCallOptions } from '../tile-store.ts';

/** What is asked of a store of which nothing is changed. */
export type ReadableObjects = Pick<ObjectStore, 'label' | 'get' | 'read' | 'list'>;

/** Tiles `tileId` to `tileId + runLength - 1`, which all have the same bytes. */
export interface FoundTiles {
  readonly tileId: number;
  readonly runLength: number;
  /** Bytes of a tile; null = not known before it is read. */
  readonly length: number | null;
  /** Where the bytes lie, for those who compare places: equal ones in one tileset are the same bytes. Null = not known. */
  readonly offset: number | null;
}

/** The tiles of anything finished: an archive of any make, or tiles as objects of their own. */
export interface TilesetTiles extends AsyncDisposable {
  /** For messages: no credentials. */
  readonly label: string;
  /** What the tileset says that it covers, in degrees; null = it does not say. */
  readonly bbox: Bbox | null;
  /** Ascending by tile ID. */
  tiles(options: StoreCallOptions): AsyncIterable<FoundTiles>;
  /** Where a tile is; null if it is known without reading it that there is none. */
  find(tileId: number, options: StoreCallOptions): Promise<FoundTiles | null>;
  /** The bytes of a tile that was found; null if it is gone. */
  read(tile: FoundTiles, options: StoreCallOptions): Promise<Uint8Array | null>;
}
