import { basename } from 'node:path';
import { isTilerError, TilerError } from '../../src/errors.ts';
import type { ObjectStore } from '../../src/store/object-store.ts';
import { TileObjects } from '../../src/store/tile-objects.ts';
import type { StoreCallOptions } from '../../src/store/tile-store.ts';
import { parseTileJson, TILEJSON_NAME } from '../../src/store/tilejson.ts';
import type { VersionsDocument } from '../../src/store/versions.ts';
import { lookForTiles } from './look-for-tiles.ts';
import { createFresh } from '../fresh.ts';
import { PICTURE_TYPES } from './tileset-view.ts';
import type { PreviewSource, TilesetView } from './tileset-view.ts';

type Look = Omit<TilesetView, 'archive'>;

/** Tiles that are objects of their own: ours, or `z/x/y` of anybody's. */
export class StorePreview implements PreviewSource {
  private readonly objects: ObjectStore;
  private readonly options: StoreCallOptions;
  private readonly known = createFresh<Look>((last) => this.look(last));

  /** @param options.signal - ends what is read for many who ask, so that the first of them cannot end it for all */
  constructor(objects: ObjectStore, options: StoreCallOptions) {
    this.objects = objects;
    this.options = options;
  }

  get label(): string {
    return this.objects.label;
  }

  async view(versionId: string | null): Promise<TilesetView | null> {
    const look = await this.known.get();
    // There is one set of tiles.
    return versionId === null || versionId === look.version?.id ? { ...look, archive: null } : null;
  }

  async versions(options: StoreCallOptions): Promise<VersionsDocument | null> {
    try {
      return await new TileObjects(this.objects, { extension: 'png', contentType: '' }).versions(options);
    } catch (error) {
      // A document of the same name that others wrote.
      if (isTilerError(error) && error.code === 'STORE_CONFLICT') return null;
      throw error;
    }
  }

  async document(name: string, options: StoreCallOptions): Promise<string | null> {
    const bytes = await this.objects.get(name, options);
    return bytes === null ? null : new TextDecoder().decode(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.objects[Symbol.asyncDispose]();
  }

  private async look(last: Look | null): Promise<Look> {
    const text = await this.document(TILEJSON_NAME, this.options);
    const tileJson = text === null ? null : parseTileJson(text);
    const found =
      tileJson === null
        ? await this.foundTiles(last)
        : { ...tileJson, bbox: tileJson.bounds, extension: tileJson.format };
    const { name, description, attribution, minzoom, maxzoom, bbox, extension, tileSize } = found;
    const contentType = PICTURE_TYPES[extension];
    if (contentType === undefined) throw this.noTileset(`tiles of the format ${extension}`);
    const tiles = new TileObjects(this.objects, { extension, contentType });
    const document = await this.versions(this.options);
    return {
      name,
      description,
      attribution,
      minzoom,
      maxzoom,
      bbox,
      extension,
      contentType,
      tileSize,
      version: document?.versions.find(({ id }) => id === document.current) ?? null,
      tile: (tile, options) => tiles.get(tile, options),
    };
  }

  /** Others write no document; theirs are looked for once. */
  private async foundTiles(last: Look | null): Promise<Omit<Look, 'contentType' | 'version' | 'tile'>> {
    if (last !== null) return last;
    const found = await lookForTiles(this.objects, this.options);
    if (found !== null) return { ...found, name: basename(this.label) };
    throw this.noTileset('neither');
  }

  private noTileset(found: string): TilerError {
    return new TilerError(
      'REQUEST_INVALID',
      `Previewing ${this.label}: expected ${TILEJSON_NAME}, or pictures named z/x/y, found ${found}`,
    );
  }
}
