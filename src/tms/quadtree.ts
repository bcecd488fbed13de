import { quadrantColumn, quadrantOrientation, quadrantRow, ROOT_ORIENTATION } from './hilbert.ts';
import type { Orientation } from './hilbert.ts';

/** A square of the quadtree on the way down along the Hilbert curve, with what is known of it. */
export interface Square<T> {
  readonly z: number;
  readonly x: number;
  readonly y: number;
  readonly orientation: Orientation;
  readonly known: T;
}

/** The square that a descent begins with: the world. */
export function rootSquare<T>(known: T): Square<T> {
  return { z: 0, x: 0, y: 0, orientation: ROOT_ORIENTATION, known };
}

/** Puts the quadrants of a square on a stack, so that they are taken off in the order of the curve. */
export function pushQuadrants<T>(stack: Square<T>[], { z, x, y, orientation }: Square<T>, known: T): void {
  for (let rank = 3; rank >= 0; rank--) {
    stack.push({
      z: z + 1,
      x: x * 2 + quadrantColumn(orientation, rank),
      y: y * 2 + quadrantRow(orientation, rank),
      orientation: quadrantOrientation(orientation, rank),
      known,
    });
  }
}
