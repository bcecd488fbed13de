import {
  assert as assertProperty,
  asyncProperty,
  boolean,
  constantFrom,
  infiniteStream,
  integer,
  pre,
  record,
} from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ArchiveReader } from '../../src/store/pmtiles/archive-reader.ts';
import { ArchiveWriter } from '../../src/store/pmtiles/archive-writer.ts';
import { assembleArchive } from '../../src/store/pmtiles/assemble-archive.ts';
import type { BaselineArchive } from '../../src/store/pmtiles/assemble-archive.ts';
import { GatheredTiles } from '../../src/store/pmtiles/gathered-tiles.ts';
import { Spill } from '../../src/store/pmtiles/spill.ts';
import { DESCRIPTION, MemorySink, archiveOf, memoryRangeSource } from '../support/memory-archive.ts';
import type { IdentifiedTile } from '../support/memory-archive.ts';
import { recordOf, squareOf, stage } from '../support/staged-metatiles.ts';
import type { MadeMetatile } from '../support/staged-metatiles.ts';
import { tilesArbitrary } from '../support/tiles-arbitrary.ts';

const { signal } = new AbortController();
const BASELINE = 'before.pmtiles';

/** How an archive is made: nothing of it is to be seen in the archive, except how many small contents may be known. */
const wayArbitrary = record({
  depth: integer({ min: 1, max: 5 }),
  maxContents: constantFrom(0, 1, 2, 3, 1_000),
  isSpilled: boolean(),
  isReversed: boolean(),
});

interface Way {
  readonly maxContents: number;
  readonly isSpilled: boolean;
  readonly isReversed: boolean;
}

interface Staging {
  readonly metatile: MadeMetatile;
  readonly kind: 'rendered' | 'kept';
}

function newSpill(isSpilled: boolean): Spill {
  return new Spill(isSpilled ? { memoryBytes: 0, chunkLength: 3 } : { memoryBytes: Infinity });
}

async function assemble(
  stagings: readonly Staging[],
  { maxContents, isSpilled, isReversed }: Way,
  expected: number,
  before: { readonly archive: Uint8Array; readonly baseline: BaselineArchive } | null = null,
): Promise<MemorySink> {
  using spill = newSpill(isSpilled);
  const gathered = new GatheredTiles(spill);
  const objects = new Map<string, Uint8Array>();
  if (before !== null) objects.set(BASELINE, before.archive);
  for (const { metatile, kind } of isReversed ? [...stagings].reverse() : stagings) {
    const { object, segment } = stage(metatile, kind);
    objects.set(String(metatile.index), object);
    gathered.add(metatile.index, segment);
  }
  const sink = new MemorySink(objects);
  const writer = new ArchiveWriter(sink, { spill, maxContents });
  const options = { baseline: before?.baseline ?? null, segmentPath: String, expected, maxContents, signal };
  await assembleArchive(gathered, writer, DESCRIPTION, options);
  return sink;
}

/** The tiles of metatiles, which have those of `all` and are empty where `there` has none. */
function metatilesOf(
  all: Iterable<number>,
  there: ReadonlyMap<number, Uint8Array>,
  depth: number,
): readonly MadeMetatile[] {
  const groups = new Map<string, { tiles: IdentifiedTile[]; empty: number[] }>();
  for (const tileId of [...all].sort((a, b) => a - b)) {
    const square = squareOf(tileId, depth);
    const group = groups.get(square) ?? { tiles: [], empty: [] };
    groups.set(square, group);
    const bytes = there.get(tileId);
    if (bytes === undefined) group.empty.push(tileId);
    else group.tiles.push({ tileId, bytes });
  }
  return [...groups.values()].map((group, index) => ({ index, ...group }));
}

function mapOf(tiles: readonly IdentifiedTile[]): ReadonlyMap<number, Uint8Array> {
  return new Map(tiles.map(({ tileId, bytes }) => [tileId, bytes]));
}

async function baselineOf(archive: Uint8Array, metatiles: readonly MadeMetatile[], keepsUnstaged: boolean) {
  const reader = await ArchiveReader.open(memoryRangeSource(archive), { signal });
  const records = async function* () {
    for (const metatile of metatiles) yield await Promise.resolve(recordOf(metatile));
  };
  return { archive, baseline: { path: BASELINE, reader, records, keepsUnstaged } };
}

/** Copies of the same object that follow each other have something between them. */
function expectLongCopies({ copies }: MemorySink): void {
  for (const [at, copy] of copies.entries()) {
    const before = copies[at - 1];
    if (!copy.isAfterCopy || before === undefined || before.path !== copy.path) continue;
    expect(copy.offset).not.toBe(before.offset + before.length);
  }
}

describe('an archive that is assembled', () => {
  test('is the same bytes, whatever segments its tiles come in', async () => {
    await assertProperty(
      asyncProperty(tilesArbitrary, wayArbitrary, async (tiles, { depth, ...way }) => {
        const metatiles = metatilesOf(mapOf(tiles).keys(), mapOf(tiles), depth);
        const sink = await assemble(
          metatiles.map((metatile) => ({ metatile, kind: 'rendered' })),
          way,
          tiles.length,
        );
        expect(sink.bytes.equals(await archiveOf(tiles, DESCRIPTION, way))).toBe(true);
        expectLongCopies(sink);
      }),
      { numRuns: 60 },
    );
  });

  test.each(['the same plan', 'another plan'] as const)(
    'of an archive before it and new metatiles is that of all tiles at once: %s',
    async (plan) => {
      await assertProperty(
        asyncProperty(
          tilesArbitrary,
          tilesArbitrary,
          wayArbitrary,
          infiniteStream(boolean()),
          async (old, fresh, { depth, ...way }, picks) => {
            const isSame = plan === 'the same plan';
            const [before, after] = [mapOf(old), mapOf(fresh)];
            const ids = new Set([...before.keys(), ...after.keys()]);
            const archive = await archiveOf(old, DESCRIPTION, way);
            const oldMetatiles = metatilesOf(ids, before, depth);
            const given = await baselineOf(archive, oldMetatiles, isSame);
            const expected: IdentifiedTile[] = [];
            const newMetatiles = metatilesOf(ids, after, depth);
            const stagings = oldMetatiles.flatMap((metatile, at): readonly Staging[] => {
              const isRendered = picks.next().value;
              // Of another plan, some metatiles are no part any more.
              if (!isRendered && !isSame && picks.next().value) return [];
              const now = isRendered ? newMetatiles[at]! : metatile;
              expected.push(...now.tiles);
              if (isRendered) return [{ metatile: now, kind: 'rendered' }];
              return isSame && picks.next().value ? [] : [{ metatile, kind: 'kept' }];
            });
            // There is no archive without a tile.
            pre(expected.length > 0);
            const sink = await assemble(stagings, way, expected.length, given);
            expect(sink.bytes.equals(await archiveOf(expected, DESCRIPTION, way))).toBe(true);
            expectLongCopies(sink);
            // Nothing of the old archive passes through here.
            const rendered = stagings.flatMap(({ metatile, kind }) => (kind === 'rendered' ? metatile.tiles : []));
            const small = rendered.filter(({ bytes }) => bytes.length <= 4_096);
            expect(sink.writtenBytes).toBeLessThanOrEqual(small.reduce((sum, { bytes }) => sum + bytes.length, 0));
          },
        ),
        { numRuns: 300 },
      );
    },
  );
});
