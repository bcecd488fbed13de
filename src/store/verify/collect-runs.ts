import { TileIdRuns } from './tile-id-runs.ts';

/** Collects tile IDs that come in pieces of the curve, such as those of metatiles: some 30 bytes for each piece. */
export class RunCollector {
  private readonly firsts: number[] = [];
  private readonly lasts: number[] = [];

  /** Adds a tile ID; what follows the one before it costs nothing. */
  add(tileId: number): void {
    const at = this.lasts.length - 1;
    if (at >= 0 && this.lasts[at] === tileId - 1) {
      this.lasts[at] = tileId;
      return;
    }
    this.firsts.push(tileId);
    this.lasts.push(tileId);
  }

  /** @param onTwice - called for each tile ID that was added before, once for each further time */
  toRuns(onTwice: (tileId: number) => void = () => {}): TileIdRuns {
    const order = Uint32Array.from(this.firsts, (_, index) => index);
    order.sort((a, b) => this.firsts[a]! - this.firsts[b]! || this.lasts[a]! - this.lasts[b]!);
    const runs = new TileIdRuns();
    let end = -1;
    for (const index of order) {
      const [first, last] = [this.firsts[index]!, this.lasts[index]!];
      for (let twice = first; twice <= Math.min(last, end); twice++) onTwice(twice);
      runs.add(first, last);
      end = Math.max(end, last);
    }
    return runs;
  }
}
