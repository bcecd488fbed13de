import { TilerError } from '../errors.ts';

/** The address of one tile in a tile matrix set: zoom, column from the west, row from the north (XYZ). */
export interface Tile {
  readonly z: number;
  readonly x: number;
  readonly y: number;
}

/** The last zoom of an address: column and row stay within 32 bits, so shifts and typed arrays may hold them. */
const MAXZOOM = 30;

/** True if the tile matrix set has that address: whole numbers, zoom 0 to 30, column and row from 0 to 2^z - 1. */
export function isValid({ z, x, y }: Tile): boolean {
  const n = 2 ** z;
  return (
    Number.isInteger(z) &&
    z >= 0 &&
    z <= MAXZOOM &&
    Number.isInteger(x) &&
    x >= 0 &&
    x < n &&
    Number.isInteger(y) &&
    y >= 0 &&
    y < n
  );
}

/** The tile of the zoom above that holds this one; null at zoom 0. */
export function parent({ z, x, y }: Tile): Tile | null {
  return z === 0 ? null : { z: z - 1, x: Math.floor(x / 2), y: Math.floor(y / 2) };
}

/** The four tiles of the next zoom that this one consists of, row by row from the top left. */
export function children(tile: Tile): readonly [Tile, Tile, Tile, Tile] {
  const z = tile.z + 1;
  const x = tile.x * 2;
  const y = tile.y * 2;
  return [
    { z, x, y },
    { z, x: x + 1, y },
    { z, x, y: y + 1 },
    { z, x: x + 1, y: y + 1 },
  ];
}

/** The address as text, `z/x/y`: how tiles are named in messages, URLs and stores. */
export function tilePath({ z, x, y }: Tile): string {
  return `${z}/${x}/${y}`;
}

/**
 * Reads an address written as `z/x/y`.
 *
 * @throws TilerError `REQUEST_INVALID` if the text is not of that form, `TILE_OUT_OF_RANGE` if there is no such tile
 */
export function parseTile(text: string): Tile {
  const [, z, x, y] = /^(\d{1,9})\/(\d{1,10})\/(\d{1,10})$/.exec(text) ?? [];
  if (z === undefined || x === undefined || y === undefined) {
    throw new TilerError('REQUEST_INVALID', `Tile ${JSON.stringify(text)}: expected Z/X/Y, three whole numbers`);
  }
  const tile: Tile = { z: Number(z), x: Number(x), y: Number(y) };
  assertTile(tile);
  return tile;
}

/**
 * Passes if the tile matrix set has that address.
 *
 * @throws TilerError `TILE_OUT_OF_RANGE` with what was found and what there is
 */
export function assertTile(tile: Tile): void {
  if (isValid(tile)) {
    return;
  }
  const { z } = tile;
  const isZoom = Number.isInteger(z) && z >= 0 && z <= MAXZOOM;
  const expected = isZoom ? `column and row from 0 to ${2 ** z - 1} at zoom ${z}` : `a zoom from 0 to ${MAXZOOM}`;
  throw new TilerError('TILE_OUT_OF_RANGE', `Tile ${tilePath(tile)} does not exist: expected ${expected}`, {
    context: { tile: tilePath(tile) },
  });
}
