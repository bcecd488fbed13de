import { TilerError } from '../../errors.ts';
import { EntryLog } from './entry-log.ts';
import type { Spill } from './spill.ts';

/** Where a content lies in the tile data. */
export interface Content {
  readonly offset: number;
  readonly length: number;
}

/** The longest run that an entry can stand for. */
const MAX_RUN = 0xffffffff;

/**
 * The index of an archive in the making: tiles are added by ascending tile ID, with a new content or one that is there
 * already. A run of tiles with one content is one entry.
 */
export class ArchiveIndex {
  /** Entries so far, by ascending tile ID. */
  readonly entries: EntryLog;
  private firstId = Number.NaN;
  private lastId = -1;
  private lastOffset = -1;
  private lastRun = 0;

  constructor(spill: Spill) {
    this.entries = new EntryLog(spill);
  }

  /** Tiles added. */
  addressedTiles = 0;
  /** Contents added. */
  tileContents = 0;
  /** Bytes of all contents: where the next one goes. */
  dataBytes = 0;

  /** The first and the last tile ID; of no tile, NaN and -1. */
  get ends(): readonly [number, number] {
    return [this.firstId, this.lastId];
  }

  /**
   * Adds a tile with a content of its own, behind all others.
   *
   * @returns the offset of the content
   * @throws TilerError `ARCHIVE_INVALID` if it does not ascend
   */
  addNew(tileId: number, length: number): number {
    const offset = this.dataBytes;
    this.add(tileId, offset, length, 1);
    this.dataBytes += length;
    this.tileContents++;
    return offset;
  }

  /** Adds tiles, one behind the other, with the content of an earlier one. @throws TilerError `ARCHIVE_INVALID` if they do not ascend */
  addSame(tileId: number, { offset, length }: Content, tiles = 1): void {
    this.add(tileId, offset, length, tiles);
  }

  private add(tileId: number, offset: number, length: number, tiles: number): void {
    if (tileId <= this.lastId) {
      throw new TilerError('ARCHIVE_INVALID', `Adding the tile ID ${tileId}: expected one above ${this.lastId}`);
    }
    if (!(length > 0 && length <= 0xffffffff)) {
      throw new TilerError(
        'ARCHIVE_INVALID',
        `Adding the tile ID ${tileId}: found ${length} bytes, expected 1 to 2^32 - 1`,
      );
    }
    const isNext = tileId === this.lastId + 1 && offset === this.lastOffset;
    if (isNext && this.lastRun + tiles <= MAX_RUN) {
      this.entries.lengthenLast(tiles);
      this.lastRun += tiles;
    } else {
      this.entries.push(tileId, offset, length, tiles);
      this.lastRun = tiles;
    }
    if (this.addressedTiles === 0) this.firstId = tileId;
    this.lastId = tileId + tiles - 1;
    this.lastOffset = offset;
    this.addressedTiles += tiles;
  }
}
