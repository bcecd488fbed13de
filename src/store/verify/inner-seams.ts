import type { TilePicture } from './tile-picture.ts';

/** A straight line of uncovered pixels inside a tile, one or two wide. */
export interface InnerSeam {
  readonly direction: 'vertical' | 'horizontal';
  /** Pixels. */
  readonly length: number;
  /** Where it begins, in pixels from the top left. */
  readonly column: number;
  readonly row: number;
}

/** How far a seam may be off the straight line between its ends, in pixels. */
const MAX_BEND = 1.5;

/** A line that is being followed: where it was in each row since it began. */
interface Line {
  readonly firstRow: number;
  readonly places: number[];
}

/**
 * Straight lines of one or two uncovered pixels between two covered ones on either side, as long as a quarter of the tile, up
 * to 45 degrees off its sides. Rivers and ragged borders of classes bend, and speckle does not last.
 */
export function innerSeams({ size, covered, isGuessed }: TilePicture): readonly InnerSeam[] {
  // Dark lines of a picture are no seams.
  if (covered === null || isGuessed) return [];
  const vertical = linesOf(covered, size, { across: 1, along: size });
  const horizontal = linesOf(covered, size, { across: size, along: 1 });
  return [
    ...vertical.map(({ firstRow, places }) => {
      return { direction: 'vertical' as const, length: places.length, column: places[0]!, row: firstRow };
    }),
    ...horizontal.map(({ firstRow, places }) => {
      return { direction: 'horizontal' as const, length: places.length, column: firstRow, row: places[0]! };
    }),
  ];
}

/** Lines from row to row, where `across` is the way to the next pixel of a row and `along` that to the next row. */
function linesOf(
  covered: Uint8Array,
  size: number,
  { across, along }: { readonly across: number; readonly along: number },
): readonly Line[] {
  const found: Line[] = [];
  const end = (line: Line): void => {
    if (line.places.length * 4 >= size && isStraight(line.places)) found.push(line);
  };
  let open: Line[] = [];
  for (let row = 0; row < size; row++) {
    const next: Line[] = [];
    for (const place of gapsOf(covered, size, row * along, across)) {
      const at = open.findIndex(({ places }) => Math.abs(places.at(-1)! - place) <= 1);
      const [line] = at < 0 ? [{ firstRow: row, places: [] }] : open.splice(at, 1);
      line!.places.push(place);
      next.push(line!);
    }
    open.forEach(end);
    open = next;
  }
  open.forEach(end);
  return found;
}

/** Where a row of pixels has one or two uncovered ones between two covered ones on either side. */
function gapsOf(covered: Uint8Array, size: number, start: number, across: number): readonly number[] {
  const gaps: number[] = [];
  const isCovered = (place: number): boolean => covered[start + place * across] === 1;
  for (let place = 2; place + 2 < size; place++) {
    if (isCovered(place) || !isCovered(place - 1) || !isCovered(place - 2)) continue;
    const width = isCovered(place + 1) ? 1 : 2;
    if (place + width + 1 < size && isCovered(place + width) && isCovered(place + width + 1)) gaps.push(place);
    place += width;
  }
  return gaps;
}

function isStraight(places: readonly number[]): boolean {
  const [first, last] = [places[0]!, places.at(-1)!];
  const slope = places.length > 1 ? (last - first) / (places.length - 1) : 0;
  return places.every((place, i) => Math.abs(place - first - slope * i) <= MAX_BEND);
}
