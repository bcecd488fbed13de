import { digestOf } from '../../digest.ts';
import { isTilerError } from '../../errors.ts';
import type { ProblemList } from '../pmtiles/archive-problems.ts';
import type { MetatileRecord, TileRecord } from '../records/metatile-record.ts';
import type { StoreCallOptions } from '../tile-store.ts';
import { nameOf } from './neighbours.ts';
import type { VerifiedRecords } from './verify-records.ts';
import type { TileIdRuns } from './tile-id-runs.ts';
import type { FoundTiles, TilesetTiles } from './tileset-tiles.ts';

export interface RecordedTilesOptions extends StoreCallOptions {
  /** Tiles whose bytes are compared, evenly spread over the records; Infinity = all. */
  readonly sample: number;
  /** Tiles that the version has. */
  readonly total: number;
}

/** Tiles being read at a time. */
const CONCURRENCY = 8;

/** Compares tiles with their records: the lengths of all where they are known without reading, and the bytes of a sample. */
export class RecordedTilesChecker {
  /** Tiles whose bytes were compared. */
  compared = 0;
  private seen = 0;
  private readonly tileset: TilesetTiles;
  private readonly problems: ProblemList;
  private readonly options: RecordedTilesOptions;

  constructor(tileset: TilesetTiles, problems: ProblemList, options: RecordedTilesOptions) {
    this.tileset = tileset;
    this.problems = problems;
    this.options = options;
  }

  /** @throws TilerError those of the tileset */
  async check({ tiles }: MetatileRecord): Promise<void> {
    const chosen: { readonly record: TileRecord; readonly found: FoundTiles }[] = [];
    for (const record of tiles) {
      const isChosen = this.isChosen(this.seen++);
      const found = await this.tileset.find(record.tileId, this.options);
      // What is not there is said of all of them together.
      if (found === null) continue;
      if (found.length !== null && found.length !== record.length) this.addLength(record, found.length);
      else if (isChosen) chosen.push({ record, found });
    }
    for (let at = 0; at < chosen.length; at += CONCURRENCY) {
      this.options.signal.throwIfAborted();
      await Promise.all(chosen.slice(at, at + CONCURRENCY).map(({ record, found }) => this.compare(record, found)));
    }
  }

  /** Evenly spread: the n-th tile is one if the share of the sample grows by a whole one with it. */
  private isChosen(n: number): boolean {
    const { sample, total } = this.options;
    if (sample >= total) return true;
    return Math.floor(((n + 1) * sample) / total) > Math.floor((n * sample) / total);
  }

  private async compare(record: TileRecord, found: FoundTiles): Promise<void> {
    let bytes: Uint8Array | null;
    try {
      bytes = await this.tileset.read(found, this.options);
    } catch (error) {
      if (!isTilerError(error) || error.code !== 'ARCHIVE_INVALID') throw error;
      this.problems.add('TILE_DIGEST', `${nameOf(record.tileId)}: ${error.message}`);
      return;
    }
    if (bytes === null) return;
    this.compared++;
    if (bytes.length !== record.length) {
      this.addLength(record, bytes.length);
      return;
    }
    const digest = digestOf(bytes);
    if (digest === record.digest) return;
    this.problems.add('TILE_DIGEST', `${nameOf(record.tileId)}: found ${digest}, its record says ${record.digest}`);
  }

  private addLength({ tileId, length }: TileRecord, found: number): void {
    this.problems.add('TILE_LENGTH', `${nameOf(tileId)}: found ${found} bytes, its record says ${length}`);
  }
}

/** Compares which tiles are there with what the records say: none is missing, and nothing else lies there. */
export function comparePresence(
  present: TileIdRuns,
  { isWhole, tiles, empty }: Pick<VerifiedRecords, 'isWhole' | 'tiles' | 'empty'>,
  problems: ProblemList,
): void {
  for (const tileId of onlyIn(tiles, present)) problems.add('TILE_MISSING', () => nameOf(tileId));
  // Records that could not be read may have had them.
  if (!isWhole) return;
  for (const tileId of onlyIn(present, tiles)) {
    if (empty.has(tileId)) problems.add('TILE_NOT_EMPTY', () => `${nameOf(tileId)} is there, and recorded as empty`);
    else problems.add('TILE_EXTRA', () => `${nameOf(tileId)} is there, and in no record`);
  }
}

function* onlyIn(one: TileIdRuns, other: TileIdRuns): Generator<number> {
  for (const { first, last } of one.runs()) {
    for (const missing of other.missing(first, last)) {
      for (let tileId = missing.first; tileId <= missing.last; tileId++) yield tileId;
    }
  }
}
