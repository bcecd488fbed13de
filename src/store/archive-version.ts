import type { RangeSource } from '../cog/range-source.ts';
import { TilerError } from '../errors.ts';
import type { ObjectStore } from './object-store.ts';
import { ArchiveReader } from './pmtiles/archive-reader.ts';
import { ArchiveWriter } from './pmtiles/archive-writer.ts';
import { assembleArchive } from './pmtiles/assemble-archive.ts';
import type { BaselineArchive } from './pmtiles/assemble-archive.ts';
import { GatheredTiles } from './pmtiles/gathered-tiles.ts';
import { TILE_TYPES } from './pmtiles/header.ts';
import { Spill } from './pmtiles/spill.ts';
import { readSegment, segmentPath } from './records/read-segment.ts';
import { openRecords, writeRecords } from './records/write-records.ts';
import type { FinishedTiles, StagedMetatile, StoreCallOptions } from './tile-store.ts';
import type { TilesetVersion } from './versions.ts';

/** Where an archive, its versions and the work on it lie in their store. */
export interface ArchivePlaces {
  readonly objects: ObjectStore;
  /** Of the archive. */
  readonly path: string;
  /** Of the versions document. */
  readonly versionsPath: string;
  readonly workFolder: string;
  readonly versionsFolder: string;
  /** File ending of the tiles without the dot. */
  readonly extension: string;
  /** Bytes that assembling may keep in memory. */
  readonly memoryBytes: number;
}

const CONTENT_TYPE = 'application/vnd.pmtiles';

/**
 * Makes the objects of a version, records and archive, of what metatiles have staged: nobody reads them before it is
 * published. The ID names their content, so what is there already is whole and is not written again. A tileset without a tile
 * has no archive.
 *
 * @throws TilerError `ARCHIVE_INVALID` if something that was staged is missing or damaged, and those of the store
 */
export async function makeVersion(
  places: ArchivePlaces,
  finished: FinishedTiles,
  options: StoreCallOptions,
): Promise<TilesetVersion> {
  const { objects, versionsFolder, memoryBytes } = places;
  const { generation, requestHash } = finished;
  using spill = new Spill({ memoryBytes });
  const gathered = new GatheredTiles(spill);
  const gather = gatherInOrder(places, gathered, options);
  const { id, records, tiles, empty } = await writeRecords(places, finished, options, gather);
  const path = `${versionsFolder}/${id}.pmtiles`;
  const bytes =
    tiles === 0
      ? 0
      : ((await lengthOfArchive(objects, path, tiles, options)) ??
        (await writeArchive(places, path, finished, { gathered, spill, expected: tiles }, options)));
  return { id, generation, requestHash, archive: tiles === 0 ? null : path, records, tiles, empty, bytes };
}

/** Opens an archive of a store; null = there is none. */
export async function openArchive(
  objects: ObjectStore,
  path: string,
  options: StoreCallOptions,
): Promise<ArchiveReader | null> {
  if ((await objects.read(path, 0, 1, options)) === null) return null;
  const label = `${objects.label}/${path}`;
  const source: RangeSource = {
    label,
    read: async (offset, length, callOptions) => {
      const bytes = await objects.read(path, offset, length, callOptions);
      if (bytes !== null) return bytes;
      throw new TilerError('ARCHIVE_INVALID', `Reading ${label}: it is gone`);
    },
    version: () => null,
    async [Symbol.asyncDispose]() {},
  };
  return await ArchiveReader.open(source, options);
}

/**
 * Reads what metatiles have staged, for the records, and gathers their tiles on the way: by ascending index, as they are asked
 * for, however they arrive.
 */
function gatherInOrder(
  { objects, workFolder }: ArchivePlaces,
  gathered: GatheredTiles,
  options: StoreCallOptions,
): (index: number) => Promise<StagedMetatile | null> {
  let before = Promise.resolve();
  return async (index) => {
    const reading = readSegment(objects, segmentPath(workFolder, index), options);
    const gathering = before.then(async () => {
      const segment = await reading;
      if (segment !== null) gathered.add(index, segment);
      return segment?.staged ?? null;
    });
    // A failure is told to who asked for that index, and to nobody after it.
    reading.catch(() => {});
    before = settled(gathering);
    return await gathering;
  };
}

async function settled(work: Promise<unknown>): Promise<void> {
  await work.catch(() => {});
}

/** The length of an archive that was written before; null = it was not. */
async function lengthOfArchive(
  objects: ObjectStore,
  path: string,
  tiles: number,
  options: StoreCallOptions,
): Promise<number | null> {
  await using reader = await openArchive(objects, path, options);
  if (reader === null || reader.header.addressedTiles !== tiles) return null;
  const { metadata, leaves } = reader.header;
  const length = Math.max(metadata.offset + metadata.length, leaves.offset + leaves.length);
  const end = await objects.read(path, length - 1, 2, options);
  return end?.length === 1 ? length : null;
}

async function writeArchive(
  places: ArchivePlaces,
  path: string,
  finished: FinishedTiles,
  { gathered, spill, expected }: { gathered: GatheredTiles; spill: Spill; expected: number },
  options: StoreCallOptions,
): Promise<number> {
  const { objects, workFolder, extension } = places;
  const { bbox, metadata } = finished;
  const tileType = TILE_TYPES.find((type) => type === (extension === 'jpg' ? 'jpeg' : extension)) ?? 'unknown';
  const baseline = await openBaseline(objects, finished, options);
  const resume = { memo: `${workFolder}/upload`, identity: JSON.stringify([path, expected, bbox, metadata]) };
  await using composition = await objects.compose(path, { ...options, contentType: CONTENT_TYPE, resume });
  const writer = new ArchiveWriter(composition, { spill });
  const description = { tileType, bbox, metadata };
  const { bytes } = await assembleArchive(gathered, writer, description, {
    ...options,
    baseline,
    segmentPath: (index) => segmentPath(workFolder, index),
    expected,
  });
  return bytes;
}

async function openBaseline(
  objects: ObjectStore,
  { baseline, isSamePlan }: FinishedTiles,
  options: StoreCallOptions,
): Promise<BaselineArchive | null> {
  if (baseline === null || baseline.archive === null) return null;
  const path = baseline.archive;
  const reader = await openArchive(objects, path, options);
  if (reader === null) {
    throw new TilerError(
      'ARCHIVE_INVALID',
      `Opening ${objects.label}/${path}, which the update began with: it is gone`,
    );
  }
  return {
    path,
    reader,
    keepsUnstaged: isSamePlan,
    async *records() {
      const records = await openRecords(objects, baseline, options);
      yield* records.records(options);
    },
  };
}
