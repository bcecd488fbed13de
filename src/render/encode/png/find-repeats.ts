import { MAX_DISTANCE, MAX_MATCH } from './deflate-tables.ts';
import { matchLength, pushSequence } from './sequences.ts';
import type { Sequences } from './sequences.ts';

const HASH_BITS = 13;
/** Places looked at for a match. */
const DEPTH = 8;
/** A match of this length is taken without looking whether the next byte begins a longer one. */
const SURE_MATCH = 64;
/** Four bytes from further away take as many bits as a match as they do by themselves. */
const FAR_DISTANCE = 512;
const NOWHERE = -MAX_DISTANCE - 1;

/** The last place of each four bytes, and the place before each place. */
const heads = new Int32Array(1 << HASH_BITS);
const previous = new Int32Array(MAX_DISTANCE);

/**
 * Splits unfiltered rows into literals and matches: several places where the same four bytes were seen are looked at,
 * every byte is such a place, and a match is put off if the next byte begins a longer one. For the indices of a palette,
 * which repeat in more ways than `findMatches` looks for; a third to a tenth as many bytes as the colours would be, they
 * are worth the time.
 *
 * @param view - of the same bytes
 */
export function findRepeats(
  bytes: Uint8Array,
  view: DataView,
  length: number,
  rowBytes: number,
  sequences: Sequences,
): void {
  heads.fill(NOWHERE);
  sequences.count = 0;
  const last = length - 4;
  let start = 0;
  let held = 0;
  let at = 0;
  for (; at <= last; at++) {
    const match = longestMatch(bytes, view, length, rowBytes, at, held >>> 16);
    if (held !== 0 && match === 0) {
      // The match that was put off, which begins one byte back, stands.
      pushSequence(sequences, at - 1 - start, held);
      start = at - 1 + (held >>> 16);
      for (at++; at < start && at <= last; at++) remember(view, at);
      at = start - 1;
      held = 0;
    } else if (match >>> 16 >= SURE_MATCH) {
      pushSequence(sequences, at - start, match);
      start = at + (match >>> 16);
      for (at++; at < start && at <= last; at++) remember(view, at);
      at = start - 1;
      held = 0;
    } else held = match;
  }
  if (held !== 0) {
    pushSequence(sequences, at - 1 - start, held);
    start = at - 1 + (held >>> 16);
  }
  pushSequence(sequences, length - start, 0);
}

/** Notes where four bytes are; gives where they, or others of their slot, were last. */
function remember(view: DataView, at: number): number {
  const slot = Math.imul(view.getInt32(at, true), 0x9e3779b1) >>> (32 - HASH_BITS);
  const before = heads[slot]!;
  heads[slot] = at;
  previous[at & (MAX_DISTANCE - 1)] = before;
  return before;
}

/** The longest match at `at` that is longer than `least`, as `length << 16 | distance`; 0 = none. */
function longestMatch(
  bytes: Uint8Array,
  view: DataView,
  length: number,
  rowBytes: number,
  at: number,
  least: number,
): number {
  const four = view.getInt32(at, true);
  const limit = Math.min(MAX_MATCH, length - at);
  let best = Math.max(3, least);
  let distance = 0;
  let place = remember(view, at);
  // In a run the pixel before is as long a match and takes fewer bits.
  if (at >= rowBytes && bytes[at - 1] !== bytes[at] && view.getInt32(at - rowBytes, true) === four) {
    const found = matchLength(bytes, at, rowBytes, length);
    if (found > best) {
      best = found;
      distance = rowBytes;
    }
  }
  for (let depth = DEPTH; depth > 0 && at - place < MAX_DISTANCE && best < limit; depth--) {
    if (bytes[place + best] === bytes[at + best] && view.getInt32(place, true) === four) {
      const found = matchLength(bytes, at, at - place, length);
      if (found > best && (found > 4 || at - place < FAR_DISTANCE)) {
        best = found;
        distance = at - place;
      }
    }
    place = previous[place & (MAX_DISTANCE - 1)]!;
  }
  return distance === 0 ? 0 : (best << 16) | distance;
}
