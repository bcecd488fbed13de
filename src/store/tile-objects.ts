import { TilerError } from '../errors.ts';
import { NO_STAGES, timed } from '../observe.ts';
import type { StageMeter } from '../observe.ts';
import type { Tile } from '../tms/tile.ts';
import { publishOnce } from './archive-publishing.ts';
import type { ObjectStore } from './object-store.ts';
import { segmentsFolder } from './records/read-segment.ts';
import { deleteStagedRecords, writeRecords } from './records/write-records.ts';
import { StagingStore } from './staging-store.ts';
import { WORK_FOLDER, createPathToTile, partsFolder, tileToPath } from './tile-path.ts';
import type { FinishedTiles, MetatileSink, PlainTileStore, StagedMetatile, StoreCallOptions } from './tile-store.ts';
import { deleteForgotten, readVersions } from './version-document.ts';
import type { TilesetVersion, VersionsDocument } from './versions.ts';

export interface TileObjectsOptions {
  /** File ending without the dot. */
  readonly extension: string;
  readonly contentType: string;
  readonly stages?: StageMeter | undefined;
}

/** Where the records of versions lie; only the current one has some. */
const VERSIONS_NAME = 'versions.json';
const VERSIONS_FOLDER = `${WORK_FOLDER}/versions`;

/**
 * Tiles as objects `{z}/{x}/{y}.{extension}`, each in place as soon as it is put. What metatiles stage is their records alone,
 * and a version is the records of the tiles that are there.
 */
export class TileObjects extends StagingStore implements PlainTileStore {
  private readonly options: TileObjectsOptions;

  constructor(objects: ObjectStore, options: TileObjectsOptions) {
    super({ objects, workFolder: WORK_FOLDER, documentStem: '' });
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

  openMetatile(index: number): MetatileSink {
    const stage = (staged: StagedMetatile, options: StoreCallOptions): Promise<void> =>
      this.stage(index, [], staged, options);
    return {
      begin: (options) => stage({ kind: 'begun' }, options),
      put: (tile, bytes, options) => this.put(tile, bytes, options),
      delete: (tile, options) => this.delete(tile, options),
      commit: (record, options) => stage({ kind: 'rendered', record }, options),
      keep: (record, options) => stage({ kind: 'kept', record }, options),
    };
  }

  async assemble(tiles: FinishedTiles, options: StoreCallOptions): Promise<TilesetVersion> {
    const { objects } = this;
    // There is one set of tiles: a version before this one has none any more.
    const only = { ...tiles, keepVersions: 1 };
    const places = { objects, versionsPath: VERSIONS_NAME };
    const version = await publishOnce(places, only, options, () => this.makeVersion(tiles, options));
    const document = await this.versions(options);
    if (document !== null) await deleteForgotten(objects, VERSIONS_FOLDER, document, options);
    return version;
  }

  async versions(options: StoreCallOptions): Promise<VersionsDocument | null> {
    return await readVersions(this.objects, VERSIONS_NAME, options);
  }

  async rollBack(versionId: string): Promise<TilesetVersion> {
    const found = 'its tiles are in place, and there are no others';
    await Promise.resolve();
    throw new TilerError('REQUEST_INVALID', `Rolling ${this.label} back to ${versionId}: ${found}`);
  }

  async deleteStaged({ keepParts, ...options }: StoreCallOptions & { readonly keepParts: boolean }): Promise<void> {
    // The records of the version lie in the work folder too.
    if (!keepParts) await this.objects.deleteAll(partsFolder(WORK_FOLDER), options);
    await this.objects.deleteAll(segmentsFolder(WORK_FOLDER), options);
    await deleteStagedRecords(this.objects, WORK_FOLDER, options);
  }

  private async makeVersion(tiles: FinishedTiles, options: StoreCallOptions): Promise<TilesetVersion> {
    const { generation, requestHash } = tiles;
    const places = { objects: this.objects, workFolder: WORK_FOLDER, versionsFolder: VERSIONS_FOLDER };
    const { id, records, tiles: count, empty, tileBytes: bytes } = await writeRecords(places, tiles, options);
    return { id, generation, requestHash, archive: null, records, tiles: count, empty, bytes };
  }
}
