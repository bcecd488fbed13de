import { TilerError } from '../../errors.ts';
import type { ObjectStore } from '../object-store.ts';
import { FOOTER_BYTES, indexLengthOf, parseSegment } from '../pmtiles/segment.ts';
import type { Segment } from '../pmtiles/segment.ts';
import type { StagedMetatile, StoreCallOptions } from '../tile-store.ts';

/** What is read of a segment first: nearly every index and record is within. */
const TAIL_BYTES = 32 * 1024;

/** Where a run keeps what metatiles have staged. */
export function segmentsFolder(workFolder: string): string {
  return `${workFolder}/segments`;
}

export function segmentPath(workFolder: string, index: number): string {
  return `${segmentsFolder(workFolder)}/${index}`;
}

/**
 * Reads the index and the record of a segment: one request, two for a large one. Null = there is none.
 *
 * @throws TilerError `ARCHIVE_INVALID` if it is cut off or damaged, and those of the store
 */
export async function readSegment(
  objects: ObjectStore,
  path: string,
  options: StoreCallOptions,
): Promise<Segment | null> {
  const label = `${objects.label}/${path}`;
  const tail = await objects.read(path, -TAIL_BYTES, TAIL_BYTES, options);
  if (tail === null) return null;
  const footer = tail.subarray(-FOOTER_BYTES);
  const length = indexLengthOf(footer, label) + FOOTER_BYTES;
  const whole = length <= tail.length ? tail : await objects.read(path, -length, length, options);
  if (whole === null) throw new TilerError('ARCHIVE_INVALID', `Reading the segment ${label}: it is gone`);
  const end = whole.length - FOOTER_BYTES;
  return parseSegment(whole.subarray(Math.max(0, whole.length - length), end), footer, label);
}

/** What a metatile has staged; null = nothing. @throws TilerError `ARCHIVE_INVALID` if it is damaged, and those of the store */
export async function readStaged(
  objects: ObjectStore,
  workFolder: string,
  index: number,
  options: StoreCallOptions,
): Promise<StagedMetatile | null> {
  return (await readSegment(objects, segmentPath(workFolder, index), options))?.staged ?? null;
}

/** Indices of the metatiles that have a segment, in no stated order. */
export async function* segmentIndices(
  objects: ObjectStore,
  workFolder: string,
  options: StoreCallOptions,
): AsyncGenerator<number, void, undefined> {
  const folder = segmentsFolder(workFolder);
  for await (const path of objects.list(folder, options)) {
    const name = path.slice(folder.length + 1);
    if (/^(0|[1-9][0-9]{0,14})$/.test(name)) yield Number(name);
  }
}
