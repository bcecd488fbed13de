import type { Bbox } from '../../geo/bbox.ts';
import { tileFromTileId } from '../../tms/tile-id.ts';
import type { ForeignMbtiles } from '../mbtiles/foreign-mbtiles.ts';
import type { StoreCallOptions } from '../tile-store.ts';
import { sortedTileIds } from './sorted-tile-ids.ts';
import type { FoundTiles, TilesetTiles } from './tileset-tiles.ts';

/** The tiles of an MBTiles file of any make: 8 bytes a tile are kept. Disposing of it closes the file. */
export class MbtilesTiles implements TilesetTiles {
  private readonly reader: ForeignMbtiles;

  constructor(reader: ForeignMbtiles) {
    this.reader = reader;
  }

  get label(): string {
    return this.reader.label;
  }

  get bbox(): Bbox | null {
    return this.reader.metadata.bbox;
  }

  async *tiles(options: StoreCallOptions): AsyncGenerator<FoundTiles, void, undefined> {
    for (const tileId of await sortedTileIds(this.reader.list(options))) {
      yield { tileId, runLength: 1, length: null, offset: null };
    }
  }

  async find(tileId: number): Promise<FoundTiles | null> {
    return await Promise.resolve({ tileId, runLength: 1, length: null, offset: null });
  }

  async read({ tileId }: FoundTiles, options: StoreCallOptions): Promise<Uint8Array | null> {
    return await this.reader.tile(tileFromTileId(tileId), options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reader[Symbol.asyncDispose]();
  }
}
