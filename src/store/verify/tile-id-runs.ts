/** Tile IDs `first` to `last`, both in it. */
export interface TileIdRun {
  readonly first: number;
  readonly last: number;
}

/**
 * A set of tile IDs as runs of consecutive ones, 16 bytes each. A coherent area of n tiles takes some 2 √n runs, as the
 * Hilbert curve leaves it that often; single tiles take one each.
 */
export class TileIdRuns {
  private firsts = new Float64Array(64);
  private lasts = new Float64Array(64);
  /** Runs. */
  length = 0;
  /** Tile IDs. */
  size = 0;

  /** The set of tile IDs in any order; sorts them in place. */
  static of(tileIds: Float64Array): TileIdRuns {
    const runs = new TileIdRuns();
    for (const tileId of tileIds.sort()) runs.add(tileId);
    return runs;
  }

  /** Adds the tile IDs from `first` to `last`, which must not lie before those added last. What is there already is no fault. */
  add(first: number, last = first): void {
    const { length, lasts } = this;
    const end = length === 0 ? -2 : lasts[length - 1]!;
    if (length > 0 && first < this.firsts[length - 1]!) {
      throw new RangeError(`Adding tile ID ${first}: expected none below ${this.firsts[length - 1]}`);
    }
    if (first <= end + 1) {
      this.size += Math.max(0, last - end);
      lasts[length - 1] = Math.max(end, last);
      return;
    }
    if (length === this.firsts.length) this.grow();
    this.firsts[length] = first;
    this.lasts[length] = last;
    this.length++;
    this.size += last - first + 1;
  }

  has(tileId: number): boolean {
    const at = this.lastRunFrom(tileId);
    return at >= 0 && tileId <= this.lasts[at]!;
  }

  runAt(index: number): TileIdRun {
    return { first: this.firsts[index]!, last: this.lasts[index]! };
  }

  *runs(): Generator<TileIdRun> {
    for (let index = 0; index < this.length; index++) yield this.runAt(index);
  }

  /** The runs between two tile IDs, both in it, cut to them. */
  *within(first: number, last: number): Generator<TileIdRun> {
    for (let index = Math.max(0, this.lastRunFrom(first)); index < this.length; index++) {
      const run = this.runAt(index);
      if (run.first > last) return;
      if (run.last >= first) yield { first: Math.max(first, run.first), last: Math.min(last, run.last) };
    }
  }

  /** The tile IDs between two, both in it, that are not in the set. */
  *missing(first: number, last: number): Generator<TileIdRun> {
    let next = first;
    for (const run of this.within(first, last)) {
      if (run.first > next) yield { first: next, last: run.first - 1 };
      next = run.last + 1;
    }
    if (next <= last) yield { first: next, last };
  }

  /** Index of the last run that begins at a tile ID or before; -1 = none. */
  private lastRunFrom(tileId: number): number {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.firsts[middle]! <= tileId) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  private grow(): void {
    for (const key of ['firsts', 'lasts'] as const) {
      const larger = new Float64Array(this.length * 2);
      larger.set(this[key]);
      this[key] = larger;
    }
  }
}
