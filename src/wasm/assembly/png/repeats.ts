import { HASH_BITS, HEADS, PREVIOUS } from './memory';
import { matchLength, pushSequence } from './sequences';
import { MAX_DISTANCE, MAX_MATCH } from './symbols';

/**
 * Places looked at for a match, beside those in the row above. They are found by their first seven bytes, though a match
 * may be shorter: fewer places, and all worth a look.
 */
const DEPTH: i32 = 12;
/** A match of this length is taken without looking whether the next byte begins a longer one. */
const SURE_MATCH: i32 = 64;
/** Four bytes from further away take as many bits as a match as they do by themselves. */
const FAR_DISTANCE: i32 = 512;

let start: usize = 0;
let limitOfAll: usize = 0;
let rowLength: i32 = 0;

/**
 * Splits unfiltered rows into literals and matches: several places where the same bytes were seen are looked at, every
 * byte is such a place, and a match is put off if the next byte begins a longer one. For the indices of a palette,
 * which repeat in more ways than `findMatches` looks for; a third to a tenth as many bytes as the colours would be, they
 * are worth the time.
 */
export function findRepeats(base: usize, length: i32, rowBytes: i32): void {
  // Places count from one window ahead of the first byte, so that a slot that was not filled is out of reach.
  start = base - MAX_DISTANCE - 1;
  limitOfAll = base + length;
  rowLength = rowBytes;
  memory.fill(HEADS, 0, 4 << HASH_BITS);
  const last = limitOfAll - 4;
  let done = base;
  let held: u32 = 0;
  let at = base;
  for (; at <= last; at++) {
    const match = longestMatch(base, at, held >>> 16);
    if (held != 0 && match == 0) {
      // The match that was put off, which begins one byte back, stands.
      pushSequence(<i32>(at - 1 - done), held);
      done = at - 1 + (held >>> 16);
      for (at++; at < done && at <= last; at++) remember(at);
      at = done - 1;
      held = 0;
    } else if (<i32>(match >>> 16) >= SURE_MATCH) {
      pushSequence(<i32>(at - done), match);
      done = at + (match >>> 16);
      for (at++; at < done && at <= last; at++) remember(at);
      at = done - 1;
      held = 0;
    } else held = match;
  }
  if (held != 0) {
    pushSequence(<i32>(at - 1 - done), held);
    done = at - 1 + (held >>> 16);
  }
  pushSequence(<i32>(limitOfAll - done), 0);
}

/** Notes where seven bytes are; gives where they, or others of their slot, were last. */
@inline
function remember(at: usize): u32 {
  const slot = HEADS + ((<usize>(((load<u64>(at) << 8) * 0x9e3779b97f4a7c15) >> (64 - HASH_BITS))) << 2);
  const before = load<u32>(slot);
  const place = <u32>(at - start);
  store<u32>(slot, place);
  store<u32>(PREVIOUS + ((place & (MAX_DISTANCE - 1)) << 2), before);
  return before;
}

/** The longest match at `at` that is longer than `least`, as `length << 16 | distance`; 0 = none. */
function longestMatch(base: usize, at: usize, least: i32): u32 {
  const four = load<u32>(at);
  const limit = <i32>min(<usize>MAX_MATCH, limitOfAll - at);
  let best = max(3, least);
  let distance = 0;
  let place = remember(at);
  // In a run the pixel before is as long a match and takes fewer bits.
  if (load<u8>(at - 1) != load<u8>(at)) {
    for (let back = rowLength - 1; back <= rowLength + 1; back++) {
      const above = at - back;
      if (above < base || load<u8>(above + best) != load<u8>(at + best) || load<u32>(above) != four) continue;
      const found = matchLength(at, back, limitOfAll);
      if (found > best) {
        best = found;
        distance = back;
      }
    }
  }
  for (let depth = DEPTH; depth > 0 && best < limit; depth--) {
    const from = start + place;
    const back = <i32>(at - from);
    if (back >= MAX_DISTANCE) break;
    if (load<u8>(from + best) == load<u8>(at + best) && load<u32>(from) == four) {
      const found = matchLength(at, back, limitOfAll);
      if (found > best && (found > 4 || back < FAR_DISTANCE)) {
        best = found;
        distance = back;
      }
    }
    place = load<u32>(PREVIOUS + ((place & (MAX_DISTANCE - 1)) << 2));
  }
  return distance == 0 ? 0 : (<u32>best << 16) | distance;
}
