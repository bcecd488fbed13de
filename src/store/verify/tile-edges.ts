import type { TilePicture } from './tile-picture.ts';

/** The sides of a tile: west, north, south, east; the one opposite of side n is side 3 - n. */
type Side = 0 | 1 | 2 | 3;

/** Rows of pixels along an edge that are looked at: a seam of two, and two covered ones beside it. */
const DEPTH = 4;

/**
 * What is kept of a tile at one of its sides until the tile beyond is there: along the edge from west to east or from north to
 * south, 400 bytes for a tile of 256 pixels.
 */
export interface TileEdge {
  readonly size: number;
  readonly isGuessed: boolean;
  /** Covered pixels, one bit each; the row of pixels at the edge first, then the next ones inwards. */
  readonly covered: readonly Uint32Array[];
  /** Brightness of the pixels at the edge. */
  readonly light: Uint8Array;
  /** The largest mean difference between two neighbouring rows of pixels of the tile that are parallel to the edge. */
  readonly largestStep: number;
}

/** What lies at the four sides of a tile, in their order. */
export function edgesOf(picture: TilePicture): readonly TileEdge[] {
  const { size, isGuessed, light } = picture;
  const [acrossColumns, acrossRows] = [largestStep(picture, size, 1), largestStep(picture, 1, size)];
  return ([0, 1, 2, 3] as const).map((side) => {
    const { start, along, inwards } = walkOf(size, side);
    const covered = Array.from({ length: DEPTH }, (_, depth) => bitsOf(picture, start + depth * inwards, along));
    const edge = new Uint8Array(size);
    for (let i = 0; i < size; i++) edge[i] = light[start + i * along]!;
    return { size, isGuessed, covered, light: edge, largestStep: along === size ? acrossColumns : acrossRows };
  });
}

/** Where the pixels of a side begin, the way to the next one along it, and the way into the tile. */
function walkOf(
  size: number,
  side: Side,
): { readonly start: number; readonly along: number; readonly inwards: number } {
  const last = size - 1;
  const walks = [
    { start: 0, along: size, inwards: 1 },
    { start: 0, along: 1, inwards: size },
    { start: size * last, along: 1, inwards: -size },
    { start: last, along: size, inwards: -1 },
  ] as const;
  return walks[side];
}

function bitsOf({ size, covered }: TilePicture, start: number, along: number): Uint32Array {
  const bits = new Uint32Array(Math.ceil(size / 32));
  if (covered === null) bits.fill(0xffffffff);
  else for (let i = 0; i < size; i++) if (covered[start + i * along] === 1) bits[i >> 5]! |= 1 << (i & 31);
  const beyond = size & 31;
  if (beyond > 0) bits[bits.length - 1]! &= (1 << beyond) - 1;
  return bits;
}

/** Over all pairs of neighbouring rows of pixels, of which a quarter is covered in both, the largest mean difference. */
function largestStep({ size, covered, light }: TilePicture, along: number, across: number): number {
  let largest = 0;
  for (let row = 0; row + 1 < size; row++) {
    let [sum, count] = [0, 0];
    for (let i = 0, at = row * across; i < size; i++, at += along) {
      if (covered !== null && (covered[at] === 0 || covered[at + across] === 0)) continue;
      sum += Math.abs(light[at]! - light[at + across]!);
      count++;
    }
    if (count * 4 >= size) largest = Math.max(largest, sum / count);
  }
  return largest;
}

/** What the edge between two tiles turned out to be. */
export interface ComparedEdges {
  /** Pixels along the edge of the longest seam; 0 = none that counts. */
  readonly seam: number;
  /** Whether the picture goes on across the edge; null = it cannot be told. */
  readonly jumps: boolean | null;
}

/**
 * Compares the two sides of an edge that tiles share.
 *
 * A seam: one or two rows of uncovered pixels in all, at the edge, with two covered ones on either side, over a sixteenth of
 * the edge in one piece; over a quarter where coverage is guessed from colour.
 *
 * A jump: the mean difference across the edge is above 8 of 255, and more than twice the largest one between neighbouring
 * rows of pixels inside of either tile. Where a quarter of the edge is not covered on both sides, or a tile has no texture,
 * it cannot be told.
 */
export function compareEdges(one: TileEdge, other: TileEdge): ComparedEdges {
  if (one.size !== other.size) return { seam: 0, jumps: null };
  const seam = longestRun(seamBits(one.covered, other.covered), one.size);
  const least = one.size / (one.isGuessed || other.isGuessed ? 4 : 16);
  return { seam: seam >= least ? seam : 0, jumps: jumps(one, other) };
}

/** A bit for each place along an edge that has one or two uncovered pixels between two covered ones on either side. */
function seamBits(a: readonly Uint32Array[], b: readonly Uint32Array[]): Uint32Array {
  const [a0, a1, a2, a3] = a as readonly [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  const [b0, b1, b2, b3] = b as readonly [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  return a0.map((_, i) => {
    const [p0, p1, p2, p3] = [a0[i]!, a1[i]!, a2[i]!, a3[i]!];
    const [q0, q1, q2, q3] = [b0[i]!, b1[i]!, b2[i]!, b3[i]!];
    const [aSide, bSide] = [p0 & p1, q0 & q1];
    return (
      (~p0 & p1 & p2 & bSide) |
      (~q0 & q1 & q2 & aSide) |
      (~p0 & ~p1 & p2 & p3 & bSide) |
      (~q0 & ~q1 & q2 & q3 & aSide) |
      (~p0 & p1 & p2 & ~q0 & q1 & q2)
    );
  });
}

function longestRun(bits: Uint32Array, size: number): number {
  if (bits.every((word) => word === 0)) return 0;
  let [longest, run] = [0, 0];
  for (let i = 0; i < size; i++) {
    run = (bits[i >> 5]! >>> (i & 31)) & 1 ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}

/** Smaller differences across an edge are nothing that anybody sees. */
const LEAST_JUMP = 8;

function jumps(one: TileEdge, other: TileEdge): boolean | null {
  if (one.largestStep < 1 || other.largestStep < 1) return null;
  const [a, b] = [one.covered[0]!, other.covered[0]!];
  let [sum, count] = [0, 0];
  for (let i = 0; i < one.size; i++) {
    if (((a[i >> 5]! & b[i >> 5]!) >>> (i & 31)) % 2 === 0) continue;
    sum += Math.abs(one.light[i]! - other.light[i]!);
    count++;
  }
  if (count * 4 < one.size) return null;
  return sum / count > Math.max(LEAST_JUMP, 2 * one.largestStep, 2 * other.largestStep);
}
