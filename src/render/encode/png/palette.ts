import type { PaletteColour } from '../../../raster/raster.ts';

/** A palette of PNG has at most 256 entries (ISO 15948, 11.2.3). */
export const MAX_COLOURS = 256;

/** A palette and which of its entries each index that was found becomes. */
export interface Palette {
  readonly colours: readonly PaletteColour[];
  readonly places: Uint8Array;
}

/** Bits of an index: PNG packs 8, 4 or 2 pixels in a byte where the palette is short enough. */
export function bitsOfIndex(colourCount: number): 1 | 2 | 4 | 8 {
  return colourCount <= 2 ? 1 : colourCount <= 4 ? 2 : colourCount <= 16 ? 4 : 8;
}

/**
 * Puts the colours that a picture has in order: those that are not opaque come first, then from dark to light.
 * Neighbours in the palette look alike as far as they can, so that the filters of PNG work on the indices of a ramp.
 *
 * @param found - `red << 24 | green << 16 | blue << 8 | alpha`, each once
 */
export function sortPalette(found: Uint32Array): Palette {
  const order = Array.from(found.keys()).toSorted(
    (a, b) => rankOf(found[a]!) - rankOf(found[b]!) || found[a]! - found[b]!,
  );
  const places = new Uint8Array(MAX_COLOURS);
  order.forEach((from, to) => (places[from] = to));
  const colours = order.map((from): PaletteColour => {
    const colour = found[from]!;
    return [colour >>> 24, (colour >>> 16) & 255, (colour >>> 8) & 255, colour & 255];
  });
  return { colours, places };
}

/** Alpha, or luma of Rec. 601 in thousandths above all alphas. */
function rankOf(colour: number): number {
  const alpha = colour & 255;
  if (alpha !== 255) return alpha;
  return 256_000 + 299 * (colour >>> 24) + 587 * ((colour >>> 16) & 255) + 114 * ((colour >>> 8) & 255);
}

/** How a picture by index goes into a file. */
export interface IndexedPlan {
  /** Entries up to the highest that a pixel has. */
  readonly colours: readonly PaletteColour[];
  /** The entry of pixels under mask 0; null where there are none. */
  readonly hiddenIndex: number | null;
}

/**
 * Keeps every entry of a palette at its place and finds one for pixels under mask 0: the first that is transparent
 * already, else one behind the last, else the first that no pixel has.
 *
 * @param used - for each index 1 if a pixel has it that is seen, then the same of pixels under mask 0
 * @returns null if no entry is left for them
 * @throws RangeError if a pixel that is seen has an index beyond the palette
 */
export function planIndexed(palette: readonly PaletteColour[], used: Uint8Array): IndexedPlan | null {
  const highest = used.lastIndexOf(1, MAX_COLOURS - 1);
  if (highest >= palette.length) {
    throw new RangeError(`Writing indices of a palette of ${palette.length} colours: found index ${highest}`);
  }
  if (!used.includes(1, MAX_COLOURS)) return { colours: palette.slice(0, highest + 1), hiddenIndex: null };
  const transparent = palette.findIndex(([, , , alpha]) => alpha === 0);
  if (transparent >= 0) {
    return { colours: palette.slice(0, Math.max(highest, transparent) + 1), hiddenIndex: transparent };
  }
  const hiddenIndex = palette.length < MAX_COLOURS ? palette.length : used.subarray(0, MAX_COLOURS).indexOf(0);
  if (hiddenIndex < 0) return null;
  const colours = Array.from({ length: Math.max(highest, hiddenIndex) + 1 }, (_, n): PaletteColour =>
    n === hiddenIndex ? [0, 0, 0, 0] : palette[n]!,
  );
  return { colours, hiddenIndex };
}
