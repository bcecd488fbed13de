/**
 * The Hilbert curve through a quadtree, as PMTiles numbers tiles: one square, entered in one of four orientations, is
 * left through its quadrants one after the other. Everything here is tables over (orientation, quadrant); walking a
 * quadtree in curve order, ranking and selecting are descents that carry an orientation along.
 *
 * The orientations of the squares of a zoom do not depend on how far the curve is drawn below them, so the order of
 * metatiles is the order of their first tiles.
 *
 * @see PMTiles version 3 specification, section 4.1
 */

/** How the curve runs through a square: bit 0 = columns and rows swapped, bit 1 = both mirrored. */
export type Orientation = number;

/** The orientation of the square of zoom 0. */
export const ROOT_ORIENTATION: Orientation = 0;

/** The quadrants of the plain orientation in the order of the curve, as (column, row): down, right, up. */
const PLAIN_COLUMN = [0, 0, 1, 1];
const PLAIN_ROW = [0, 1, 1, 0];

const COLUMN = new Uint8Array(16);
const ROW = new Uint8Array(16);
const NEXT = new Uint8Array(16);
const RANK = new Uint8Array(16);

for (let orientation = 0; orientation < 4; orientation++) {
  const mirror = orientation >> 1;
  for (let rank = 0; rank < 4; rank++) {
    const plainColumn = PLAIN_COLUMN[rank]!;
    const plainRow = PLAIN_ROW[rank]!;
    const isSwapped = (orientation & 1) === 1;
    const column = (isSwapped ? plainRow : plainColumn) ^ mirror;
    const row = (isSwapped ? plainColumn : plainRow) ^ mirror;
    const turn = plainRow === 1 ? 0 : plainColumn === 1 ? 3 : 1;
    COLUMN[orientation * 4 + rank] = column;
    ROW[orientation * 4 + rank] = row;
    NEXT[orientation * 4 + rank] = orientation ^ turn;
    RANK[orientation * 4 + row * 2 + column] = rank;
  }
}

/** Column, 0 or 1, of the quadrant that the curve visits as number `rank`, 0 to 3. */
export function quadrantColumn(orientation: Orientation, rank: number): number {
  return COLUMN[orientation * 4 + rank]!;
}

/** Row, 0 or 1, of the quadrant that the curve visits as number `rank`, 0 to 3. */
export function quadrantRow(orientation: Orientation, rank: number): number {
  return ROW[orientation * 4 + rank]!;
}

/** The orientation in which the curve runs through the quadrant that it visits as number `rank`, 0 to 3. */
export function quadrantOrientation(orientation: Orientation, rank: number): Orientation {
  return NEXT[orientation * 4 + rank]!;
}

/** As which number, 0 to 3, the curve visits the quadrant in a column and row, 0 or 1 each. */
function quadrantRank(orientation: Orientation, column: number, row: number): number {
  return RANK[orientation * 4 + row * 2 + column]!;
}

/** A bit of a number that may be wider than 32 bits. */
function bitAt(value: number, bit: number): number {
  return Math.floor(value / 2 ** bit) % 2;
}

/** How the curve runs through square (x, y) of a zoom, and how many squares of that zoom come before it. */
export function hilbertAt(
  z: number,
  x: number,
  y: number,
): { readonly rank: number; readonly orientation: Orientation } {
  let rank = 0;
  let orientation = ROOT_ORIENTATION;
  for (let bit = z - 1; bit >= 0; bit--) {
    const quadrant = quadrantRank(orientation, bitAt(x, bit), bitAt(y, bit));
    rank = rank * 4 + quadrant;
    orientation = quadrantOrientation(orientation, quadrant);
  }
  return { rank, orientation };
}

/**
 * The square that the curve visits as number `rank`, `depth` levels below a square entered in `orientation`: its column
 * and row within that square.
 */
export function hilbertSquare(
  depth: number,
  rank: number,
  orientation: Orientation = ROOT_ORIENTATION,
): { readonly x: number; readonly y: number } {
  let [x, y, current] = [0, 0, orientation];
  for (let level = depth - 1; level >= 0; level--) {
    const quadrant = Math.floor(rank / 4 ** level) % 4;
    x = x * 2 + quadrantColumn(current, quadrant);
    y = y * 2 + quadrantRow(current, quadrant);
    current = quadrantOrientation(current, quadrant);
  }
  return { x, y };
}
