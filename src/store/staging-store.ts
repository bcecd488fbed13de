import type { Tile } from '../tms/tile.ts';
import type { ObjectStore, TaggedBytes } from './object-store.ts';
import { segmentToBytes } from './pmtiles/segment.ts';
import { readStaged, segmentIndices, segmentPath } from './records/read-segment.ts';
import type { RecordsReader } from './records/records-reader.ts';
import { openRecords } from './records/write-records.ts';
import { checkDocumentName, partsFolder, tileToPath } from './tile-path.ts';
import type { FinishedTiles, MetatileSink, StagedMetatile, StoreCallOptions, TileStore } from './tile-store.ts';
import type { TilesetVersion, VersionsDocument } from './versions.ts';

/** Where a tile store keeps what is no tile. */
export interface StagingPlaces {
  readonly objects: ObjectStore;
  /** Has the segments and parts of a run. */
  readonly workFolder: string;
  /** What the names of documents begin with. */
  readonly documentStem: string;
}

const OCTETS = 'application/octet-stream';

/** What every tile store does alike, whatever form its tiles have: what metatiles stage, parts, and documents. */
export abstract class StagingStore implements TileStore {
  protected readonly objects: ObjectStore;
  private readonly workFolder: string;
  private readonly documentStem: string;

  constructor({ objects, workFolder, documentStem }: StagingPlaces) {
    this.objects = objects;
    this.workFolder = workFolder;
    this.documentStem = documentStem;
  }

  abstract get label(): string;

  abstract openMetatile(index: number): MetatileSink;

  abstract get(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null>;

  abstract list(options: StoreCallOptions): AsyncIterable<Tile>;

  abstract assemble(tiles: FinishedTiles, options: StoreCallOptions): Promise<TilesetVersion>;

  abstract versions(options: StoreCallOptions): Promise<VersionsDocument | null>;

  abstract rollBack(versionId: string, options: StoreCallOptions): Promise<TilesetVersion>;

  abstract deleteStaged(options: StoreCallOptions & { readonly keepParts: boolean }): Promise<void>;

  async staged(index: number, options: StoreCallOptions): Promise<StagedMetatile | null> {
    return await readStaged(this.objects, this.workFolder, index, options);
  }

  async *stagedIndices(options: StoreCallOptions): AsyncIterable<number> {
    yield* segmentIndices(this.objects, this.workFolder, options);
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

  async putDocument(name: string, text: string, contentType: string, { signal }: StoreCallOptions): Promise<void> {
    await this.objects.put(this.documentPath(name), new TextEncoder().encode(text), { contentType, signal });
  }

  async getDocument(name: string, options: StoreCallOptions): Promise<string | null> {
    const bytes = await this.objects.get(this.documentPath(name), options);
    return bytes === null ? null : new TextDecoder().decode(bytes);
  }

  async putDocumentIf(
    name: string,
    bytes: Uint8Array,
    expectedTag: string | null,
    contentType: string,
    { signal }: StoreCallOptions,
  ): Promise<string | null> {
    return await this.objects.putIf(this.documentPath(name), bytes, expectedTag, { contentType, signal });
  }

  async getTaggedDocument(name: string, options: StoreCallOptions): Promise<TaggedBytes | null> {
    return await this.objects.getTagged(this.documentPath(name), options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.objects[Symbol.asyncDispose]();
  }

  /** Stages what has become of a metatile, with those of its tiles that are not in place, if it was rendered. */
  protected async stage(
    index: number,
    tiles: Iterable<readonly [number, Uint8Array]>,
    staged: StagedMetatile,
    { signal }: StoreCallOptions,
  ): Promise<void> {
    const contents = staged.kind === 'rendered' ? [...tiles] : [];
    const bytes = segmentToBytes(
      contents.map(([tileId, content]) => ({ tileId, bytes: content })),
      staged,
    );
    await this.objects.put(segmentPath(this.workFolder, index), bytes, { contentType: OCTETS, signal });
  }

  private partPath(tile: Tile): string {
    return `${partsFolder(this.workFolder)}/${tileToPath(tile, 'part')}`;
  }

  private documentPath(name: string): string {
    return `${this.documentStem}${checkDocumentName(name)}`;
  }
}
