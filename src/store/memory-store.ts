import type { Tile } from '../tms/tile.ts';
import { checkDocumentName, createPathToTile, partToPath, tileToPath } from './tile-path.ts';
import type { StoreCallOptions, TileStore } from './tile-store.ts';

/** Keeps tiles in this process, for one tile on the command line and for tests. It holds copies, and as many as are put. */
export function createMemoryStore(): TileStore {
  return new MemoryStore();
}

class MemoryStore implements TileStore {
  readonly label = 'memory';
  private readonly tiles = new Map<string, Uint8Array>();
  private readonly parts = new Map<string, Uint8Array>();
  private readonly documents = new Map<string, string>();

  async put(tile: Tile, bytes: Uint8Array, { signal }: StoreCallOptions): Promise<void> {
    signal.throwIfAborted();
    this.tiles.set(tileToPath(tile, 'tile'), bytes.slice());
    await Promise.resolve();
  }

  async get(tile: Tile, { signal }: StoreCallOptions): Promise<Uint8Array | null> {
    signal.throwIfAborted();
    return await Promise.resolve(this.tiles.get(tileToPath(tile, 'tile'))?.slice() ?? null);
  }

  async delete(tile: Tile, { signal }: StoreCallOptions): Promise<void> {
    signal.throwIfAborted();
    this.tiles.delete(tileToPath(tile, 'tile'));
    await Promise.resolve();
  }

  async *list({ signal }: StoreCallOptions): AsyncIterable<Tile> {
    const pathToTile = createPathToTile('tile');
    for (const path of this.tiles.keys()) {
      signal.throwIfAborted();
      const tile = pathToTile(path);
      if (tile !== null) yield await Promise.resolve(tile);
    }
  }

  async putPart(tile: Tile, bytes: Uint8Array, { signal }: StoreCallOptions): Promise<void> {
    signal.throwIfAborted();
    this.parts.set(partToPath(tile), bytes.slice());
    await Promise.resolve();
  }

  async getPart(tile: Tile, { signal }: StoreCallOptions): Promise<Uint8Array | null> {
    signal.throwIfAborted();
    return await Promise.resolve(this.parts.get(partToPath(tile))?.slice() ?? null);
  }

  async deleteParts({ signal }: StoreCallOptions): Promise<void> {
    signal.throwIfAborted();
    this.parts.clear();
    await Promise.resolve();
  }

  async putDocument(path: string, text: string, _contentType: string, { signal }: StoreCallOptions): Promise<void> {
    signal.throwIfAborted();
    this.documents.set(checkDocumentName(path), text);
    await Promise.resolve();
  }

  async getDocument(path: string, { signal }: StoreCallOptions): Promise<string | null> {
    signal.throwIfAborted();
    return await Promise.resolve(this.documents.get(checkDocumentName(path)) ?? null);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.tiles.clear();
    this.parts.clear();
    this.documents.clear();
    await Promise.resolve();
  }
}
