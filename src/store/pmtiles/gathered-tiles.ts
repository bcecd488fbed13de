import { TilerError } from '../../errors.ts';
import { MAX_SHARED_BYTES } from './content-table.ts';
import type { Segment } from './segment.ts';
import { SmallContents } from './small-contents.ts';
import type { Spill } from './spill.ts';
import { TileRuns } from './tile-runs.ts';

/**
 * What metatiles have staged for an archive, as far as it is needed to put the archive together: where tiles lie, the digests
 * of small ones, which tiles are empty now, and which are as they were.
 */
export class GatheredTiles {
  readonly runs: TileRuns;
  readonly small: SmallContents;

  constructor(spill: Spill) {
    this.runs = new TileRuns(spill);
    this.small = new SmallContents(spill);
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
    /** Small contents of the segment, by their offsets in it. */
    const places = new Map<number, number>();
    for (const [at, { tileId, length, offset }] of tiles.entries()) {
      addEmptiesBelow(tileId);
      if (length > MAX_SHARED_BYTES) {
        this.runs.add('large', metatile, tileId, length, offset);
        continue;
      }
      const place = places.get(offset) ?? this.small.add(record.tiles[at]!.digest, offset);
      places.set(offset, place);
      this.runs.add('small', metatile, tileId, length, place);
    }
    addEmptiesBelow(Infinity);
  }
}
