import { assert as assertProperty, array, asyncProperty, integer, maxSafeNat, nat, property } from 'fast-check';
import { tileIdToZxy, zxyToTileId } from 'pmtiles';
import { describe, expect, test } from 'vitest';
import { ArchiveReader } from '../../src/store/pmtiles/archive-reader.ts';
import { VarintReader, VarintWriter } from '../../src/store/pmtiles/varint.ts';
import { tileFromTileId, tileIdFromTile } from '../../src/tms/tile-id.ts';
import { archiveOf, memoryRangeSource, referenceReader } from '../support/memory-archive.ts';
import { tilesArbitrary } from '../support/tiles-arbitrary.ts';

const signal = new AbortController().signal;

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
});
