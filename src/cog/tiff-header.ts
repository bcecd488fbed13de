import { TilerError, type ErrorCode } from '../errors.ts';
import type { CogLimits } from './limits.ts';
import type { RangeSource } from './range-source.ts';

/** The first read: one request opens a usual COG, whose directories lie in front. */
const HEADER_READ_BYTES = 64 * 1024;

/** Several times what the longest directories of real files have. */
const MAX_ENTRIES = 512;

/** For a value that is not the list of block addresses: more than any JPEG table, colour map or list of GeoKeys has. */
const MAX_VALUE_BYTES = 1024 * 1024;

/** TIFF 6.0 section 2 and BigTIFF: bytes of one value by field type. */
const TYPE_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];

const BLOCK_TAGS = new Set([273, 279, 324, 325]);

/** What the reader looks at. Every other tag is blanked, so that neither its size nor its type matters. */
const USED_TAGS = new Set([
  254,
  255,
  256,
  257,
  258,
  259,
  262,
  266,
  277,
  278,
  284,
  317,
  320,
  322,
  323,
  338,
  339,
  347,
  33550,
  33922,
  34264,
  34735,
  34736,
  34737,
  42112,
  42113,
  ...BLOCK_TAGS,
]);

/** GDAL's metadata. It may be of any length, and is not worth refusing a file for. */
const OPTIONAL_TAG = 42112;

interface Chunk {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** The checked directories of a TIFF, in memory. */
export interface TiffHeader {
  readonly littleEndian: boolean;
  /** In the order of the chain; no two are the same. */
  readonly directoryOffsets: readonly number[];
  /** Bytes at an offset: all of them, or as many as were read in front of a gap or the end; null if none was. */
  slice(offset: number, length: number): Uint8Array<ArrayBuffer> | null;
}

/**
 * Reads the directories of a TIFF or BigTIFF and all values that the reader needs, and checks the counts and offsets of
 * every entry, so that the parser behind it never allocates by an unchecked count, never follows a circle and never
 * reads from outside. One request if all lies in the first 64 KiB; else one more per stretch that is missing.
 *
 * @throws TilerError `ASSET_CORRUPT`, `ASSET_UNSUPPORTED` (not a TIFF, too many directories), `BYTES_LIMIT`
 */
export async function readTiffHeader(source: RangeSource, limits: CogLimits, signal: AbortSignal): Promise<TiffHeader> {
  const reader = new HeaderReader(source, limits, signal);
  const { littleEndian, bigTiff, first } = await reader.readStart();
  const directoryOffsets: number[] = [];
  for (let offset = first; offset !== 0;) {
    if (directoryOffsets.includes(offset))
      throw reader.fail('ASSET_CORRUPT', `the directory at ${offset} leads back to itself`);
    if (directoryOffsets.length === limits.maxDirectories) {
      throw reader.fail('ASSET_UNSUPPORTED', `it has more than ${limits.maxDirectories} directories`);
    }
    directoryOffsets.push(offset);
    offset = await reader.readDirectory(offset, littleEndian, bigTiff);
  }
  return { littleEndian, directoryOffsets, slice: (offset, length) => reader.blankedSlice(offset, length) };
}

class HeaderReader {
  readonly #source: RangeSource;
  readonly #limits: CogLimits;
  readonly #signal: AbortSignal;
  readonly #chunks: Chunk[] = [];
  /** Where the entries begin that are not looked at, and the type that takes their place: BYTE in the file's order. */
  readonly #blanked: number[] = [];
  #blank = new Uint8Array(0);
  #held = 0;

  constructor(source: RangeSource, limits: CogLimits, signal: AbortSignal) {
    this.#source = source;
    this.#limits = limits;
    this.#signal = signal;
  }

