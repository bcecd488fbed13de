import { TilerError } from '../../errors.ts';
import { firstTileId, zoomOfTileId } from '../../tms/tile-id.ts';
import { NumberColumn } from './number-column.ts';
import type { Spill } from './spill.ts';

/** What a tile of a run is: large; small, and known by a digest; empty; or as it is in the archive of the version before. */
const RUN_KINDS = ['large', 'small', 'empty', 'kept'] as const;
export type RunKind = (typeof RUN_KINDS)[number];

/** Tiles of one zoom and one metatile by ascending tile ID, between which no other tiles are. */
export interface TileRun {
  readonly kind: RunKind;
  readonly metatile: number;
  /** Of the first large tile in its segment, the others follow; in `SmallContents`, of the content of all; else 0. */
  readonly place: number;
  readonly firstId: number;
  /** Which tiles of `TileRuns` they are. */
  readonly from: number;
  readonly to: number;
}

const ZOOMS = 27;
const MAX_DELTA = 0xffffffff;

/**
 * The tiles of metatiles, as they come, for an archive: 8 bytes a tile and 28 a run. A run is what the tiles of one
 * zoom of a metatile are as long as they are of one kind.
 */
export class TileRuns {
  /** Tile IDs from the first one of the run on. */
  private readonly deltas: NumberColumn<Uint32Array<ArrayBuffer>>;
  private readonly lengths: NumberColumn<Uint32Array<ArrayBuffer>>;
  private readonly firstIds: NumberColumn<Float64Array<ArrayBuffer>>;
  /** Four times the place, and the kind. */
  private readonly places: NumberColumn<Float64Array<ArrayBuffer>>;
  private readonly metatiles: NumberColumn<Float64Array<ArrayBuffer>>;
  private readonly starts: NumberColumn<Uint32Array<ArrayBuffer>>;
  private readonly runsOfZoom = new Float64Array(ZOOMS);
  /** What the next tile must be to belong to the last run. */
  private next = { kind: -1, metatile: -1, place: -1, firstId: 0, end: 0 };

  constructor(spill: Spill) {
    this.deltas = new NumberColumn(Uint32Array, spill);
    this.lengths = new NumberColumn(Uint32Array, spill);
    this.firstIds = new NumberColumn(Float64Array, spill);
    this.places = new NumberColumn(Float64Array, spill);
    this.metatiles = new NumberColumn(Float64Array, spill);
    this.starts = new NumberColumn(Uint32Array, spill);
  }

  /** Adds a tile of a metatile; those of one metatile come together, by ascending tile ID. */
  add(kind: RunKind, metatile: number, tileId: number, length: number, place: number): void {
    const { next } = this;
    const kindNumber = RUN_KINDS.indexOf(kind);
    const belongs =
      next.kind === kindNumber &&
      next.metatile === metatile &&
      next.place === place &&
      tileId < next.end &&
      tileId - next.firstId <= MAX_DELTA;
    if (!belongs) this.begin(kindNumber, metatile, tileId, place);
    this.deltas.push(tileId - next.firstId);
    this.lengths.push(length);
    next.place = kind === 'large' ? place + length : place;
  }

  tileIdAt(run: TileRun, index: number): number {
    return run.firstId + this.deltas.at(index);
  }

  lengthAt(index: number): number {
    return this.lengths.at(index);
  }

  /**
   * All runs by ascending tile ID. Nearly always that is zoom by zoom as they came, since metatiles follow the curve.
   */
  *sorted(): Generator<TileRun, void, undefined> {
    for (const run of this.order()) {
      const to = run + 1 < this.starts.length ? this.starts.at(run + 1) : this.deltas.length;
      const placed = this.places.at(run);
      yield {
        kind: RUN_KINDS[placed % RUN_KINDS.length] ?? 'empty',
        metatile: this.metatiles.at(run),
        place: Math.floor(placed / RUN_KINDS.length),
        firstId: this.firstIds.at(run),
        from: this.starts.at(run),
        to,
      };
    }
  }

  private begin(kind: number, metatile: number, tileId: number, place: number): void {
    const start = this.deltas.length;
    if (start > MAX_DELTA) throw new TilerError('BYTES_LIMIT', `Gathering tiles: found more than ${MAX_DELTA}`);
    const zoom = zoomOfTileId(tileId);
    this.runsOfZoom[zoom]! += 1;
    this.firstIds.push(tileId);
    this.places.push(place * RUN_KINDS.length + kind);
    this.metatiles.push(metatile);
    this.starts.push(start);
    Object.assign(this.next, { kind, metatile, place, firstId: tileId, end: firstTileId(zoom + 1) });
  }

  private order(): Uint32Array {
    const order = new Uint32Array(this.starts.length);
    const ends = Float64Array.from(this.runsOfZoom);
    for (let zoom = 1; zoom < ZOOMS; zoom++) ends[zoom]! += ends[zoom - 1]!;
    const at = ends.map((end, zoom) => end - this.runsOfZoom[zoom]!);
    for (let run = 0; run < order.length; run++) {
      const zoom = zoomOfTileId(this.firstIds.at(run));
      order[at[zoom]!] = run;
      at[zoom]! += 1;
    }
    let last = -1;
    for (const run of order) {
      const firstId = this.firstIds.at(run);
      if (firstId <= last) return order.sort((a, b) => this.firstIds.at(a) - this.firstIds.at(b));
      last = firstId;
    }
    return order;
  }
}
