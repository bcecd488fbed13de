import { TilerError } from '../../errors.ts';
import type { MetatileRecord } from '../records/metatile-record.ts';
import { MAX_SHARED_BYTES } from './content-table.ts';
import type { EntryTable } from './entries.ts';
import { NumberColumn } from './number-column.ts';
import { Spill } from './spill.ts';

const DIGEST_BYTES = 16;

/**
 * The digests of the small contents of an archive, as the records of its tiles have them, so that none is read: 32 bytes
 * for each content.
 */
export class SmallDigests {
  private readonly label: string;
  /** Of the first tile of each content, ascending. */
  private readonly firstIds: NumberColumn<Float64Array<ArrayBuffer>>;
  /** Of the contents, ascending too: archives are clustered. */
  private readonly offsets: NumberColumn<Float64Array<ArrayBuffer>>;
  private digests = new Uint8Array();

  private constructor(label: string) {
    const spill = new Spill({ memoryBytes: Infinity });
    this.label = label;
    this.firstIds = new NumberColumn(Float64Array, spill);
    this.offsets = new NumberColumn(Float64Array, spill);
  }

  /**
   * @param tables - the entries of the archive
   * @param records - of its tiles
   * @param label - of the archive, for messages
   * @throws TilerError `ARCHIVE_INVALID` if a content has no record
   */
  static async read(
    tables: AsyncIterable<EntryTable>,
    records: AsyncIterable<MetatileRecord>,
    label: string,
  ): Promise<SmallDigests> {
    const found = new SmallDigests(label);
    await found.addContents(tables);
    await found.addDigests(records);
    return found;
  }

  /** The digest of the content at an offset. @throws TilerError `ARCHIVE_INVALID` if no small one begins there */
  at(offset: number): string {
    const index = find(this.offsets, offset);
    if (index === null)
      throw this.invalid(`found a tile at ${offset} of the tile data, and no content that begins there`);
    return Buffer.from(this.digests.buffer, index * DIGEST_BYTES, DIGEST_BYTES).toString('hex');
  }

  private async addContents(tables: AsyncIterable<EntryTable>): Promise<void> {
    let end = 0;
    for await (const { count, tileIds, offsets, lengths } of tables) {
      for (let i = 0; i < count; i++) {
        const offset = offsets[i]!;
        if (offset < end) continue;
        end = offset + lengths[i]!;
        if (lengths[i]! > MAX_SHARED_BYTES) continue;
        this.firstIds.push(tileIds[i]!);
        this.offsets.push(offset);
      }
    }
  }

  private async addDigests(records: AsyncIterable<MetatileRecord>): Promise<void> {
    this.digests = new Uint8Array(this.firstIds.length * DIGEST_BYTES);
    let missing = this.firstIds.length;
    if (missing === 0) return;
    for await (const { tiles } of records) {
      for (const { tileId, length, digest } of tiles) {
        const index = length > MAX_SHARED_BYTES ? null : find(this.firstIds, tileId);
        if (index === null) continue;
        this.digests.set(Buffer.from(digest, 'hex'), index * DIGEST_BYTES);
        missing--;
      }
      // Few are small in most archives, and the rest of the records is not read.
      if (missing === 0) return;
    }
    if (missing !== 0) throw this.invalid(`found ${missing} small contents without a record`);
  }

  private invalid(found: string): TilerError {
    return new TilerError('ARCHIVE_INVALID', `Comparing ${this.label} with its records: ${found}`);
  }
}

/** The index of a number in an ascending column; null = it is not there. */
function find(column: NumberColumn<Float64Array<ArrayBuffer>>, wanted: number): number | null {
  let [low, high] = [0, column.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (column.at(middle) < wanted) low = middle + 1;
    else high = middle;
  }
  return low < column.length && column.at(low) === wanted ? low : null;
}
