import { array, constantFrom, integer, oneof, record } from 'fast-check';
import type { IdentifiedTile } from './memory-archive.ts';

/** Contents of one byte repeated: some alike, some small enough to be shared and some not. */
const contentArbitrary = record({
  value: integer({ min: 0, max: 5 }),
  length: oneof(integer({ min: 1, max: 12 }), constantFrom(4_095, 4_096, 4_097, 9_000)),
}).map(({ value, length }) => new Uint8Array(length).fill(value));

/** Tiles of zooms 0 to 12, many of them neighbours. */
export const tilesArbitrary = array(
  record({
    start: oneof(integer({ min: 0, max: 400 }), integer({ min: 0, max: 22_369_620 })),
    run: integer({ min: 1, max: 9 }),
    bytes: contentArbitrary,
  }),
  { minLength: 1, maxLength: 40 },
).map((stretches) => {
  const tiles = new Map<number, Uint8Array>();
  for (const { start, run, bytes } of stretches) for (let n = 0; n < run; n++) tiles.set(start + n, bytes);
  return [...tiles].map(([tileId, bytes]): IdentifiedTile => ({ tileId, bytes })).sort((a, b) => a.tileId - b.tileId);
});
