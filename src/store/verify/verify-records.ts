import { isTilerError } from '../../errors.ts';
import type { ProblemList } from '../pmtiles/archive-problems.ts';
import { FIRST_READ_BYTES } from '../pmtiles/header.ts';
import type { MetatileRecord } from '../records/metatile-record.ts';
import { RecordsReader } from '../records/records-reader.ts';
import type { StoreCallOptions } from '../tile-store.ts';
import type { RecordsFile, TilesetVersion } from '../versions.ts';
import { headProblem, layoutProblem, memberProblem } from './check-records-file.ts';
import { RunCollector } from './collect-runs.ts';
import { nameOf } from './neighbours.ts';
import type { TileIdRuns } from './tile-id-runs.ts';
import type { ReadableObjects } from './tileset-tiles.ts';

/** A metatile as the plan has it. */
export interface PlannedMetatile {
  readonly index: number;
  /** In any order. */
  readonly tileIds: readonly number[];
}

export interface VerifyRecordsOptions extends StoreCallOptions {
  /** Ascending by index; null = not known. */
  readonly plan: Iterable<PlannedMetatile> | null;
  /** Called with each record that can be read. */
  readonly onRecord: (record: MetatileRecord) => Promise<void>;
}

/** What the records of a version say, as far as they can be read. */
export interface VerifiedRecords {
  /** False if some could not be read: nothing is known of what they had. */
  readonly isWhole: boolean;
  readonly metatiles: number;
  /** Tiles that were recorded as there. */
  readonly tiles: TileIdRuns;
  /** Tiles that were recorded as empty. */
  readonly empty: TileIdRuns;
  /** All that was recorded: there, empty or failed. */
  readonly recorded: TileIdRuns;
}

/**
 * Reads all records of a version and checks them: that the file is as it was written, down to the last bit, and has the
 * Merkle root of the version; that no tile is recorded twice; that the counts are those of the version, and metatiles and
 * tiles those of the plan. Keeps runs of tile IDs, some 100 bytes a metatile, and one block of records.
 *
 * @throws TilerError those of the store
 */
export async function verifyRecords(
  objects: ReadableObjects,
  version: TilesetVersion,
  problems: ProblemList,
  options: VerifyRecordsOptions,
): Promise<VerifiedRecords> {
  const { records: file } = version;
  const add = (found: string): void => problems.add('RECORDS', `${file.path}: ${found}`);
  const reader = await openChecked(objects, file, add, options);
  const [tiles, empty, recorded] = [new RunCollector(), new RunCollector(), new RunCollector()];
  const planned = options.plan === null ? null : new PlanChecker(options.plan, problems);
  const counts = { metatiles: 0, tiles: 0, empty: 0, bytes: 0 };
  let isWhole = reader !== null && reader.isSound;
  for (const block of reader?.blocks ?? []) {
    const records = await orNull(() => reader!.recordsOf(block, options), add);
    if (records === null) isWhole = false;
    for (const record of records ?? []) {
      counts.metatiles++;
      counts.tiles += record.tiles.length;
      counts.empty += record.empty.length;
      for (const { tileId, length } of record.tiles) {
        counts.bytes += length;
        tiles.add(tileId);
      }
      for (const tileId of record.empty) empty.add(tileId);
      for (const { tileId, code } of record.failed) {
        problems.add('TILE_FAILED', () => `${nameOf(tileId)} (metatile ${record.index}): ${code}`);
      }
      for (const tileId of allOf(record)) recorded.add(tileId);
      planned?.check(record);
      await options.onRecord(record);
    }
  }
  if (isWhole) {
    planned?.finish();
    checkCounts(version, counts, problems);
  }
  const onTwice = (tileId: number): void => problems.add('RECORDED_TWICE', () => nameOf(tileId));
  return {
    isWhole,
    metatiles: counts.metatiles,
    tiles: tiles.toRuns(),
    empty: empty.toRuns(),
    recorded: recorded.toRuns(onTwice),
  };
}

