import { NO_STAGES, timed } from '../observe.ts';
import type { StageMeter } from '../observe.ts';
import type { Tile } from '../tms/tile.ts';
import type { ObjectStore } from './object-store.ts';
import { PARTS_FOLDER, checkDocumentName, createPathToTile, partToPath, tileToPath } from './tile-path.ts';
import type { MetatileSink, PlainTileStore, StoreCallOptions } from './tile-store.ts';

export interface TileObjectsOptions {
  /** File ending without the dot. */
  readonly extension: string;
  readonly contentType: string;
  readonly stages?: StageMeter | undefined;
}

/** Tiles as objects `{z}/{x}/{y}.{extension}`, each in place as soon as it is put. */
export class TileObjects implements PlainTileStore {
  private readonly objects: ObjectStore;
  private readonly options: TileObjectsOptions;
  private readonly sink: MetatileSink = {
    put: (tile, bytes, options) => this.put(tile, bytes, options),
    delete: (tile, options) => this.delete(tile, options),
    commit: async () => await Promise.resolve(),
  };

  constructor(objects: ObjectStore, options: TileObjectsOptions) {
    this.objects = objects;
    this.options = options;
  }

  get label(): string {
    return this.objects.label;
  }

  async put(tile: Tile, bytes: Uint8Array, { signal }: StoreCallOptions): Promise<void> {
    const { extension, contentType, stages = NO_STAGES } = this.options;
    const path = tileToPath(tile, extension);
    await timed(stages, 'upload', () => this.objects.put(path, bytes, { contentType, signal }));
  }

  async get(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null> {
    return await this.objects.get(tileToPath(tile, this.options.extension), options);
  }

  async delete(tile: Tile, options: StoreCallOptions): Promise<void> {
    await this.objects.delete(tileToPath(tile, this.options.extension), options);
  }

  async *list(options: StoreCallOptions): AsyncIterable<Tile> {
    const pathToTile = createPathToTile(this.options.extension);
    // Whatever else lies there is not looked into.
    const enters = (name: string): boolean => /^[0-9]+$/.test(name);
    for await (const path of this.objects.list('', { ...options, enters })) {
      const tile = pathToTile(path);
      if (tile !== null) yield tile;
    }
  }

  openMetatile(): MetatileSink {
    return this.sink;
  }

  async assemble(): Promise<boolean> {
    return await Promise.resolve(false);
  }

  async putPart(tile: Tile, bytes: Uint8Array, { signal }: StoreCallOptions): Promise<void> {
    await this.objects.put(partToPath(tile), bytes, { contentType: 'application/octet-stream', signal });
  }

  async getPart(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null> {
    return await this.objects.get(partToPath(tile), options);
  }

  async deleteParts(options: StoreCallOptions): Promise<void> {
    await this.objects.deleteAll(PARTS_FOLDER, options);
  }

  async putDocument(path: string, text: string, contentType: string, { signal }: StoreCallOptions): Promise<void> {
    await this.objects.put(checkDocumentName(path), new TextEncoder().encode(text), { contentType, signal });
  }

  async getDocument(path: string, options: StoreCallOptions): Promise<string | null> {
    const bytes = await this.objects.get(checkDocumentName(path), options);
    return bytes === null ? null : new TextDecoder().decode(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.objects[Symbol.asyncDispose]();
  }
}
