import { TilerError } from '../errors.ts';
import { NO_STAGES, timed } from '../observe.ts';
import type { StageMeter } from '../observe.ts';
import type { Tile } from '../tms/tile.ts';
import { publishOnce } from './archive-publishing.ts';
import type { ObjectStore, TaggedBytes } from './object-store.ts';
import { segmentToBytes } from './pmtiles/segment.ts';
import { segmentIndices } from './records/read-segment.ts';
import type { RecordsReader } from './records/records-reader.ts';
import {
  openRecords,
  placeRecords,
  readStaged,
  segmentsFolder,
  versionIdOf,
  writeRecords,
} from './records/write-records.ts';
import { PARTS_FOLDER, WORK_FOLDER, checkDocumentName, createPathToTile, partToPath, tileToPath } from './tile-path.ts';
import type { FinishedTiles, MetatileSink, PlainTileStore, StagedMetatile, StoreCallOptions } from './tile-store.ts';
import { deleteForgotten, readVersions } from './version-document.ts';
import type { TilesetVersion, VersionsDocument } from './versions.ts';

export interface TileObjectsOptions {
  /** File ending without the dot. */
  readonly extension: string;
  readonly contentType: string;
  readonly stages?: StageMeter | undefined;
}

const OCTETS = 'application/octet-stream';

/** Where the records of versions lie; only the current one has some. */
const VERSIONS_NAME = 'versions.json';
const VERSIONS_FOLDER = `${WORK_FOLDER}/versions`;

/**
 * Tiles as objects `{z}/{x}/{y}.{extension}`, each in place as soon as it is put. What metatiles stage is their records alone,
 * and a version is the records of the tiles that are there.
 */
export class TileObjects implements PlainTileStore {
  private readonly objects: ObjectStore;
  private readonly options: TileObjectsOptions;

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

  openMetatile(index: number): MetatileSink {
    const stage = async (staged: StagedMetatile, { signal }: StoreCallOptions): Promise<void> => {
      const bytes = segmentToBytes([], staged);
      await this.objects.put(`${segmentsFolder(WORK_FOLDER)}/${index}`, bytes, { contentType: OCTETS, signal });
    };
    return {
      begin: (options) => stage({ kind: 'begun' }, options),
      put: (tile, bytes, options) => this.put(tile, bytes, options),
      delete: (tile, options) => this.delete(tile, options),
      commit: (record, options) => stage({ kind: 'rendered', record }, options),
      keep: (record, options) => stage({ kind: 'kept', record }, options),
    };
  }

  async staged(index: number, options: StoreCallOptions): Promise<StagedMetatile | null> {
    return await readStaged(this.objects, WORK_FOLDER, index, options);
  }

  async *stagedIndices(options: StoreCallOptions): AsyncIterable<number> {
    yield* segmentIndices(this.objects, segmentsFolder(WORK_FOLDER), options);
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

  async openRecords(version: TilesetVersion, options: StoreCallOptions): Promise<RecordsReader> {
    return await openRecords(this.objects, version, options);
  }

  async putPart(tile: Tile, bytes: Uint8Array, { signal }: StoreCallOptions): Promise<void> {
    await this.objects.put(partToPath(tile), bytes, { contentType: OCTETS, signal });
  }

  async getPart(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null> {
    return await this.objects.get(partToPath(tile), options);
  }

  async deleteStaged({ keepParts, ...options }: StoreCallOptions & { readonly keepParts: boolean }): Promise<void> {
    if (!keepParts) await this.objects.deleteAll(PARTS_FOLDER, options);
    await this.objects.deleteAll(segmentsFolder(WORK_FOLDER), options);
    await this.objects.delete(`${WORK_FOLDER}/records.gz`, options);
  }

  async putDocument(path: string, text: string, contentType: string, { signal }: StoreCallOptions): Promise<void> {
    await this.objects.put(checkDocumentName(path), new TextEncoder().encode(text), { contentType, signal });
  }

  async getDocument(path: string, options: StoreCallOptions): Promise<string | null> {
    const bytes = await this.objects.get(checkDocumentName(path), options);
    return bytes === null ? null : new TextDecoder().decode(bytes);
  }

  async putDocumentIf(
    path: string,
    bytes: Uint8Array,
    expectedTag: string | null,
    contentType: string,
    { signal }: StoreCallOptions,
  ): Promise<string | null> {
    return await this.objects.putIf(checkDocumentName(path), bytes, expectedTag, { contentType, signal });
  }

  async getTaggedDocument(path: string, options: StoreCallOptions): Promise<TaggedBytes | null> {
    return await this.objects.getTagged(checkDocumentName(path), options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.objects[Symbol.asyncDispose]();
  }

  private async makeVersion(tiles: FinishedTiles, options: StoreCallOptions): Promise<TilesetVersion> {
    const { objects } = this;
    const { generation, requestHash } = tiles;
    const written = await writeRecords(objects, WORK_FOLDER, tiles, options);
    const id = versionIdOf(generation, written);
    const { tiles: count, empty, tileBytes: bytes, ...file } = written;
    const path = `${VERSIONS_FOLDER}/${id}.records.gz`;
    await placeRecords(objects, WORK_FOLDER, path, written, options);
    return { id, generation, requestHash, archive: null, records: { ...file, path }, tiles: count, empty, bytes };
  }
}
