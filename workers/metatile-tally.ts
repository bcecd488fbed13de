import { digestOf } from '../src/digest.ts';
import type { MetatileReport, TileFailure } from '../src/render/tile-renderer.ts';
import type { MetatileRecord, TileRecord } from '../src/store/records/metatile-record.ts';
import { tileIdFromTile } from '../src/tms/tile-id.ts';
import type { Tile } from '../src/tms/tile.ts';

/** Notes what becomes of each tile of a metatile, for its record. */
export class MetatileTally {
  private readonly tiles: TileRecord[] = [];
  private readonly empty: number[] = [];
  /** Tiles that could not be written. */
  readonly lost: TileFailure[] = [];

  /** A tile is in its place; null = it is empty. */
  add(tile: Tile, bytes: Uint8Array | null): void {
    const tileId = tileIdFromTile(tile);
    if (bytes === null) this.empty.push(tileId);
    else this.tiles.push({ tileId, length: bytes.length, digest: digestOf(bytes) });
  }

  /** A tile was rendered, and could not be written. */
  lose(failure: TileFailure): void {
    this.lost.push(failure);
  }

  get rendered(): number {
    return this.tiles.length;
  }

  get emptied(): number {
    return this.empty.length;
  }

  /** The record of the metatile, in an order that does not depend on which tile was done first. */
  record(index: number, { inputs, part, failures }: MetatileReport): MetatileRecord {
    return {
      index,
      inputs,
      tiles: this.tiles.toSorted((a, b) => a.tileId - b.tileId),
      empty: this.empty.toSorted((a, b) => a - b),
      failed: [...failures, ...this.lost]
        .map(({ tile, code }) => ({ tileId: tileIdFromTile(tile), code }))
        .sort((a, b) => a.tileId - b.tileId),
      ...(part !== null && { part }),
    };
  }
}
