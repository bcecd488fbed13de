import { TilerError } from '../../errors.ts';
import { EntryList } from './entries.ts';
import type { EntryTable } from './entries.ts';

/** Where a content lies in the tile data. */
export interface Content {
  readonly offset: number;
  readonly length: number;
}

/**
 * The index of an archive in the making: tiles are added by ascending tile ID, with a new content or one that is there
 * already. A run of tiles with one content is one entry.
 */
export class ArchiveIndex {
  private readonly list = new EntryList();
  private last: { tileId: number; readonly offset: number } | null = null;

  /** Entries so far, by ascending tile ID. */
  get entries(): EntryTable {
    return this.list;
  }

  /** Tiles added. */
  addressedTiles = 0;
  /** Contents added. */
  tileContents = 0;
  /** Bytes of all contents: where the next one goes. */
  dataBytes = 0;

  /** Adds a tile with a content of its own, behind all others. @throws TilerError `ARCHIVE_INVALID` if it does not ascend */
  addNew(tileId: number, length: number): Content {
    const content = { offset: this.dataBytes, length };
    this.add(tileId, content);
    this.dataBytes += length;
    this.tileContents++;
    return content;
  }

  /** Adds a tile with the content of an earlier one. @throws TilerError `ARCHIVE_INVALID` if it does not ascend */
  addSame(tileId: number, content: Content): void {
    this.add(tileId, content);
  }

  private add(tileId: number, { offset, length }: Content): void {
    const { last, list } = this;
    if (last !== null && tileId <= last.tileId) {
      throw new TilerError('ARCHIVE_INVALID', `Adding the tile ID ${tileId}: expected one above ${last.tileId}`);
    }
    if (!(length > 0 && length <= 0xffffffff)) {
      throw new TilerError(
        'ARCHIVE_INVALID',
        `Adding the tile ID ${tileId}: found ${length} bytes, expected 1 to 2^32 - 1`,
      );
    }
    if (last !== null && tileId === last.tileId + 1 && offset === last.offset) list.runLengths[list.count - 1]! += 1;
    else list.push(tileId, offset, length, 1);
    this.last = { tileId, offset };
    this.addressedTiles++;
  }
}
