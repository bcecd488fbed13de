import { TilerError } from '../../errors.ts';
import type { ObjectStore } from '../object-store.ts';
import { FIRST_READ_BYTES } from '../pmtiles/header.ts';
import type { FinishedTiles, StagedMetatile, StoreCallOptions } from '../tile-store.ts';
import type { RecordsFile, TilesetVersion } from '../versions.ts';
import { joinRecords } from './join-records.ts';
import { readStaged, segmentIndices } from './read-segment.ts';
import { RecordsReader } from './records-reader.ts';
import { RecordsWriter } from './records-writer.ts';
import type { WrittenRecords } from './records-writer.ts';

const CONTENT_TYPE = 'application/gzip';

/** Where the records of a tileset are written, and where those of a version lie. */
export interface RecordsPlaces {
  readonly objects: ObjectStore;
  readonly workFolder: string;
  readonly versionsFolder: string;
}

/** A version, as far as its records say what it is. */
export interface RecordedVersion extends Pick<TilesetVersion, 'id' | 'records' | 'tiles' | 'empty'> {
  /** Of all tiles. */
  readonly tileBytes: number;
}

/**
 * Writes the records of a version. Its ID, and with it the path of the records, depend on what is in them: they are written
 * into the work folder and get their name last. Doing it again gives the same.
 *
 * @param readOne - reads what a metatile has staged, for whoever needs more of it
 * @throws TilerError `ARCHIVE_INVALID` if a metatile has staged nothing, and those of the store
 */
export async function writeRecords(
  places: RecordsPlaces,
  tiles: FinishedTiles,
  options: StoreCallOptions,
  readOne?: (index: number) => Promise<StagedMetatile | null>,
): Promise<RecordedVersion> {
  const { tiles: count, empty, tileBytes, ...file } = await joinStaged(places, tiles, options, readOne);
  const id = `${tiles.generation}-${file.root.slice(0, 8)}`;
  const path = `${places.versionsFolder}/${id}.records.gz`;
  await placeRecords(places, path, file, options);
  return { id, records: { ...file, path }, tiles: count, empty, tileBytes };
}

/** Removes what `writeRecords` leaves in the work folder: all of it where a store moves nothing, else what a kill has left. */
export async function deleteStagedRecords(
  objects: ObjectStore,
  workFolder: string,
  options: StoreCallOptions,
): Promise<void> {
  await objects.delete(stagedRecordsPath(workFolder), options);
}

async function joinStaged(
  { objects, workFolder }: RecordsPlaces,
  { indices, baseline, isSamePlan }: FinishedTiles,
  options: StoreCallOptions,
  staged = async (index: number) => await readStaged(objects, workFolder, index, options),
): Promise<WrittenRecords> {
  await using composition = await objects.compose(stagedRecordsPath(workFolder), {
    ...options,
    contentType: CONTENT_TYPE,
  });
  const source = {
    indices,
    stagedIndices: () => segmentIndices(objects, workFolder, options),
    staged,
    baseline: baseline !== null && isSamePlan ? await openRecords(objects, baseline, options) : null,
  };
  return await joinRecords(source, new RecordsWriter(composition), options);
}

async function placeRecords(
  { objects, workFolder }: RecordsPlaces,
  path: string,
  { bytes }: Pick<RecordsFile, 'bytes'>,
  options: StoreCallOptions,
): Promise<void> {
  const from = stagedRecordsPath(workFolder);
  const moved = await objects.move(from, path, { ...options, contentType: CONTENT_TYPE, length: bytes });
  // Unless another process that ends the same run has done it: the name says what is in them.
  if (moved === true || (moved === false && (await objects.read(path, 0, 1, options)) !== null)) return;
  if (moved === false) {
    throw new TilerError('ARCHIVE_INVALID', `Placing the records ${objects.label}/${path}: found ${from} gone`);
  }
  await using composition = await objects.compose(path, { ...options, contentType: CONTENT_TYPE });
  const head = await objects.read(from, 0, FIRST_READ_BYTES, options);
  if (head === null) throw new TilerError('ARCHIVE_INVALID', `Placing the records ${path}: found ${from} gone`);
  await composition.copy({ path: from, offset: FIRST_READ_BYTES }, bytes - FIRST_READ_BYTES);
  await composition.finish(head, []);
}

/** The records of a version. @throws TilerError `ARCHIVE_INVALID`, and those of the store */
export async function openRecords(
  objects: Pick<ObjectStore, 'label' | 'read'>,
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

function stagedRecordsPath(workFolder: string): string {
  return `${workFolder}/records.gz`;
}
