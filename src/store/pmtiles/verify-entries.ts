import { firstTileId, tileFromTileId } from '../../tms/tile-id.ts';
import type { ProblemList } from './archive-problems.ts';
import { EntryList, entryAt } from './entries.ts';
import type { Entry, EntryTable } from './entries.ts';
import type { PmtilesHeader } from './header.ts';

/** One more than the last tile ID that a number can hold. */
const END_OF_TILE_IDS = firstTileId(27);

/**
 * Goes through the entries of an archive in the order of its directories, leaf by leaf, and checks that they make sense
 * one after the other. `finish` checks them all together. Keeps 24 bytes an entry.
 */
export class EntryChecker {
  private readonly header: PmtilesHeader;
  private readonly problems: ProblemList;
  private readonly list = new EntryList();
  private nextId = 0;
  private addressed = 0;
  /** Where the next content is, if the archive is clustered. */
  private nextOffset = 0;
  private isClustered = true;
  private firstOutOfOrder: Entry | null = null;

  constructor(header: PmtilesHeader, problems: ProblemList) {
    this.header = header;
    this.problems = problems;
  }

  /** The entries seen that stand for tiles. */
  get entries(): EntryTable {
    return this.list;
  }

  /** Takes the next entry, which stands for tiles. */
  add(entry: Entry): void {
    const { tileId, offset, length, runLength } = entry;
    const { problems } = this;
    if (tileId + runLength > END_OF_TILE_IDS) {
      problems.add('TILE_ID_RANGE', `entry of tile ID ${tileId}, run ${runLength}: beyond zoom 26`);
      return;
    }
    const before = this.list.count === 0 ? null : entryAt(this.list, this.list.count - 1);
    if (before !== null && tileId <= before.tileId) {
      problems.add('TILE_ID_ORDER', `found ${name(tileId)} behind ${name(before.tileId)}, expected a larger tile ID`);
    } else if (tileId < this.nextId && before !== null) {
      problems.add(
        'RUN_OVERLAP',
        `the run of ${before.runLength} tiles from ${name(before.tileId)} on holds ${name(tileId)}`,
      );
    }
    if (offset + length > this.header.tiles.length) {
      problems.add(
        'TILE_OUTSIDE',
        `${name(tileId)}: found ${length} bytes at ${offset} of ${this.header.tiles.length}`,
      );
    }
    if (offset > this.nextOffset) {
      this.isClustered = false;
      this.firstOutOfOrder ??= entry;
    }
    this.nextOffset = Math.max(this.nextOffset, offset + length);
    this.nextId = Math.max(this.nextId, tileId + runLength);
    this.addressed += runLength;
    this.list.push(tileId, offset, length, runLength);
  }

  /** Checks counts, zooms, and how the contents lie in the tile data. Call it once, after the last entry. */
  finish(): void {
    const { header, problems, list } = this;
    const contents = this.checkContents();
    const counts = [
      ['COUNT_ADDRESSED', 'addressed tiles', header.addressedTiles, this.addressed],
      ['COUNT_ENTRIES', 'tile entries', header.tileEntries, list.count],
      ['COUNT_CONTENTS', 'tile contents', header.tileContents, contents],
    ] as const;
    for (const [code, what, stated, found] of counts) {
      // 0 = the writer did not know.
      if (stated !== 0 && stated !== found) problems.add(code, `${what}: the header says ${stated}, found ${found}`);
    }
    if (list.count > 0) this.checkZooms();
    if (header.clustered && !this.isClustered) {
      const { tileId = 0, offset = 0 } = this.firstOutOfOrder ?? {};
      problems.add(
        'NOT_CLUSTERED',
        `the header says it is, found ${name(tileId)} at ${offset}, before what lies there`,
      );
    }
    if (!header.clustered && this.isClustered && list.count > 0) {
      problems.add('CLUSTERED_UNSAID', 'the tile data is in order; with the flag set, tools can extract and merge it');
    }
  }

  private checkZooms(): void {
    const { header, list, problems } = this;
    const found = [tileFromTileId(list.tileIds[0]!).z, tileFromTileId(this.nextId - 1).z] as const;
    if (header.minzoom === found[0] && header.maxzoom === found[1]) return;
    problems.add('ZOOM_RANGE', `the header says ${header.minzoom} to ${header.maxzoom}, found ${found.join(' to ')}`);
  }

  /** @returns the number of different contents */
  private checkContents(): number {
    const { list, header, problems } = this;
    const order = Float64Array.from({ length: list.count }, (_, index) => index);
    order.sort((a, b) => list.offsets[a]! - list.offsets[b]! || list.lengths[a]! - list.lengths[b]! || a - b);
    let contents = 0;
    let end = 0;
    let last: Entry | null = null;
    let unused = 0;
    for (const index of order) {
      const entry = entryAt(list, index);
      if (last !== null && entry.offset === last.offset && entry.length === last.length) continue;
      contents++;
      if (last !== null && entry.offset < end) {
        problems.add(
          'CONTENT_OVERLAP',
          `${name(entry.tileId)} (${entry.length} bytes at ${entry.offset}) and ${name(last.tileId)} (${last.length} at ${last.offset})`,
        );
      }
      unused += Math.max(0, entry.offset - end);
      end = Math.max(end, entry.offset + entry.length);
      last = entry;
    }
    unused += Math.max(0, header.tiles.length - end);
    if (unused > 0)
      problems.add('UNUSED_BYTES', `${unused} of ${header.tiles.length} bytes of the tile data belong to no tile`);
    return contents;
  }
}

/** A tile ID as a person reads it. */
function name(tileId: number): string {
  if (tileId >= END_OF_TILE_IDS) return `tile ID ${tileId}`;
  const { z, x, y } = tileFromTileId(tileId);
  return `${z}/${x}/${y}`;
}
