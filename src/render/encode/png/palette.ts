import type { Picture } from '../check-picture.ts';

/** The colours of a picture and which of them each pixel has. */
export interface Palette {
  /** `red << 24 | green << 16 | blue << 8 | alpha`; those that are not opaque come first, then from dark to light. */
  readonly colours: Uint32Array;
  /** Place in `colours` of each pixel, row-major. */
  readonly indices: Uint8Array;
}

/** A palette of PNG has at most 256 entries (ISO 15948, 11.2.3). */
const MAX_COLOURS = 256;
const HASH_BITS = 10;
const SLOTS = 1 << HASH_BITS;
const slots = new Int16Array(SLOTS);
const found = new Int32Array(MAX_COLOURS);

/**
 * Counts the colours of a picture; all pixels of mask 0 are one colour.
 *
 * Neighbours in the palette look alike as far as they can, so that the filters of PNG work on the indices of a ramp.
 *
 * @returns null as soon as there are more than `limit` (at most 256) colours, which in a photograph is after a few rows
 */
export function findPalette({ width, height, bands, mask }: Picture, limit: number): Palette | null {
  const [red, green, blue] = [bands[0]!, bands[1] ?? bands[0]!, bands[2] ?? bands[0]!];
  const indices = new Uint8Array(width * height);
  if (isEven(mask) && bands.every(isEven)) {
    return { colours: Uint32Array.of(colourOf(red[0]!, green[0]!, blue[0]!, mask[0]!)), indices };
  }
  slots.fill(-1);
  let count = 0;
  for (let i = 0; i < indices.length;) {
    const r = red[i]!;
    const g = green[i]!;
    const b = blue[i]!;
    const a = mask[i]!;
    const colour = colourOf(r, g, b, a);
    let slot = Math.imul(colour, 0x9e3779b1) >>> (32 - HASH_BITS);
    while (slots[slot]! >= 0 && found[slots[slot]!]! !== colour) slot = (slot + 1) & (SLOTS - 1);
    if (slots[slot]! < 0) {
      if (count === limit) return null;
      found[count] = colour;
      slots[slot] = count++;
    }
    const index = slots[slot]!;
    // Most pixels of a picture of few colours are like the one before.
    do indices[i++] = index;
    while (i < indices.length && red[i] === r && green[i] === g && blue[i] === b && mask[i] === a);
  }
  return sortPalette(Uint32Array.from(found.subarray(0, count)), indices);
}

function colourOf(red: number, green: number, blue: number, alpha: number): number {
  return alpha === 0 ? 0 : (red << 24) | (green << 16) | (blue << 8) | alpha;
}

/** True if all bytes are the same: compared with themselves one further, which the C library does at once. */
export function isEven(bytes: Uint8Array): boolean {
  return Buffer.compare(bytes.subarray(1), bytes.subarray(0, -1)) === 0;
}

function sortPalette(colours: Uint32Array, indices: Uint8Array): Palette {
  const rank = (colour: number): number => ((colour & 255) === 255 ? 256_000 + lightness(colour) : colour & 255);
  const order = Array.from(colours.keys()).sort(
    (a, b) => rank(colours[a]!) - rank(colours[b]!) || colours[a]! - colours[b]!,
  );
  const places = new Uint8Array(MAX_COLOURS);
  order.forEach((from, to) => (places[from] = to));
  if (order.some((from, to) => from !== to)) renumber(indices, places);
  return { colours: Uint32Array.from(order, (from) => colours[from]!), indices };
}

function renumber(indices: Uint8Array, places: Uint8Array): void {
  for (let i = 0; i < indices.length; i++) indices[i] = places[indices[i]!]!;
}

/** Luma of Rec. 601 in thousandths. */
function lightness(colour: number): number {
  return 299 * (colour >>> 24) + 587 * ((colour >>> 16) & 255) + 114 * ((colour >>> 8) & 255);
}

/** Bits of an index: PNG packs 8, 4 or 2 pixels in a byte where the palette is short enough. */
export function bitsOfIndex(colourCount: number): 1 | 2 | 4 | 8 {
  return colourCount <= 2 ? 1 : colourCount <= 4 ? 2 : colourCount <= 16 ? 4 : 8;
}

/** Packs indices of 1, 2 or 4 bits, leftmost pixel in the highest bits; each row begins at a full byte. */
export function packIndices(indices: Uint8Array, width: number, bits: 1 | 2 | 4): Uint8Array {
  const perByte = 8 / bits;
  const rowBytes = Math.ceil(width / perByte);
  const height = indices.length / width;
  const packed = new Uint8Array(rowBytes * height);
  if (bits === 4 && width % 2 === 0) {
    for (let at = 0, from = 0; at < packed.length; at++, from += 2) {
      packed[at] = (indices[from]! << 4) | indices[from + 1]!;
    }
    return packed;
  }
  for (let row = 0, from = 0; row < height; row++) {
    for (let at = row * rowBytes; at < (row + 1) * rowBytes; at++) {
      const end = Math.min(from + perByte, (row + 1) * width);
      let value = 0;
      for (let shift = 8 - bits; from < end; shift -= bits) value |= indices[from++]! << shift;
      packed[at] = value;
    }
  }
  return packed;
}