  async readStart(): Promise<{ littleEndian: boolean; bigTiff: boolean; first: number }> {
    await this.#fetch(0, HEADER_READ_BYTES);
    const bytes = this.#slice(0, 16);
    const order = bytes === null || bytes.length < 8 ? 0 : bytes[0]! * 256 + bytes[1]!;
    if (bytes === null || (order !== 0x4949 && order !== 0x4d4d)) {
      throw this.fail('ASSET_UNSUPPORTED', 'it does not begin like a TIFF ("II" or "MM")');
    }
    const littleEndian = order === 0x4949;
    this.#blank = littleEndian ? Uint8Array.of(1, 0) : Uint8Array.of(0, 1);
    const view = viewOf(bytes);
    const magic = view.getUint16(2, littleEndian);
    if (magic === 42) return { littleEndian, bigTiff: false, first: view.getUint32(4, littleEndian) };
    if (magic !== 43) throw this.fail('ASSET_UNSUPPORTED', `its TIFF version is ${magic}; expected 42 or 43 (BigTIFF)`);
    if (bytes.length < 16 || view.getUint16(4, littleEndian) !== 8) {
      throw this.fail('ASSET_CORRUPT', 'its BigTIFF header is damaged');
    }
    return { littleEndian, bigTiff: true, first: this.#uint64(view, 8, littleEndian) };
  }

  /** Reads and checks one directory with its values; gives the offset of the next one, 0 for none. */
  async readDirectory(offset: number, littleEndian: boolean, bigTiff: boolean): Promise<number> {
    const head = bigTiff ? 8 : 2;
    const entryBytes = bigTiff ? 20 : 12;
    const start = viewOf(await this.#need(offset, head));
    const count = bigTiff ? this.#uint64(start, 0, littleEndian) : start.getUint16(0, littleEndian);
    if (count === 0 || count > MAX_ENTRIES)
      throw this.fail('ASSET_CORRUPT', `the directory at ${offset} has ${count} entries`);
    const bytes = await this.#need(offset, head + count * entryBytes + (bigTiff ? 8 : 4));
    const view = viewOf(bytes);
    const values: { offset: number; length: number }[] = [];
    for (let n = 0; n < count; n += 1) {
      const at = head + n * entryBytes;
      const tag = view.getUint16(at, littleEndian);
      if (!USED_TAGS.has(tag) || (tag === OPTIONAL_TAG && !this.#isShort(view, at, littleEndian, bigTiff))) {
        this.#blanked.push(offset + at);
        continue;
      }
      const value = this.#checkEntry(view, at, littleEndian, bigTiff);
      if (value !== null) values.push(value);
    }
    await this.#needAll(values);
    const next = head + count * entryBytes;
    return bigTiff ? this.#uint64(view, next, littleEndian) : view.getUint32(next, littleEndian);
  }

  /** True for text that is short enough to be read. */
  #isShort(view: DataView, at: number, little: boolean, bigTiff: boolean): boolean {
    const count = bigTiff ? view.getBigUint64(at + 4, little) : view.getUint32(at + 4, little);
    return view.getUint16(at + 2, little) === 2 && count <= MAX_VALUE_BYTES;
  }

  /** Gives where the entry's value lies if it lies outside of the entry. */
  #checkEntry(
    view: DataView,
    at: number,
    little: boolean,
    bigTiff: boolean,
  ): { offset: number; length: number } | null {
    const tag = view.getUint16(at, little);
    const size = TYPE_BYTES[view.getUint16(at + 2, little)] ?? 0;
    if (size === 0)
      throw this.fail('ASSET_CORRUPT', `its tag ${tag} has the unknown type ${view.getUint16(at + 2, little)}`);
    const count = bigTiff ? this.#uint64(view, at + 4, little) : view.getUint32(at + 4, little);
    const length = count * size;
    if (length <= (bigTiff ? 8 : 4)) return null;
    const limit = BLOCK_TAGS.has(tag) ? this.#limits.maxHeaderBytes : MAX_VALUE_BYTES;
    if (length > limit)
      throw this.fail('BYTES_LIMIT', `its tag ${tag} has ${count} values, ${length} bytes; allowed are ${limit}`);
    return { offset: bigTiff ? this.#uint64(view, at + 12, little) : view.getUint32(at + 8, little), length };
  }

  /** A copy in which every entry that is not looked at is an empty list of bytes. */
  blankedSlice(offset: number, length: number): Uint8Array<ArrayBuffer> | null {
    const found = this.#slice(offset, length);
    if (found === null) return null;
    // A Buffer's slice() would be no copy.
    const bytes = new Uint8Array(found);
    for (const entry of this.#blanked) {
      const at = entry - offset + 2;
      if (at < 0 || at + 10 > bytes.length) continue;
      bytes.set(this.#blank, at);
      bytes.fill(0, at + 2, at + 10);
    }
    return bytes;
  }

  #slice(offset: number, length: number): Uint8Array | null {
    let best: Uint8Array | null = null;
    for (const chunk of this.#chunks) {
      const from = offset - chunk.offset;
      if (from < 0 || from >= chunk.bytes.length) continue;
      const found = chunk.bytes.subarray(from, from + length);
      if (best === null || found.length > best.length) best = found;
    }
    return best;
  }

  async #need(offset: number, length: number): Promise<Uint8Array> {
    await this.#needAll([{ offset, length }]);
    const bytes = this.#slice(offset, length);
    if (bytes === null || bytes.length < length)
      throw this.fail('ASSET_CORRUPT', `it ends before byte ${offset + length}`);
    return bytes;
  }

  async #needAll(ranges: readonly { offset: number; length: number }[]): Promise<void> {
    const missing = ranges.filter(({ offset, length }) => (this.#slice(offset, length)?.length ?? 0) < length);
    missing.sort((a, b) => a.offset - b.offset);
    for (const { offset, length } of missing) {
      if ((this.#slice(offset, length)?.length ?? 0) >= length) continue;
      // What comes next in the list mostly lies behind this: a generous read saves the next request.
      await this.#fetch(offset, Math.max(length, HEADER_READ_BYTES));
      if ((this.#slice(offset, length)?.length ?? 0) < length) {
        throw this.fail('ASSET_CORRUPT', `its directories refer to ${length} bytes at ${offset}, behind its end`);
      }
    }
  }

  async #fetch(offset: number, length: number): Promise<void> {
    this.#held += length;
    if (this.#held > this.#limits.maxHeaderBytes + HEADER_READ_BYTES) {
      throw this.fail('BYTES_LIMIT', `its directories take more than ${this.#limits.maxHeaderBytes} bytes`);
    }
    this.#chunks.push({ offset, bytes: await this.#source.read(offset, length, { signal: this.#signal }) });
  }

  #uint64(view: DataView, at: number, little: boolean): number {
    const value = Number(view.getBigUint64(at, little));
    if (!Number.isSafeInteger(value)) throw this.fail('ASSET_CORRUPT', `it refers to byte or count ${value}`);
    return value;
  }

  fail(code: ErrorCode, found: string): TilerError {
    const { label } = this.#source;
    return new TilerError(code, `Opening ${label}: ${found}`, { context: { href: label } });
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
