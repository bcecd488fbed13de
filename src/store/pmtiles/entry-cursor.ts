import type { EntryTable } from './entries.ts';

/** Walks along entries by ascending tile ID, and along the tiles of each. Behind the last one its tile ID is infinite. */
export class EntryCursor {
  /** The next tile. */
  tileId = Infinity;
  /** Tiles of the entry from it on. */
  left = 0;
  offset = 0;
  length = 0;
  private readonly tables: AsyncIterator<EntryTable>;
  private table: EntryTable | null = null;
  private at = -1;

  private constructor(tables: AsyncIterable<EntryTable>) {
    this.tables = tables[Symbol.asyncIterator]();
  }

  /** @param tables - entries that stand for tiles, ascending */
  static async open(tables: AsyncIterable<EntryTable>): Promise<EntryCursor> {
    const cursor = new EntryCursor(tables);
    await cursor.advance();
    return cursor;
  }

  /**
   * Passes over tiles of the entry, `left` at most.
   *
   * @returns null if there is nothing to wait for
   */
  skip(tiles: number): Promise<void> | null {
    this.tileId += tiles;
    this.left -= tiles;
    return this.left > 0 ? null : this.advance();
  }

  private advance(): Promise<void> | null {
    this.at++;
    const { table, at } = this;
    if (table === null || at >= table.count) return this.turnTable();
    this.tileId = table.tileIds[at]!;
    this.left = table.runLengths[at]!;
    this.offset = table.offsets[at]!;
    this.length = table.lengths[at]!;
    return null;
  }

  private async turnTable(): Promise<void> {
    const next = await this.tables.next();
    this.at = -1;
    if (next.done === true) {
      this.table = null;
      this.tileId = Infinity;
      return;
    }
    this.table = next.value;
    await this.advance();
  }
}
