import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { digestOf } from '../../digest.ts';
import { TilerError } from '../../errors.ts';
import { compress } from '../gzip.ts';
import { parseRecordLine, recordToLine } from '../records/record-line.ts';
import type { StagedMetatile } from '../tile-store.ts';
import { MAX_SHARED_BYTES } from './content-table.ts';
import { VarintReader, VarintWriter } from './varint.ts';

/**
 * What a metatile stages, as one object: its tiles on their way to an archive, one behind the other by ascending tile ID, so
 * that a server can copy them as they lie; behind all others, each once, the contents that the archive is likely to have
 * already, which would have no place in between then; an index of the tiles; the record of the metatile; and a footer that
 * says where these are. Where tiles are objects of their own, it has none.
 */
export interface Segment {
  /** By ascending tile ID. */
  readonly tiles: readonly SegmentTile[];
  readonly staged: StagedMetatile;
}

/** A tile of a segment. */
export interface SegmentTile {
  readonly tileId: number;
  readonly length: number;
  /** In the object; that of another tile too if both have the same small content. */
  readonly offset: number;
}

/** Bytes of a footer: a magic, the lengths of index and record, and the beginning of the SHA-256 of both. */
export const FOOTER_BYTES = 20;

const MAGIC = 'TWS3';
const DIGEST_AT = 12;

/** Most bytes of a record when it is decompressed: 1,000 scenes of 20 files are some 2 MB. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** More than a tile of one colour has, of 512 by 512 pixels too. */
const ONE_COLOUR_BYTES = 1_024;

/** Makes the object of a segment. The same tiles in any order give the same bytes. */
export function segmentToBytes(
  tiles: readonly { readonly tileId: number; readonly bytes: Uint8Array }[],
  staged: StagedMetatile,
): Uint8Array {
  const sorted = [...tiles].sort((a, b) => a.tileId - b.tileId);
  const { own, shared, places } = divideContents(sorted.map(({ bytes }) => bytes));
  const columns = new VarintWriter(sorted.length * 8 + 16);
  columns.write(sorted.length);
  let lastId = 0;
  for (const { tileId } of sorted) {
    columns.write(tileId - lastId);
    lastId = tileId;
  }
  for (const { bytes } of sorted) columns.write(bytes.length);
  for (const place of places) columns.write(place);
  const index = columns.bytes();
  const line = staged.kind === 'begun' ? '' : recordToLine(staged.record);
  const record = compress(Buffer.from(`${staged.kind}\n${line}`));
  const footer = Buffer.alloc(FOOTER_BYTES);
  footer.write(MAGIC, 'latin1');
  footer.writeUInt32LE(index.length, 4);
  footer.writeUInt32LE(record.length, 8);
  footerDigest([index, record]).copy(footer, DIGEST_AT);
  return Buffer.concat([...own, ...shared, index, record, footer]);
}

/**
 * Divides the contents of tiles into those of one tile, and those that tiles of other segments are likely to have too: what
 * several tiles have here, or is as small as a tile of one colour.
 *
 * @returns `places` - for each tile: 0 if the content is its own, else the number of the shared one, from 1 on in the order
 * of their first tiles
 */
function divideContents(contents: readonly Uint8Array[]) {
  const digests = contents.map((bytes) => (bytes.length > MAX_SHARED_BYTES ? null : digestOf(bytes)));
  const counts = new Map<string | null, number>();
  for (const digest of digests) counts.set(digest, (counts.get(digest) ?? 0) + 1);
  const numbers = new Map<string, number>();
  const [own, shared]: [Uint8Array[], Uint8Array[]] = [[], []];
  const places = contents.map((bytes, at) => {
    const digest = digests[at] ?? null;
    if (digest === null || (counts.get(digest) === 1 && bytes.length > ONE_COLOUR_BYTES)) {
      own.push(bytes);
      return 0;
    }
    const number = numbers.get(digest) ?? shared.push(bytes);
    numbers.set(digest, number);
    return number;
  });
  return { own, shared, places };
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
  if (Buffer.compare(footerDigest([body]), footer.subarray(DIGEST_AT)) !== 0) {
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
  if (!(count >= 0 && count * 3 <= index.length)) throw invalid(`found ${count} tiles in ${index.length} bytes`);
  const tileIds: number[] = [];
  let tileId = 0;
  for (let i = 0; i < count; i++) tileIds.push((tileId += reader.read()));
  const lengths = tileIds.map(() => reader.read());
  const places = tileIds.map(() => reader.read());
  if ([...lengths, ...places].some((number) => Number.isNaN(number))) throw invalid('its index ends too soon');
  if (reader.left > 0) throw invalid(`found ${reader.left} bytes behind its index`);
  const ownBytes = lengths.reduce((sum, length, at) => (places[at] === 0 ? sum + length : sum), 0);
  const shared: SegmentTile[] = [];
  const end = { own: 0, shared: ownBytes };
  return tileIds.map((id, at): SegmentTile => {
    const [length, place] = [lengths[at]!, places[at]!];
    const known = shared[place - 1];
    if (place > shared.length + 1 || (known !== undefined && known.length !== length)) {
      throw invalid(`found the content ${place} of ${length} bytes for the tile ID ${id}`);
    }
    if (known !== undefined) return { tileId: id, length, offset: known.offset };
    const part = place === 0 ? 'own' : 'shared';
    const tile = { tileId: id, length, offset: end[part] };
    end[part] += length;
    if (part === 'shared') shared.push(tile);
    return tile;
  });
}

function footerDigest(parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest().subarray(0, FOOTER_BYTES - DIGEST_AT);
}
