/** The address of one tile in a tile matrix set: zoom, column from the west, row from the north (XYZ). */
export interface Tile {
  readonly z: number;
  readonly x: number;
  readonly y: number;
}
