// The symbols of deflate (RFC 1951, 3.2.5).

/** Symbol of the end of a block; lengths follow it. */
export const END_OF_BLOCK: i32 = 256;

/** A match is 3 to 258 bytes long and reaches back at most 32,768 (RFC 1951, 2). */
export const MAX_MATCH: i32 = 258;
export const MAX_DISTANCE: i32 = 32_768;

/** Literals and lengths, then distances: sizes of the two alphabets without the symbols that never occur. */
export const LITLEN_SYMBOLS: i32 = 286;
export const DISTANCE_SYMBOLS: i32 = 30;

/** Code of a match's length; 258 has one of its own. */
@inline
export function codeOfLength(length: i32): i32 {
  const rest = length - 3;
  const extra = rest < 4 ? 0 : 29 - clz(rest);
  return length == MAX_MATCH ? 28 : (extra << 2) + (rest >> extra);
}

/** Extra bits of each of the 29 codes of lengths; what they say is the lowest bits of `length - 3`. */
@inline
export function extraOfLengthCode(code: i32): i32 {
  return code < 8 || code == 28 ? 0 : (code >> 2) - 1;
}

/** Code of a distance. */
@inline
export function codeOfDistance(distance: i32): i32 {
  const rest = distance - 1;
  const extra = rest < 2 ? 0 : 30 - clz(rest);
  return (extra << 1) + (rest >> extra);
}

/** Extra bits of each of the 30 codes of distances; what they say is the lowest bits of `distance - 1`. */
@inline
export function extraOfDistanceCode(code: i32): i32 {
  return code < 4 ? 0 : (code >> 1) - 1;
}
