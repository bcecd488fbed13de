import { createHash } from 'node:crypto';
import { TilerError } from '../../errors.ts';
import { MAX_SHARED_BYTES } from './content-table.ts';
import { VarintReader, VarintWriter } from './varint.ts';

/**
 * The tiles of one metatile on their way to an archive, as one object: the tiles that may not be shared, one behind the
 * other by ascending tile ID; an index, with the bytes of those that may be; and a footer that says where the index is.
 */
export interface Segment {
  /** By ascending tile ID. */
  readonly tiles: readonly SegmentTile[];
}

/** A tile of a segment: within the index, or in the object at `offset`. */
export type SegmentTile =
  | { readonly tileId: number; readonly length: number; readonly bytes: Uint8Array; readonly offset: null }
  | { readonly tileId: number; readonly length: number; readonly bytes: null; readonly offset: number };

/** Bytes of a footer: a magic, the length of the index, and the beginning of its SHA-256. */
export const FOOTER_BYTES = 16;

const MAGIC = 'TWS1';
const DIGEST_BYTES = 8;

/** Makes the object of a segment. The same tiles in any order give the same bytes. */
export function segmentToBytes(tiles: readonly { readonly tileId: number; readonly bytes: Uint8Array }[]): Uint8Array {
  const sorted = [...tiles].sort((a, b) => a.tileId - b.tileId);
  const large = sorted.filter(({ bytes }) => bytes.length > MAX_SHARED_BYTES);
  const small = sorted.filter(({ bytes }) => bytes.length <= MAX_SHARED_BYTES);
  const columns = new VarintWriter(sorted.length * 8 + 16);
  columns.write(sorted.length);
  let lastId = 0;
  for (const { tileId } of sorted) {
    columns.write(tileId - lastId);
    lastId = tileId;
  }
  for (const { bytes } of sorted) columns.write(bytes.length);
  const index = Buffer.concat([columns.bytes(), ...small.map(({ bytes }) => bytes)]);
  const footer = Buffer.alloc(FOOTER_BYTES);
  footer.write(MAGIC, 'latin1');
  footer.writeUInt32LE(index.length, 4);
  digestOf(index).copy(footer, 8);
  return Buffer.concat([...large.map(({ bytes }) => bytes), index, footer]);
}

/**
 * The length of the index that a footer states.
 *
 * @throws TilerError `ARCHIVE_INVALID`
 */
export function indexLengthOf(footer: Uint8Array, label: string): number {
  const view = Buffer.from(footer.buffer, footer.byteOffset, footer.length);
  if (view.length === FOOTER_BYTES && view.toString('latin1', 0, 4) === MAGIC) return view.readUInt32LE(4);
  throw new TilerError(
    'ARCHIVE_INVALID',
    `Reading the segment ${label}: found no footer of one; the object is cut off`,
  );
}

/**
 * Reads a segment from its index and its footer.
 *
 * @param index - as many bytes before the footer as it states
 * @throws TilerError `ARCHIVE_INVALID` if they do not go together
 */
export function parseSegment(index: Uint8Array, footer: Uint8Array, label: string): Segment {
  const invalid = (found: string): TilerError =>
    new TilerError('ARCHIVE_INVALID', `Reading the segment ${label}: ${found}`);
  if (Buffer.compare(digestOf(index), footer.subarray(8)) !== 0) throw invalid('its index does not match its digest');
  const reader = new VarintReader(index);
  const count = reader.read();
  if (!(count >= 0 && count * 2 <= index.length)) throw invalid(`found ${count} tiles in ${index.length} bytes`);
  const tileIds: number[] = [];
  let tileId = 0;
  for (let i = 0; i < count; i++) tileIds.push((tileId += reader.read()));
  const lengths = tileIds.map(() => reader.read());
  if (lengths.some((length) => Number.isNaN(length))) throw invalid('its index ends too soon');
  let inIndex = index.length - reader.left;
  let inObject = 0;
  const tiles = lengths.map((length, at): SegmentTile => {
    const id = tileIds[at]!;
    if (length > MAX_SHARED_BYTES) {
      inObject += length;
      return { tileId: id, length, bytes: null, offset: inObject - length };
    }
    inIndex += length;
    return { tileId: id, length, bytes: index.subarray(inIndex - length, inIndex), offset: null };
  });
  if (inIndex !== index.length) throw invalid('its small tiles do not fill its index');
  return { tiles };
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest().subarray(0, DIGEST_BYTES);
}
