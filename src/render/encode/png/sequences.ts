import { MAX_MATCH } from './deflate-tables.ts';

/**
 * What a block of deflate says, in order: each entry is a run of literals and the match after it.
 *
 * `runs[i]` counts the literals, `matches[i]` is `length << 16 | distance`, or 0 for none. The literals themselves stay
 * in the bytes that were matched, so that they are neither copied nor written twice.
 */
export interface Sequences {
  runs: Uint32Array;
  matches: Uint32Array;
  count: number;
}

/** A run of literals is cut here, so that blocks can end within it. */
export const MAX_RUN = 16_384;

/** Room for the sequences of so many bytes; a match has at least 3. */
export function createSequences(length: number): Sequences {
  const room = Math.ceil(length / 3) + Math.ceil(length / MAX_RUN) + 2;
  return { runs: new Uint32Array(room), matches: new Uint32Array(room), count: 0 };
}

/** Appends literals and the match after them; a run longer than `MAX_RUN` becomes several. */
export function pushSequence(sequences: Sequences, run: number, match: number): void {
  let rest = run;
  for (; rest > MAX_RUN; rest -= MAX_RUN) {
    sequences.runs[sequences.count] = MAX_RUN;
    sequences.matches[sequences.count++] = 0;
  }
  sequences.runs[sequences.count] = rest;
  sequences.matches[sequences.count++] = match;
}

/** Length of the match at `at`, of which the first four bytes are known to be equal. */
export function matchLength(bytes: Uint8Array, at: number, distance: number, length: number): number {
  const limit = Math.min(length, at + MAX_MATCH);
  let end = at + 4;
  while (end < limit && bytes[end] === bytes[end - distance]) end++;
  return end - at;
}
