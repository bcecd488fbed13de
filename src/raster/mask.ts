import type { Samples } from './raster.ts';

const ALL_ONES = -1;

/** Shorter spans are cleared sample by sample, as in speckle a call for each would be slow. */
const MIN_FILL = 16;

/** True if every pixel of a mask is 255. */
export function isOpaque(mask: Uint8Array): boolean {
  return isAll(mask, 255, ALL_ONES);
}

/** True if no pixel of a mask is above 0. */
export function isBlank(mask: Uint8Array): boolean {
  return isAll(mask, 0, 0);
}

/** Four at a time, as most masks are looked at and all of it is the same. */
function isAll(mask: Uint8Array, value: number, four: number): boolean {
  const words = wordsOf(mask);
  if (countSame(words, four) < words.length) return false;
  for (let i = 4 * words.length; i < mask.length; i++) if (mask[i] !== value) return false;
  return true;
}

/**
 * How many words there are before the first that is not the given one. A loop and nothing else: V8 begins to run a loop that
 * it has compiled in its midst, and gives up what it has compiled at any code behind it that has never run.
 */
export function countSame(words: Int32Array, word: number): number {
  let n = 0;
  while (n < words.length && words[n] === word) n++;
  return n;
}

/** How many pixels of a mask are 255. */
export function countOpaque(mask: Uint8Array): number {
  const words = wordsOf(mask);
  return countOpaqueIn(words) + countOpaqueFrom(mask, 4 * words.length);
}

function countOpaqueIn(words: Int32Array): number {
  let count = 0;
  for (let n = 0; n < words.length; n++) {
    const word = words[n]!;
    if (word === ALL_ONES) count += 4;
    else if (word !== 0) for (let shift = 0; shift < 32; shift += 8) if (((word >>> shift) & 255) === 255) count++;
  }
  return count;
}

function countOpaqueFrom(mask: Uint8Array, from: number): number {
  let count = 0;
  for (let i = from; i < mask.length; i++) if (mask[i] === 255) count++;
  return count;
}

/**
 * Sets the samples of all bands under mask 0 to 0, span by span: what is masked lies together mostly.
 *
 * @returns how many pixels have mask 0
 */
export function clearMasked(bands: readonly Samples[], mask: Uint8Array): number {
  const words = wordsOf(mask);
  let masked = 0;
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] !== 0) {
      if (i % 4 === 0 && words[i >> 2] === ALL_ONES) i += 3;
      continue;
    }
    const from = i;
    while (i < mask.length && mask[i] === 0) i += i % 4 === 0 && words[i >> 2] === 0 ? 4 : 1;
    for (let b = 0; b < bands.length; b++) {
      const band = bands[b]!;
      if (i - from >= MIN_FILL) band.fill(0, from, i);
      else for (let n = from; n < i; n++) band[n] = 0;
    }
    masked += i - from;
  }
  return masked;
}

/** A mask in fours, without what is left over; nothing if it does not begin where words do. */
export function wordsOf({ buffer, byteOffset, length }: Uint8Array): Int32Array {
  return byteOffset % 4 === 0 ? new Int32Array(buffer, byteOffset, length >> 2) : NO_WORDS;
}

const NO_WORDS = new Int32Array(0);
