import { tileFromTileId, tileIdFromTile } from '../../tms/tile-id.ts';
import type { Tile } from '../../tms/tile.ts';

/** What the tile beyond an edge of the world is: there is none to the north and south; to the west and east it goes round. */
function tileBeside({ z, x, y }: Tile, dx: number, dy: number): Tile | null {
  const n = 2 ** z;
  const row = y + dy;
  return row < 0 || row >= n ? null : { z, x: (x + dx + n) % n, y: row };
}

const BESIDE = [
  [-1, 0],
  [0, -1],
  [0, 1],
  [1, 0],
] as const;

const AROUND = [...BESIDE, [-1, -1], [1, -1], [-1, 1], [1, 1]] as const;

/** Tile IDs of the tiles beyond the west, north, south and east side of a tile; null where the world ends. */
export function besideOf(tileId: number): readonly (number | null)[] {
  return neighboursOf(tileId, BESIDE);
}

/** Tile IDs of the eight tiles around a tile; null where the world ends. */
export function aroundOf(tileId: number): readonly (number | null)[] {
  return neighboursOf(tileId, AROUND);
}

function neighboursOf(tileId: number, steps: readonly (readonly [number, number])[]): readonly (number | null)[] {
  const tile = tileFromTileId(tileId);
  return steps.map(([dx, dy]) => {
    const beside = tileBeside(tile, dx, dy);
    return beside === null ? null : tileIdFromTile(beside);
  });
}

/** The tile as people read it. */
export function nameOf(tileId: number): string {
  const { z, x, y } = tileFromTileId(tileId);
  return `${z}/${x}/${y}`;
}
