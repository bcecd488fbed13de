import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { TilerError } from '../../errors.ts';
import { RUNS_ALONE, compress, compressAside } from '../gzip.ts';
import { EntryList } from './entries.ts';
import type { EntryTable } from './entries.ts';
import type { Compression } from './header.ts';
import { VarintReader, VarintWriter } from './varint.ts';

/** Most bytes that a directory or the metadata of an archive may have when they are decompressed. */
const MAX_DECOMPRESSED_BYTES = 64 * 1024 * 1024;

/**
 * Writes entries `from` to `to - 1` of a table as a directory, compressed: their number, then column by column the tile
 * IDs as differences, the run lengths, the lengths, and the offsets, where 0 stands for an offset right behind the entry
 * before.
 *
 * @see PMTiles version 3 specification, section 4.2
 */
export function directoryToBytes(table: EntryTable, from = 0, to = table.count): Uint8Array {
  return compress(directoryColumns(table, from, to, new VarintWriter((to - from) * 8)), RUNS_ALONE);
}

/**
 * The same, compressed on another thread.
 *
 * @param writer - is emptied, and used until it is done
 */
export async function packDirectory(table: EntryTable, writer: VarintWriter): Promise<Uint8Array> {
  return await compressAside(directoryColumns(table, 0, table.count, writer), RUNS_ALONE);
}

function directoryColumns(table: EntryTable, from: number, to: number, writer: VarintWriter): Uint8Array {
  writer.clear();
  writer.write(to - from);
  let lastId = 0;
  for (let i = from; i < to; i++) {
    const tileId = table.tileIds[i]!;
    writer.write(tileId - lastId);
    lastId = tileId;
  }
  for (let i = from; i < to; i++) writer.write(table.runLengths[i]!);
  for (let i = from; i < to; i++) writer.write(table.lengths[i]!);
  for (let i = from; i < to; i++) {
    const offset = table.offsets[i]!;
    const follows = i > from && offset === table.offsets[i - 1]! + table.lengths[i - 1]!;
    writer.write(follows ? 0 : offset + 1);
  }
  return writer.bytes();
}

/**
 * Decompresses a directory or the metadata.
 *
 * @param what - for messages
 * @throws TilerError `ARCHIVE_INVALID`
 */
export function decompress(bytes: Uint8Array, compression: Compression, what: string): Uint8Array {
  const options = { maxOutputLength: MAX_DECOMPRESSED_BYTES };
  try {
    if (compression === 'none') return bytes;
    if (compression === 'gzip') return gunzipSync(bytes, options);
    if (compression === 'brotli') return brotliDecompressSync(bytes, options);
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new TilerError('ARCHIVE_INVALID', `Decompressing ${what} (${compression}): ${found}`, { cause });
  }
  throw new TilerError(
    'ARCHIVE_INVALID',
    `Decompressing ${what}: found the compression '${compression}', expected none, gzip or brotli`,
  );
}

/**
 * Reads a decompressed directory. Its columns are whole and its lengths above zero; whether its entries make sense
 * together is not looked at.
 *
 * @param what - for messages
 * @throws TilerError `ARCHIVE_INVALID`
 */
export function parseDirectory(bytes: Uint8Array, what: string): EntryTable {
  const invalid = (found: string): TilerError => new TilerError('ARCHIVE_INVALID', `Reading ${what}: ${found}`);
  const reader = new VarintReader(bytes);
  const count = reader.read();
  // Each entry takes four bytes at least, which bounds what is allocated for it.
  if (!(count > 0 && count * 4 <= bytes.length)) {
    throw invalid(`found ${count} entries in ${bytes.length} bytes, expected 1 or more of at least 4 bytes each`);
  }
  const table = new EntryList(count);
  let tileId = 0;
  for (let i = 0; i < count; i++) table.tileIds[i] = tileId += reader.read();
  for (let i = 0; i < count; i++) table.runLengths[i] = uint32(reader.read(), invalid);
  for (let i = 0; i < count; i++) {
    const length = uint32(reader.read(), invalid);
    if (length === 0) throw invalid(`found the length 0 in entry ${i}, expected more`);
    table.lengths[i] = length;
  }
  for (let i = 0; i < count; i++) {
    const value = reader.read();
    if (value === 0 && i === 0) throw invalid('found an offset behind the entry before in the first entry');
    table.offsets[i] = value === 0 ? table.offsets[i - 1]! + table.lengths[i - 1]! : value - 1;
  }
  if (!Number.isSafeInteger(tileId) || Number.isNaN(table.offsets[count - 1]!)) throw invalid('it ends too soon');
  if (reader.left > 0) throw invalid(`found ${reader.left} bytes behind its last entry, expected none`);
  table.count = count;
  return table;
}

function uint32(value: number, invalid: (found: string) => TilerError): number {
  if (Number.isNaN(value)) throw invalid('it ends too soon');
  if (value > 0xffffffff) throw invalid(`found ${value}, expected a number below 2^32`);
  return value;
}
