/**
 * Entries of directories, column by column: 24 bytes each. An entry stands for the tiles `tileId` to
 * `tileId + runLength - 1`, all with the same content, or with `runLength` 0 for a leaf directory.
 */
export interface EntryTable {
  readonly count: number;
  readonly tileIds: Float64Array;
  /** From the beginning of the tile data, or of the leaf directories. */
  readonly offsets: Float64Array;
  readonly lengths: Uint32Array;
  readonly runLengths: Uint32Array;
}

/** One entry. */
export interface Entry {
  readonly tileId: number;
  readonly offset: number;
  readonly length: number;
  readonly runLength: number;
}

/** A table that grows. */
export class EntryList implements EntryTable {
  count = 0;
  tileIds: Float64Array;
  offsets: Float64Array;
  lengths: Uint32Array;
  runLengths: Uint32Array;

  constructor(capacity = 1024) {
    this.tileIds = new Float64Array(capacity);
    this.offsets = new Float64Array(capacity);
    this.lengths = new Uint32Array(capacity);
    this.runLengths = new Uint32Array(capacity);
  }

  push(tileId: number, offset: number, length: number, runLength: number): void {
    const { count } = this;
    if (count === this.tileIds.length) this.grow(Math.ceil(count * 1.5));
    this.tileIds[count] = tileId;
    this.offsets[count] = offset;
    this.lengths[count] = length;
    this.runLengths[count] = runLength;
    this.count = count + 1;
  }

  private grow(capacity: number): void {
    this.tileIds = copyInto(new Float64Array(capacity), this.tileIds);
    this.offsets = copyInto(new Float64Array(capacity), this.offsets);
    this.lengths = copyInto(new Uint32Array(capacity), this.lengths);
    this.runLengths = copyInto(new Uint32Array(capacity), this.runLengths);
  }
}

/** The entry at an index, which must be one of the table. */
export function entryAt(table: EntryTable, index: number): Entry {
  return {
    tileId: table.tileIds[index]!,
    offset: table.offsets[index]!,
    length: table.lengths[index]!,
    runLength: table.runLengths[index]!,
  };
}

/**
 * The entry of a directory that leads to a tile: the one whose run holds it, or the leaf that it would be in; null if
 * the tile is not there. Tile IDs ascend in the table.
 */
export function findEntry(table: EntryTable, tileId: number): Entry | null {
  let low = 0;
  let high = table.count - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    if (table.tileIds[middle]! <= tileId) low = middle + 1;
    else high = middle - 1;
  }
  if (high < 0) return null;
  const entry = entryAt(table, high);
  return entry.runLength === 0 || tileId < entry.tileId + entry.runLength ? entry : null;
}

function copyInto<T extends Float64Array | Uint32Array>(target: T, source: T): T {
  target.set(source);
  return target;
}