/** Opens the records so that every byte that is read is checked beyond what the reader does. Null = it cannot be opened. */
async function openChecked(
  objects: ReadableObjects,
  file: RecordsFile,
  add: (found: string) => void,
  options: StoreCallOptions,
): Promise<{
  readonly blocks: RecordsReader['blocks'];
  readonly recordsOf: RecordsReader['recordsOf'];
  readonly isSound: boolean;
} | null> {
  const head = await objects.read(file.path, 0, FIRST_READ_BYTES, options);
  if (head === null) {
    add('it is not there');
    return null;
  }
  const length = await lengthBeyond(objects, file.path, file.bytes, options);
  if (length !== null) add(`found ${length}, expected ${file.bytes} bytes`);
  const inHead = headProblem(head, file);
  if (inHead !== null) add(inHead);
  const read = async (offset: number, bytes: number, callOptions: StoreCallOptions): Promise<Uint8Array | null> => {
    const member = await objects.read(file.path, offset, bytes, callOptions);
    const found = member === null ? null : memberProblem(member);
    if (found !== null) add(`at ${offset}: ${found}`);
    return member;
  };
  const reader = await orNull(() => RecordsReader.open(file, objects.label, read, options), add);
  if (reader === null) return null;
  const layout = layoutProblem(reader.blocks, file);
  if (layout !== null) add(layout);
  return { blocks: reader.blocks, recordsOf: (block, call) => reader.recordsOf(block, call), isSound: layout === null };
}

/** Null if an object is as long as it should be; else what was found instead. */
export async function lengthBeyond(
  objects: ReadableObjects,
  path: string,
  length: number,
  options: StoreCallOptions,
): Promise<string | null> {
  const end = await objects.read(path, Math.max(0, length - 1), 2, options);
  if (end === null) return 'nothing';
  const found = length === 0 ? end.length + 1 : end.length;
  return found === 1 ? null : found === 0 ? 'fewer' : 'more';
}

async function orNull<T>(work: () => Promise<T>, add: (found: string) => void): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (!isTilerError(error) || error.code !== 'ARCHIVE_INVALID') throw error;
    add(error.message);
    return null;
  }
}

function checkCounts(
  version: TilesetVersion,
  counts: { readonly metatiles: number; readonly tiles: number; readonly empty: number; readonly bytes: number },
  problems: ProblemList,
): void {
  const stated = [
    ['metatiles', version.records.metatiles, counts.metatiles],
    ['tiles', version.tiles, counts.tiles],
    ['empty tiles', version.empty, counts.empty],
    // Of an archive, the length of its file.
    ...(version.archive === null ? [['bytes', version.bytes, counts.bytes] as const] : []),
  ] as const;
  for (const [what, said, found] of stated) {
    if (said !== found) problems.add('RECORDS_COUNT', `${what}: the version says ${said}, its records ${found}`);
  }
}

function allOf({ tiles, empty, failed }: MetatileRecord): readonly number[] {
  return [...tiles.map(({ tileId }) => tileId), ...empty, ...failed.map(({ tileId }) => tileId)].sort((a, b) => a - b);
}

/** Compares records, one by one, with a plan that goes along with them. */
class PlanChecker {
  private readonly plan: Iterator<PlannedMetatile>;
  private readonly problems: ProblemList;
  private next: PlannedMetatile | null;

  constructor(plan: Iterable<PlannedMetatile>, problems: ProblemList) {
    this.plan = plan[Symbol.iterator]();
    this.problems = problems;
    this.next = this.take();
  }

  check(record: MetatileRecord): void {
    while (this.next !== null && this.next.index < record.index) this.addMissing(this.next);
    if (this.next === null || this.next.index > record.index) {
      this.problems.add('PLAN', `found a record of the metatile ${record.index}, which is not planned`);
      return;
    }
    const [planned, recorded] = [new Set(this.next.tileIds), new Set(allOf(record))];
    for (const tileId of planned) {
      if (!recorded.has(tileId)) this.addTile(tileId, `is planned, and not in the record ${record.index}`);
    }
    for (const tileId of recorded) {
      if (!planned.has(tileId)) this.addTile(tileId, `is in the record ${record.index}, and not planned there`);
    }
    this.next = this.take();
  }

  finish(): void {
    while (this.next !== null) this.addMissing(this.next);
  }

  private addTile(tileId: number, what: string): void {
    this.problems.add('PLAN', () => `${nameOf(tileId)} ${what}`);
  }

  private addMissing({ index }: PlannedMetatile): void {
    this.problems.add('PLAN', `the metatile ${index} is planned, and has no record`);
    this.next = this.take();
  }

  private take(): PlannedMetatile | null {
    const { done, value } = this.plan.next();
    return done === true ? null : value;
  }
}
