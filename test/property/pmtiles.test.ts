import {
  assert as assertProperty,
  array,
  asyncProperty,
  constantFrom,
  integer,
  maxSafeNat,
  nat,
  oneof,
  property,
  record,
} from 'fast-check';
import { tileIdToZxy, zxyToTileId } from 'pmtiles';
import { describe, expect, test } from 'vitest';
import { ArchiveReader } from '../../src/store/pmtiles/archive-reader.ts';
import { ArchiveWriter } from '../../src/store/pmtiles/archive-writer.ts';
import { assembleArchive } from '../../src/store/pmtiles/assemble-archive.ts';
import { VarintReader, VarintWriter } from '../../src/store/pmtiles/varint.ts';
import { tileFromTileId, tileIdFromTile } from '../../src/tms/tile-id.ts';
import {
  DESCRIPTION,
  MemorySink,
  archiveOf,
  memoryRangeSource,
  memorySegments,
  referenceReader,
} from '../support/memory-archive.ts';
import type { IdentifiedTile } from '../support/memory-archive.ts';

const signal = new AbortController().signal;

/** Contents of one byte repeated: some alike, some small enough to be shared and some not. */
const contentArbitrary = record({
  value: integer({ min: 0, max: 5 }),
  length: oneof(integer({ min: 1, max: 12 }), constantFrom(4_095, 4_096, 4_097, 9_000)),
}).map(({ value, length }) => new Uint8Array(length).fill(value));

/** Tiles of zooms 0 to 12, many of them neighbours. */
const tilesArbitrary = array(
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

/** The tiles by the square of 2^depth by 2^depth that they or their descendants lie in: what metatiles would give. */
function groupBySquare(tiles: readonly IdentifiedTile[], depth: number): readonly (readonly IdentifiedTile[])[] {
  const groups = new Map<string, IdentifiedTile[]>();
  for (const tile of tiles) {
    const { z, x, y } = tileFromTileId(tile.tileId);
    // Zooms in bands of `depth`, as metatiles take some zooms together.
    const top = Math.floor(z / depth) * depth;
    const key = `${top}/${Math.floor(x / 2 ** (z - top))}/${Math.floor(y / 2 ** (z - top))}`;
    groups.set(key, [...(groups.get(key) ?? []), tile]);
  }
  return [...groups.values()];
}

describe('varints', () => {
  test('come back as they went, and NaN where they are cut off', () => {
    assertProperty(
      property(array(maxSafeNat(), { minLength: 1, maxLength: 200 }), (values) => {
        const writer = new VarintWriter(1);
        for (const value of values) writer.write(value);
        const bytes = writer.bytes();
        const reader = new VarintReader(bytes);
        expect(values.map(() => reader.read())).toStrictEqual(values);
        expect(reader.left).toBe(0);
        const cut = new VarintReader(bytes.subarray(0, -1));
        expect(values.map(() => cut.read()).at(-1)).toBeNaN();
      }),
    );
  });
});

describe('tile IDs', () => {
  test('are those of the reference reader', () => {
    assertProperty(
      property(integer({ min: 0, max: 26 }), nat(), nat(), (z, a, b) => {
        const tile = { z, x: a % 2 ** z, y: b % 2 ** z };
        const tileId = tileIdFromTile(tile);
        expect(tileId).toBe(zxyToTileId(z, tile.x, tile.y));
        expect(tileIdToZxy(tileId)).toStrictEqual([z, tile.x, tile.y]);
      }),
    );
  });
});

describe('an archive', () => {
  test('gives every tile back through the reference reader and ours, and nothing else', async () => {
    await assertProperty(
      asyncProperty(tilesArbitrary, async (tiles) => {
        const archive = await archiveOf(tiles);
        const reference = referenceReader(archive);
        await using reader = await ArchiveReader.open(memoryRangeSource(archive), { signal });
        const known = new Map(tiles.map(({ tileId, bytes }) => [tileId, bytes]));
        for (const tileId of new Set(tiles.flatMap((tile) => [tile.tileId - 1, tile.tileId, tile.tileId + 1]))) {
          if (tileId < 0) continue;
          const tile = tileFromTileId(tileId);
          const expected = known.get(tileId) ?? null;
          const found = await reader.tile(tile, { signal });
          const theirs = await reference.getZxy(tile.z, tile.x, tile.y);
          expect(found === null ? null : Buffer.from(found)).toEqual(expected === null ? null : Buffer.from(expected));
          expect(theirs === undefined ? null : Buffer.from(theirs.data)).toEqual(
            expected === null ? null : Buffer.from(expected),
          );
        }
        expect(reader.header.addressedTiles).toBe(tiles.length);
      }),
      { numRuns: 20 },
    );
  });

  test('is the same bytes, whatever segments its tiles come in', async () => {
    await assertProperty(
      asyncProperty(tilesArbitrary, integer({ min: 1, max: 5 }), async (tiles, depth) => {
        const { source, objects } = memorySegments(groupBySquare(tiles, depth));
        const sink = new MemorySink(objects);
        await assembleArchive(source, new ArchiveWriter(sink), DESCRIPTION, { expected: tiles.length, signal });
        expect(sink.bytes.equals(await archiveOf(tiles))).toBe(true);
      }),
      { numRuns: 20 },
    );
  });
});
