/** Symbol of the end of a block; lengths follow it (RFC 1951, 3.2.5). */
export const END_OF_BLOCK = 256;

/** A match is 3 to 258 bytes long and reaches back at most 32,768 (RFC 1951, 2). */
export const MAX_MATCH = 258;
export const MAX_DISTANCE = 32_768;

/** Literals and lengths, then distances: sizes of the two alphabets without the symbols that never occur. */
export const LITLEN_SYMBOLS = 286;
export const DISTANCE_SYMBOLS = 30;

/** Extra bits of the 29 length codes and the shortest length of each. */
export const LENGTH_EXTRA = Uint8Array.from({ length: 29 }, (_, i) => (i < 8 || i === 28 ? 0 : (i >> 2) - 1));
export const LENGTH_BASE = basesOf(LENGTH_EXTRA, 3);
LENGTH_BASE[28] = MAX_MATCH;

/** Extra bits of the 30 distance codes and the shortest distance of each. */
export const DISTANCE_EXTRA = Uint8Array.from({ length: DISTANCE_SYMBOLS }, (_, i) => (i < 4 ? 0 : (i >> 1) - 1));
export const DISTANCE_BASE = basesOf(DISTANCE_EXTRA, 1);

/** Code of each length; 258 has one of its own. */
export const CODE_OF_LENGTH = new Uint8Array(MAX_MATCH + 1);
for (let code = 0; code < 29; code++) CODE_OF_LENGTH.fill(code, LENGTH_BASE[code]);

/** Codes of distances 1 … 256 at `distance - 1`, of longer ones at `256 + ((distance - 1) >> 7)`. */
const CODE_OF_DISTANCE = new Uint8Array(512);
for (let code = 0; code < DISTANCE_SYMBOLS; code++) {
  const first = DISTANCE_BASE[code]! - 1;
  if (first < 256) CODE_OF_DISTANCE.fill(code, first, 256);
  CODE_OF_DISTANCE.fill(code, 256 + (first >> 7));
}

/** Code of a distance from 1 to 32,768. */
export function codeOfDistance(distance: number): number {
  const d = distance - 1;
  return CODE_OF_DISTANCE[d < 256 ? d : 256 + (d >> 7)]!;
}

function basesOf(extra: Uint8Array, first: number): Uint16Array {
  const bases = new Uint16Array(extra.length);
  let next = first;
  extra.forEach((bits, code) => {
    bases[code] = next;
    next += 1 << bits;
  });
  return bases;
}
