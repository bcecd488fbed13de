import type { Bbox } from '../../geo/bbox.ts';
import { tileFromTileId } from '../../tms/tile-id.ts';
import type { Tile } from '../../tms/tile.ts';
import { createPathToTile, tileToPath } from '../tile-path.ts';
import type { StoreCallOptions } from '../tile-store.ts';
import { sortedTileIds } from './sorted-tile-ids.ts';
import type { FoundTiles, ReadableObjects, TilesetTiles } from './tileset-tiles.ts';

/**
 * Tiles `{z}/{x}/{y}.{extension}` as objects of their own. Stores list them in no order, so that their tile IDs are kept
 * and sorted: 8 bytes a tile. The store stays open.
 */
export class ObjectTiles implements TilesetTiles {
  readonly bbox: Bbox | null;
  private readonly objects: ReadableObjects;
  private readonly extension: string;

  constructor(
    objects: ReadableObjects,
    { extension, bbox }: { readonly extension: string; readonly bbox: Bbox | null },
  ) {
    this.objects = objects;
    this.extension = extension;
    this.bbox = bbox;
  }

  get label(): string {
    return this.objects.label;
  }

  async *tiles(options: StoreCallOptions): AsyncGenerator<FoundTiles, void, undefined> {
    for (const tileId of await sortedTileIds(this.list(options))) yield ofOneTile(tileId);
  }

  async find(tileId: number): Promise<FoundTiles | null> {
    return await Promise.resolve(ofOneTile(tileId));
  }

  async read({ tileId }: FoundTiles, options: StoreCallOptions): Promise<Uint8Array | null> {
    return await this.objects.get(tileToPath(tileFromTileId(tileId), this.extension), options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
  }

  private async *list(options: StoreCallOptions): AsyncGenerator<Tile> {
    const pathToTile = createPathToTile(this.extension);
    const enters = (name: string): boolean => /^[0-9]+$/.test(name);
    for await (const path of this.objects.list('', { ...options, enters })) {
      const tile = pathToTile(path);
      if (tile !== null) yield tile;
    }
  }
}

function ofOneTile(tileId: number): FoundTiles {
  return { tileId, runLength: 1, length: null, offset: null };
}
