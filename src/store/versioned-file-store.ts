import type { StageMeter } from '../observe.ts';
import { NO_STAGES, timed } from '../observe.ts';
import { TilerError } from '../errors.ts';
import { tileIdFromTile } from '../tms/tile-id.ts';
import { assembleVersion, pointToCurrent } from './archive-publishing.ts';
import type { PublishingPlaces } from './archive-publishing.ts';
import type { ObjectStore } from './object-store.ts';
import { segmentsFolder } from './records/read-segment.ts';
import { deleteStagedRecords } from './records/write-records.ts';
import { StagingStore } from './staging-store.ts';
import { WORK_FOLDER } from './tile-path.ts';
import type { FinishedTiles, MetatileSink, StagedMetatile, StoreCallOptions } from './tile-store.ts';
import { readVersions, selectVersion } from './version-document.ts';
import type { TilesetVersion, VersionsDocument } from './versions.ts';

export interface VersionedFileOptions {
  /** In the store of objects: the name under which the current version is found; its ending tells the kind of file. */
  readonly path: string;
  readonly stages?: StageMeter | undefined;
}

/**
 * Tiles in one file, of which each version has its own. Each metatile leaves a segment, an object beneath `.tilewright/`;
 * when all are there, `assemble` makes the file of the version of them, which appears whole, and then counts. Until then
 * readers see the version of before, or none. Documents lie beside the file, named after it.
 */
export abstract class VersionedFileStore extends StagingStore {
  protected readonly places: PublishingPlaces & { readonly workFolder: string };
  /** With the dot, in lower case. */
  private readonly ending: string;
  private readonly stages: StageMeter;

  constructor(objects: ObjectStore, { path, stages = NO_STAGES }: VersionedFileOptions) {
    const stem = path.slice(0, path.lastIndexOf('.'));
    const workFolder = `${WORK_FOLDER}/${path}`;
    super({ objects, workFolder, documentStem: `${stem}.` });
    this.ending = path.slice(stem.length).toLowerCase();
    const [versionsPath, versionsFolder] = [`${stem}.versions.json`, `${stem}.versions`];
    this.places = { objects, path, versionsPath, versionsFolder, workFolder };
    this.stages = stages;
  }

  get label(): string {
    return `${this.objects.label}/${this.places.path}`;
  }

  /**
   * Makes the objects of a version, its records and its file, of what metatiles have staged.
   *
   * @throws TilerError `ARCHIVE_INVALID` if something that was staged is missing or damaged, and those of the store
   */
  protected abstract makeVersion(tiles: FinishedTiles, options: StoreCallOptions): Promise<TilesetVersion>;

  /** Called when another version may count, and at the end. */
  protected abstract closeReader(): Promise<void>;

  openMetatile(index: number): MetatileSink {
    const tiles = new Map<number, Uint8Array>();
    const stage = (staged: StagedMetatile, options: StoreCallOptions): Promise<void> =>
      timed(this.stages, 'upload', () => this.stage(index, tiles, staged, options));
    return {
      // Nobody sees a tile before all are there.
      begin: async () => await Promise.resolve(),
      put: async (tile, bytes) => void (await Promise.resolve(tiles.set(tileIdFromTile(tile), bytes))),
      delete: async (tile) => void (await Promise.resolve(tiles.delete(tileIdFromTile(tile)))),
      commit: (record, options) => stage({ kind: 'rendered', record }, options),
      keep: (record, options) => stage({ kind: 'kept', record }, options),
    };
  }

  async assemble(tiles: FinishedTiles, options: StoreCallOptions): Promise<TilesetVersion> {
    // Nothing is made for a version that another tileset would be in the way of.
    await this.versions(options);
    const version = await assembleVersion(this.places, tiles, options, () => this.makeVersion(tiles, options));
    await this.closeReader();
    return version;
  }

  async versions(options: StoreCallOptions): Promise<VersionsDocument | null> {
    const document = await readVersions(this.objects, this.places.versionsPath, options);
    const other = document?.versions.find(({ archive }) => archive !== null && !archive.endsWith(this.ending));
    if (other === undefined) return document;
    const found = `${this.places.versionsPath} tells of ${other.archive}: give one of the tilesets another name`;
    throw new TilerError('STORE_CONFLICT', `Reading the versions of ${this.label}: ${found}`);
  }

  async rollBack(versionId: string, options: StoreCallOptions): Promise<TilesetVersion> {
    await this.versions(options);
    const version = await selectVersion(this.objects, this.places.versionsPath, versionId, options);
    await pointToCurrent(this.places, options);
    await this.closeReader();
    return version;
  }

  async deleteStaged({ keepParts, ...options }: StoreCallOptions & { readonly keepParts: boolean }): Promise<void> {
    await this.objects.deleteAll(segmentsFolder(this.places.workFolder), options);
    if (keepParts) await deleteStagedRecords(this.objects, this.places.workFolder, options);
    else await this.objects.deleteAll(this.places.workFolder, options);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.closeReader();
    await super[Symbol.asyncDispose]();
  }
}
