import type { EntryList } from './entries.ts';
import { NumberColumn } from './number-column.ts';
import type { Spill } from './spill.ts';

/** The entries of an archive in the making, by ascending tile ID: 24 bytes each, in memory or in a temporary file. */
export class EntryLog {
  private readonly tileIds: NumberColumn<Float64Array<ArrayBuffer>>;
  private readonly offsets: NumberColumn<Float64Array<ArrayBuffer>>;
  private readonly lengths: NumberColumn<Uint32Array<ArrayBuffer>>;
  private readonly runLengths: NumberColumn<Uint32Array<ArrayBuffer>>;
  private written = 0;

  constructor(spill: Spill) {
    this.tileIds = new NumberColumn(Float64Array, spill);
    this.offsets = new NumberColumn(Float64Array, spill);
    this.lengths = new NumberColumn(Uint32Array, spill);
    this.runLengths = new NumberColumn(Uint32Array, spill);
  }

  get count(): number {
    return this.written;
  }

  push(tileId: number, offset: number, length: number, runLength: number): void {
    this.tileIds.push(tileId);
    this.offsets.push(offset);
    this.lengths.push(length);
    this.runLengths.push(runLength);
    this.written++;
  }

  /** Makes the run of the last entry longer. */
  lengthenLast(tiles: number): void {
    this.runLengths.addToLast(tiles);
  }

  /** Copies entries `from` to `to - 1` into a table that has room for them, in place of what is in it. */
  copyTo(table: EntryList, from: number, to: number): void {
    table.count = to - from;
    this.tileIds.copyTo(table.tileIds.subarray(0, table.count), from);
    this.offsets.copyTo(table.offsets.subarray(0, table.count), from);
    this.lengths.copyTo(table.lengths.subarray(0, table.count), from);
    this.runLengths.copyTo(table.runLengths.subarray(0, table.count), from);
  }
}
