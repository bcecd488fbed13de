import { gunzipSync } from 'node:zlib';
import { TilerError } from '../../errors.ts';
import { compress } from '../gzip.ts';
import { FIRST_READ_BYTES } from '../pmtiles/header.ts';

/**
 * A records file is gzip of JSON lines, in members: a head that says what is in it, a member for each block of 256
 * consecutive indices that has a metatile, and the index of these. A block is found and read without the others, and the
 * whole can be read by any program that knows gzip.
 */
export const BLOCK_INDICES = 256;

/** Most bytes of a block or of the index when they are decompressed. */
const MAX_MEMBER_BYTES = 512 * 1024 * 1024;

/** One block of a records file. */
export interface RecordsBlock {
  /** It has the indices `block · 256` to `block · 256 + 255`, as far as there is work for them. */
  readonly block: number;
  readonly offset: number;
  readonly length: number;
  /** Merkle root of its lines, 64 hex digits. */
  readonly root: string;
  readonly metatiles: number;
  readonly tiles: number;
  readonly empty: number;
  /** Of its tiles. */
  readonly bytes: number;
}

/** What a records file says of itself in its first line. */
export interface RecordsHead {
  readonly v: 1;
  readonly metatiles: number;
  readonly root: string;
  readonly indexOffset: number;
  readonly indexLength: number;
}

/** Bytes of a gzip header without the fields that its flags announce. */
const GZIP_HEADER_BYTES = 10;
const GZIP_FLAGS = 3;
const HAS_EXTRA_FIELD = 4;

/**
 * The head as a gzip member of exactly 16,384 bytes: what is left is an extra field, which readers pass over.
 *
 * @see RFC 1952, section 2.3.1.1
 */
export function headToBytes(head: RecordsHead): Uint8Array {
  const member = compress(Buffer.from(`${JSON.stringify(head)}\n`));
  const bytes = Buffer.alloc(FIRST_READ_BYTES);
  bytes.set(member.subarray(0, GZIP_HEADER_BYTES));
  bytes[GZIP_FLAGS] = HAS_EXTRA_FIELD;
  const extra = FIRST_READ_BYTES - member.length - 2;
  bytes.writeUInt16LE(extra, GZIP_HEADER_BYTES);
  bytes.write('TW', GZIP_HEADER_BYTES + 2, 'latin1');
  bytes.writeUInt16LE(extra - 4, GZIP_HEADER_BYTES + 4);
  const data = member.subarray(GZIP_HEADER_BYTES);
  bytes.set(data, FIRST_READ_BYTES - data.length);
  return bytes;
}

/** Decompresses one member or several. @throws TilerError `ARCHIVE_INVALID` */
export function linesOf(member: Uint8Array, label: string): readonly string[] {
  try {
    const text = gunzipSync(member, { maxOutputLength: MAX_MEMBER_BYTES }).toString('utf8');
    return text === '' ? [] : text.replace(/\n$/, '').split('\n');
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new TilerError('ARCHIVE_INVALID', `Decompressing the records ${label}: ${found}`, { cause });
  }
}
