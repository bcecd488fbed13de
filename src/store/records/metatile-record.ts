import type { MetatileInputs } from '../../render/metatile-inputs.ts';

export type { ChildInput, FileInput, SceneInput } from '../../render/metatile-inputs.ts';

export interface TileRecord {
  /** PMTiles tile ID. */
  readonly tileId: number;
  /** Bytes. */
  readonly length: number;
  /** First 32 hex digits of the SHA-256 of its bytes. */
  readonly digest: string;
}

/** What became of one metatile, and of what: a line of a tileset's records. */
export interface MetatileRecord {
  /** In the plan of the tileset. */
  readonly index: number;
  readonly inputs: MetatileInputs;
  /** Ascending by tile ID. */
  readonly tiles: readonly TileRecord[];
  /** Tile IDs, ascending: rendered, and nothing there. */
  readonly empty: readonly number[];
  /** Tile IDs, ascending, and error codes of tiles that failed. */
  readonly failed: readonly { readonly tileId: number; readonly code: string }[];
  /** 32 hex digits of the pixels that were handed on to another metatile; absent = none were. */
  readonly part?: string;
}
