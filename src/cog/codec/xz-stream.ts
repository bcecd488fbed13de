import { crc32 } from 'node:zlib';

/** A stream in the .xz format, rewritten, and what is to be undone in what it gives. */
interface PlainXz {
  readonly bytes: Uint8Array;
  /** Distances of delta filters that were taken out of it, in bytes. */
  readonly deltas: readonly number[];
}

interface BlockHeader {
  /** Where it begins and where its CRC-32 lies. */
  readonly start: number;
  readonly crcAt: number;
  readonly filtersAt: number;
  readonly filters: readonly { readonly id: number; readonly properties: Uint8Array }[];
}

const MAGIC = Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0);
const STREAM_HEADER_BYTES = 12;
const DELTA = 0x03;
const LZMA2 = 0x21;
/** Bits 6 and 7 of the flags of a block. */
const SIZES_PRESENT = [0x40, 0x80];
const MIN_DICTIONARY_BYTES = 4096;

/**
 * Rewrites an .xz stream (xz file format 1.2.1) for a decoder that knows no delta filters, with which libtiff writes all of
 * its LZMA: they are taken out of the block's header, for the caller to undo. And the dictionary is made no larger than
 * what is to come out, since 4 GiB of it may be asked for in one byte.
 *
 * Sizes stay as they are, so that the index at the end is right still.
 *
 * @param decodedBytes - how much of the content is wanted; the rest may be unreadable afterwards
 * @throws Error if it is no such stream, has several blocks, other filters, or a check behind a delta filter
 */
export function plainXz(source: Uint8Array, decodedBytes: number): PlainXz {
  if (source.length < STREAM_HEADER_BYTES + 8 || MAGIC.some((byte, i) => source[i] !== byte)) {
    throw new Error('it is no XZ stream');
  }
  const { start, crcAt, filtersAt, filters } = readBlockHeader(source);
  const last = filters.at(-1);
  if (last === undefined) return { bytes: source, deltas: [] };
  const before = filters.slice(0, -1);
  const isKnown = last.id === LZMA2 && before.every(({ id }) => id === DELTA);
  if (!isKnown || filters.some(({ properties }) => properties.length !== 1)) {
    throw new Error('the XZ stream has filters that are not read');
  }
  requireOneBlock(source);
  if (before.length > 0 && source[7] !== 0) {
    throw new Error('the XZ stream has both a delta filter and a check of its content');
  }
  // A copy in any case: `slice` of a Buffer is none.
  const bytes = new Uint8Array(source);
  bytes[start + 1]! &= ~3;
  bytes.fill(0, filtersAt, crcAt);
  bytes.set([LZMA2, 1, Math.min(last.properties[0]!, dictionaryOf(decodedBytes))], filtersAt);
  new DataView(bytes.buffer).setUint32(crcAt, crc32(bytes.subarray(start, crcAt)), true);
  return { bytes, deltas: before.map(({ properties }) => properties[0]! + 1) };
}

/** Undoes a delta filter in place: each byte is the difference to the one `distance` bytes before it. */
export function undoDelta(bytes: Uint8Array, distance: number): void {
  for (let i = distance; i < bytes.length; i++) bytes[i] = bytes[i]! + bytes[i - distance]!;
}

function readBlockHeader(bytes: Uint8Array): BlockHeader {
  const start = STREAM_HEADER_BYTES;
  const crcAt = start + bytes[start]! * 4;
  // 0 is the beginning of the index: a stream of nothing.
  if (bytes[start] === 0) return { start, crcAt, filtersAt: start, filters: [] };
  if (crcAt + 4 > bytes.length) throw new Error('the XZ stream ends in the header of its block');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(crcAt, true) !== crc32(bytes.subarray(start, crcAt))) {
    throw new Error('the header of the block of the XZ stream is damaged');
  }
  const flags = bytes[start + 1]!;
  let at = start + 2;
  const next = (): number => {
    const { value, end } = readInteger(bytes, at, crcAt);
    at = end;
    return value;
  };
  for (const bit of SIZES_PRESENT) if ((flags & bit) !== 0) next();
  const filtersAt = at;
  const filters = Array.from({ length: (flags & 3) + 1 }, () => {
    const id = next();
    const length = next();
    if (at + length > crcAt) throw new Error('the header of the block of the XZ stream has no end');
    at += length;
    return { id, properties: bytes.subarray(at - length, at) };
  });
  return { start, crcAt, filtersAt, filters };
}

/** Seven bits in each byte, the lowest first; the highest bit is set in all but the last. */
function readInteger(bytes: Uint8Array, at: number, end: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let i = at; i < end && i < at + 9; i++) {
    value += (bytes[i]! & 0x7f) * 2 ** (7 * (i - at));
    if (bytes[i]! < 0x80) return { value, end: i + 1 };
  }
  throw new Error('the header of the block of the XZ stream has a number without end');
}

/** Of several blocks each would have filters and a dictionary of its own; nobody writes so into a TIFF. */
function requireOneBlock(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const footer = bytes.length - STREAM_HEADER_BYTES;
  const index = footer - (view.getUint32(footer + 4, true) + 1) * 4;
  const hasFooter = bytes[footer + 10] === 0x59 && bytes[footer + 11] === 0x5a;
  if (!hasFooter || index < STREAM_HEADER_BYTES) throw new Error('the XZ stream has no end');
  if (bytes[index] !== 0 || bytes[index + 1] !== 1) throw new Error('the XZ stream has several blocks');
}

/** The least size of a dictionary that holds so many bytes, as the format writes it: 2 or 3 times a power of two. */
function dictionaryOf(length: number): number {
  for (let bits = 0; bits < 40; bits++) {
    if ((2 | (bits & 1)) * 2 ** ((bits >> 1) + 11) >= Math.max(length, MIN_DICTIONARY_BYTES)) return bits;
  }
  return 40;
}
