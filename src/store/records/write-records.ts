import type { ObjectStore } from '../object-store.ts';
import { FIRST_READ_BYTES } from '../pmtiles/header.ts';
import type { FinishedTiles, StagedMetatile, StoreCallOptions } from '../tile-store.ts';
import type { TilesetVersion } from '../versions.ts';
import { joinRecords } from './join-records.ts';
import { readSegment, segmentIndices } from './read-segment.ts';
import { RecordsReader } from './records-reader.ts';
import { RecordsWriter } from './records-writer.ts';
import type { WrittenRecords } from './records-writer.ts';

const CONTENT_TYPE = 'application/gzip';

/** Where a run keeps what metatiles have staged. */
export function segmentsFolder(workFolder: string): string {
  return `${workFolder}/segments`;
}

/** What a metatile has staged. @throws TilerError `ARCHIVE_INVALID` if it is damaged, and those of the store */
export async function readStaged(
  objects: ObjectStore,
  workFolder: string,
  index: number,
  options: StoreCallOptions,
): Promise<StagedMetatile | null> {
  const segment = await readSegment(objects, `${segmentsFolder(workFolder)}/${index}`, options);
  return segment?.staged ?? null;
}

/**
 * Writes the records of a tileset into the work folder, as the name that they get depends on what is in them.
 *
 * @param readOne - reads what a metatile has staged, for whoever needs more of it
 * @throws TilerError `ARCHIVE_INVALID` if a metatile has staged nothing, and those of the store
 */
export async function writeRecords(
  objects: ObjectStore,
  workFolder: string,
  { indices, baseline, isSamePlan }: FinishedTiles,
  options: StoreCallOptions,
  readOne: (index: number) => Promise<StagedMetatile | null> = (index) =>
    readStaged(objects, workFolder, index, options),
): Promise<WrittenRecords> {
  await using composition = await objects.compose(stagedRecordsPath(workFolder), {
    ...options,
    contentType: CONTENT_TYPE,
  });
  const source = {
    indices,
    stagedIndices: () => segmentIndices(objects, segmentsFolder(workFolder), options),
    staged: readOne,
    baseline: baseline !== null && isSamePlan ? await openRecords(objects, baseline, options) : null,
  };
  return await joinRecords(source, new RecordsWriter(composition), options);
}

/** Puts the records that `writeRecords` wrote where those of a version lie; doing it again is harmless. */
export async function placeRecords(
  objects: ObjectStore,
  workFolder: string,
  path: string,
  { bytes }: WrittenRecords,
  options: StoreCallOptions,
): Promise<void> {
  const from = stagedRecordsPath(workFolder);
  await using composition = await objects.compose(path, { ...options, contentType: CONTENT_TYPE });
  const head = await objects.read(from, 0, FIRST_READ_BYTES, options);
  await composition.copy({ path: from, offset: FIRST_READ_BYTES }, bytes - FIRST_READ_BYTES);
  await composition.finish(head ?? new Uint8Array(), []);
}

/** The records of a version. @throws TilerError `ARCHIVE_INVALID`, and those of the store */
export async function openRecords(
  objects: ObjectStore,
  { records }: Pick<TilesetVersion, 'records'>,
  options: StoreCallOptions,
): Promise<RecordsReader> {
  return await RecordsReader.open(
    records,
    objects.label,
    (offset, length, callOptions) => objects.read(records.path, offset, length, callOptions),
    options,
  );
}

/** The ID of a version: counts on, and names what is in it. */
export function versionIdOf(generation: number, { root }: Pick<WrittenRecords, 'root'>): string {
  return `${generation}-${root.slice(0, 8)}`;
}

function stagedRecordsPath(workFolder: string): string {
  return `${workFolder}/records.gz`;
}
