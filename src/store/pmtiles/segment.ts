import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { TilerError } from '../../errors.ts';
import { parseRecordLine, recordToLine } from '../records/record-line.ts';
import type { StagedMetatile } from '../tile-store.ts';
import { MAX_SHARED_BYTES } from './content-table.ts';
import { compress } from './directory.ts';
import { VarintReader, VarintWriter } from './varint.ts';

/**
 * What a metatile stages, as one object: the tiles on their way to an archive that may not be shared, one behind the other by
 * ascending tile ID; an index of the tiles, with the bytes of those that may be; the record of the metatile; and a footer
 * that says where these are. Where tiles are objects of their own, it has none.
 */
export interface Segment {
  /** By ascending tile ID. */
  readonly tiles: readonly SegmentTile[];
  readonly staged: StagedMetatile;
}

/** A tile of a segment: within the index, or in the object at `offset`. */
export type SegmentTile =
  | { readonly tileId: number; readonly length: number; readonly bytes: Uint8Array; readonly offset: null }
  | { readonly tileId: number; readonly length: number; readonly bytes: null; readonly offset: number };

/** Bytes of a footer: a magic, the lengths of index and record, and the beginning of the SHA-256 of both. */
export const FOOTER_BYTES = 20;

const MAGIC = 'TWS2';
const DIGEST_AT = 12;

/** Most bytes of a record when it is decompressed: 1,000 scenes of 20 files are some 2 MB. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** Makes the object of a segment. The same tiles in any order give the same bytes. */
export function segmentToBytes(
  tiles: readonly { readonly tileId: number; readonly bytes: Uint8Array }[],
  staged: StagedMetatile,
): Uint8Array {
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
  const line = staged.kind === 'begun' ? '' : recordToLine(staged.record);
  const record = compress(Buffer.from(`${staged.kind}\n${line}`));
  const footer = Buffer.alloc(FOOTER_BYTES);
  footer.write(MAGIC, 'latin1');
  footer.writeUInt32LE(index.length, 4);
  footer.writeUInt32LE(record.length, 8);
  digestOf([index, record]).copy(footer, DIGEST_AT);
  return Buffer.concat([...large.map(({ bytes }) => bytes), index, record, footer]);
}

/**
 * How many bytes before a footer belong to its index and record.
 *
 * @throws TilerError `ARCHIVE_INVALID`
 */
export function indexLengthOf(footer: Uint8Array, label: string): number {
  const view = Buffer.from(footer.buffer, footer.byteOffset, footer.length);
  if (view.length === FOOTER_BYTES && view.toString('latin1', 0, 4) === MAGIC) {
    return view.readUInt32LE(4) + view.readUInt32LE(8);
  }
  throw new TilerError(
    'ARCHIVE_INVALID',
    `Reading the segment ${label}: found no footer of one; the object is cut off`,
  );
}

/**
 * Reads a segment from the bytes before its footer and the footer.
 *
 * @param body - as many bytes before the footer as `indexLengthOf` says
 * @throws TilerError `ARCHIVE_INVALID` if they do not go together
 */
export function parseSegment(body: Uint8Array, footer: Uint8Array, label: string): Segment {
  const invalid = (found: string): TilerError =>
    new TilerError('ARCHIVE_INVALID', `Reading the segment ${label}: ${found}`);
  if (Buffer.compare(digestOf([body]), footer.subarray(DIGEST_AT)) !== 0) {
    throw invalid('its index does not match its digest');
  }
  const indexLength = Buffer.from(footer.buffer, footer.byteOffset, footer.length).readUInt32LE(4);
  const index = body.subarray(0, indexLength);
  return { tiles: parseTiles(index, invalid), staged: parseStaged(body.subarray(indexLength), label, invalid) };
}

function parseStaged(packed: Uint8Array, label: string, invalid: (found: string) => TilerError): StagedMetatile {
  const text = gunzipSync(packed, { maxOutputLength: MAX_RECORD_BYTES }).toString('utf8');
  const end = text.indexOf('\n');
  const kind = text.slice(0, end);
  if (kind === 'begun') return { kind };
  if (kind === 'rendered' || kind === 'kept') return { kind, record: parseRecordLine(text.slice(end + 1), label) };
  throw invalid(`found the kind '${kind.slice(0, 20)}', expected begun, rendered or kept`);
}

function parseTiles(index: Uint8Array, invalid: (found: string) => TilerError): readonly SegmentTile[] {
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
  return tiles;
}

function digestOf(parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest().subarray(0, FOOTER_BYTES - DIGEST_AT);
}
