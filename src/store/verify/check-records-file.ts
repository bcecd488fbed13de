import { gunzipSync, inflateRawSync } from 'node:zlib';
import { FIRST_READ_BYTES } from '../pmtiles/header.ts';
import type { RecordsBlock } from '../records/records-format.ts';
import type { RecordsFile } from '../versions.ts';

/** Bytes of a gzip header without further fields, and of the CRC and length behind the data. */
const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;

/** A head's extra field: its length, its name and the length of what is in it. */
const EXTRA_BYTES = 6;

const MAX_MEMBER_BYTES = 512 * 1024 * 1024;

/**
 * What is wrong with a gzip member beyond what reading it tells: bytes of its header that readers pass over, and bits behind
 * the end of the data, up to the next byte. Null = nothing.
 */
export function memberProblem(member: Uint8Array): string | null {
  const isPlain = member.length > HEADER_BYTES + TRAILER_BYTES && headerIsPlain(member, { flags: 0, level: 0 });
  if (!isPlain) return 'found another gzip header than writers of records make';
  return dataProblem(member, HEADER_BYTES);
}

/** What is wrong with the head of a records file, its first 16,384 bytes. Null = nothing. */
export function headProblem(head: Uint8Array, expected: Omit<RecordsFile, 'path' | 'bytes'>): string | null {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length !== FIRST_READ_BYTES || !headerIsPlain(head, { flags: 4, level: 2 }))
    return 'found another head than writers of records make';
  const extra = view.getUint16(HEADER_BYTES, true);
  const data = HEADER_BYTES + 2 + extra;
  const isNamed = head[HEADER_BYTES + 2] === 0x54 && head[HEADER_BYTES + 3] === 0x57;
  const isFilled = view.getUint16(HEADER_BYTES + 4, true) === extra - 4;
  const isBlank = head.subarray(HEADER_BYTES + EXTRA_BYTES, data).every((byte) => byte === 0);
  if (!isNamed || !isFilled || !isBlank) return 'found another extra field in its head';
  const damaged = dataProblem(head, data);
  if (damaged !== null) return damaged;
  let said: unknown;
  try {
    said = JSON.parse(gunzipSync(head, { maxOutputLength: FIRST_READ_BYTES }).toString('utf8'));
  } catch {
    return 'found a head that is no gzip of JSON';
  }
  const { metatiles, root, indexOffset, indexLength } = expected;
  const wanted = { v: 1, metatiles, root, indexOffset, indexLength };
  const isSame = typeof said === 'object' && said !== null && isEqual(said as Record<string, unknown>, wanted);
  return isSame ? null : `its head says ${JSON.stringify(said)}, the version ${JSON.stringify(wanted)}`;
}

/** What is wrong with the places of the blocks of a records file, which lie one behind the other. Null = nothing. */
export function layoutProblem(blocks: readonly RecordsBlock[], file: RecordsFile): string | null {
  let offset = FIRST_READ_BYTES;
  for (const block of blocks) {
    if (block.offset !== offset) return `found its block ${block.block} at ${block.offset}, expected it at ${offset}`;
    offset += block.length;
  }
  if (file.indexOffset !== offset) return `found its index at ${file.indexOffset}, expected it at ${offset}`;
  const end = offset + file.indexLength;
  return file.bytes === end ? null : `found its length as ${file.bytes}, expected ${end}`;
}

/** Magic, deflate, the flags, no time, the level (2 = the best), and no operating system. */
function headerIsPlain(
  bytes: Uint8Array,
  { flags, level }: { readonly flags: number; readonly level: number },
): boolean {
  return [0x1f, 0x8b, 8, flags, 0, 0, 0, 0, level, 255].every((byte, index) => bytes[index] === byte);
}

/** The highest bit that is set in the last byte of the data belongs to it; writers leave the bits behind it at 0. */
function dataProblem(member: Uint8Array, from: number): string | null {
  // A copy, also of a Buffer.
  const data = Uint8Array.from(member.subarray(from, member.length - TRAILER_BYTES));
  const last = data.at(-1) ?? 0;
  const whole = inflate(data);
  if (whole === null) return 'found data that cannot be decompressed';
  if (last === 0) return null;
  data[data.length - 1] = last ^ (1 << (31 - Math.clz32(last)));
  return inflate(data)?.equals(whole) === true ? 'found a bit that is set behind the end of its data' : null;
}

/** @returns null for what is no deflate data, or has bytes behind its end */
function inflate(data: Uint8Array): Buffer | null {
  try {
    const { buffer, engine } = inflateRawSync(data, { info: true, maxOutputLength: MAX_MEMBER_BYTES }) as unknown as {
      readonly buffer: Buffer;
      readonly engine: { readonly bytesWritten: number };
    };
    return engine.bytesWritten === data.length ? buffer : null;
  } catch {
    return null;
  }
}

function isEqual(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  const keys = Object.keys(b);
  return Object.keys(a).length === keys.length && keys.every((key) => a[key] === b[key]);
}
