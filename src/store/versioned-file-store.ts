import type { StageMeter } from '../observe.ts';
import { NO_STAGES, timed } from '../observe.ts';
import { TilerError } from '../errors.ts';
import { tileIdFromTile } from '../tms/tile-id.ts';
import type { Tile } from '../tms/tile.ts';
import { assembleVersion, pointToCurrent } from './archive-publishing.ts';
import type { PublishingPlaces } from './archive-publishing.ts';
import type { ObjectStore, TaggedBytes } from './object-store.ts';
import { segmentToBytes } from './pmtiles/segment.ts';
import { segmentIndices } from './records/read-segment.ts';
import type { RecordsReader } from './records/records-reader.ts';
import { openRecords, readStaged, segmentsFolder } from './records/write-records.ts';
import { WORK_FOLDER, checkDocumentName, tileToPath } from './tile-path.ts';
import type { FinishedTiles, MetatileSink, StagedMetatile, StoreCallOptions, TileStore } from './tile-store.ts';
import { readVersions, selectVersion } from './version-document.ts';
import type { TilesetVersion, VersionsDocument } from './versions.ts';

export interface VersionedFileOptions {
  /** In the store of objects: the name under which the current version is found; its ending tells the kind of file. */
  readonly path: string;
  readonly stages?: StageMeter | undefined;
}

const OCTETS = 'application/octet-stream';

/**
 * Tiles in one file, of which each version has its own. Each metatile leaves a segment, an object beneath `.tilewright/`;
 * when all are there, `assemble` makes the file of the version of them, which appears whole, and then counts. Until then
 * readers see the version of before, or none. Documents lie beside the file, named after it.
 */
export abstract class VersionedFileStore implements TileStore {
  protected readonly objects: ObjectStore;
  protected readonly places: PublishingPlaces & { readonly workFolder: string };
  /** With the dot, in lower case. */
  private readonly ending: string;
  private readonly stem: string;
  private readonly stages: StageMeter;

  constructor(objects: ObjectStore, { path, stages = NO_STAGES }: VersionedFileOptions) {
    this.objects = objects;
    this.ending = path.slice(path.lastIndexOf('.')).toLowerCase();
    this.stem = path.slice(0, -this.ending.length);
    this.places = {
      objects,
      path,
      versionsPath: `${this.stem}.versions.json`,
      versionsFolder: `${this.stem}.versions`,
      workFolder: `${WORK_FOLDER}/${path}`,
    };
    this.stages = stages;
  }

  get label(): string {
    return `${this.objects.label}/${this.places.path}`;
  }

  abstract get(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null>;

  abstract list(options: StoreCallOptions): AsyncIterable<Tile>;

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
    const stage = async (staged: StagedMetatile, { signal }: StoreCallOptions): Promise<void> => {
      const contents = staged.kind === 'rendered' ? [...tiles] : [];
      const bytes = segmentToBytes(
        contents.map(([tileId, content]) => ({ tileId, bytes: content })),
        staged,
      );
      const path = `${segmentsFolder(this.places.workFolder)}/${index}`;
      const put = (): Promise<void> => this.objects.put(path, bytes, { contentType: OCTETS, signal });
      await timed(this.stages, 'upload', put);
    };
    return {
      // Nobody sees a tile before all are there.
      begin: async () => await Promise.resolve(),
      put: async (tile, bytes) => void (await Promise.resolve(tiles.set(tileIdFromTile(tile), bytes))),
      delete: async (tile) => void (await Promise.resolve(tiles.delete(tileIdFromTile(tile)))),
      commit: (record, options) => stage({ kind: 'rendered', record }, options),
      keep: (record, options) => stage({ kind: 'kept', record }, options),
    };
  }

  async staged(index: number, options: StoreCallOptions): Promise<StagedMetatile | null> {
    return await readStaged(this.objects, this.places.workFolder, index, options);
  }

  async *stagedIndices(options: StoreCallOptions): AsyncIterable<number> {
    yield* segmentIndices(this.objects, segmentsFolder(this.places.workFolder), options);
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

  async openRecords(version: TilesetVersion, options: StoreCallOptions): Promise<RecordsReader> {
    return await openRecords(this.objects, version, options);
  }

  async putPart(tile: Tile, bytes: Uint8Array, { signal }: StoreCallOptions): Promise<void> {
    await this.objects.put(this.partPath(tile), bytes, { contentType: OCTETS, signal });
  }

  async getPart(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null> {
    return await this.objects.get(this.partPath(tile), options);
  }

  async deleteStaged({ keepParts, ...options }: StoreCallOptions & { readonly keepParts: boolean }): Promise<void> {
    await this.objects.deleteAll(segmentsFolder(this.places.workFolder), options);
    if (keepParts) await this.objects.delete(`${this.places.workFolder}/records.gz`, options);
    else await this.objects.deleteAll(this.places.workFolder, options);
  }

  async putDocument(path: string, text: string, contentType: string, { signal }: StoreCallOptions): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    await this.objects.put(this.documentPath(path), bytes, { contentType, signal });
  }

  async getDocument(path: string, options: StoreCallOptions): Promise<string | null> {
    const bytes = await this.objects.get(this.documentPath(path), options);
    return bytes === null ? null : new TextDecoder().decode(bytes);
  }

  async putDocumentIf(
    path: string,
    bytes: Uint8Array,
    expectedTag: string | null,
    contentType: string,
    { signal }: StoreCallOptions,
  ): Promise<string | null> {
    return await this.objects.putIf(this.documentPath(path), bytes, expectedTag, { contentType, signal });
  }

  async getTaggedDocument(path: string, options: StoreCallOptions): Promise<TaggedBytes | null> {
    return await this.objects.getTagged(this.documentPath(path), options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.closeReader();
    await this.objects[Symbol.asyncDispose]();
  }

  private documentPath(name: string): string {
    return `${this.stem}.${checkDocumentName(name)}`;
  }

  private partPath(tile: Tile): string {
    return `${this.places.workFolder}/parts/${tileToPath(tile, 'part')}`;
  }
}
