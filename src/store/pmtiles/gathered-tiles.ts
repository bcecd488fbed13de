import { TilerError } from '../../errors.ts';
import type { Segment, SegmentTile } from './segment.ts';
import { SmallTiles } from './small-tiles.ts';
import type { Spill } from './spill.ts';
import { TileRuns } from './tile-runs.ts';

/**
 * What metatiles have staged for an archive, as far as it is needed to put the archive together: where large tiles lie, the
 * bytes of small ones, which tiles are empty now, and which are as they were.
 */
export class GatheredTiles {
  readonly runs: TileRuns;
  readonly small: SmallTiles;
  /** True if a small tile is among them. */
  hasSmall = false;

  constructor(spill: Spill) {
    this.runs = new TileRuns(spill);
    this.small = new SmallTiles(spill);
  }

  /** @throws TilerError `ARCHIVE_INVALID` if a segment has not the tiles of its record */
  add(metatile: number, { tiles, staged }: Segment): void {
    if (staged.kind === 'begun') return;
    const { record } = staged;
    if (staged.kind === 'kept') {
      for (const { tileId } of record.tiles) this.runs.add('kept', metatile, tileId, 0, 0);
      return;
    }
    const isWhole =
      tiles.length === record.tiles.length &&
      tiles.every(({ tileId, length }, i) => tileId === record.tiles[i]?.tileId && length === record.tiles[i]?.length);
    if (!isWhole) {
      throw new TilerError(
        'ARCHIVE_INVALID',
        `Gathering the tiles of the metatile ${metatile}: found ${tiles.length}, expected the ${record.tiles.length} of its record`,
      );
    }
    let empties = 0;
    const addEmptiesBelow = (tileId: number): void => {
      for (let empty = record.empty[empties]; empty !== undefined && empty < tileId; empty = record.empty[++empties]) {
        this.runs.add('empty', metatile, empty, 0, 0);
      }
    };
    for (const tile of tiles) {
      addEmptiesBelow(tile.tileId);
      this.addTile(metatile, tile);
    }
    addEmptiesBelow(Infinity);
  }

  private addTile(metatile: number, { tileId, length, bytes, offset }: SegmentTile): void {
    if (bytes === null) {
      this.runs.add('large', metatile, tileId, length, offset);
    } else {
      this.hasSmall = true;
      this.runs.add('small', metatile, tileId, length, this.small.add(bytes));
    }
  }
}
