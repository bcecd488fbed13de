import { describe, expect, test } from 'vitest';
import { ArchiveReader } from '../../../../src/store/pmtiles/archive-reader.ts';
import { ArchiveWriter } from '../../../../src/store/pmtiles/archive-writer.ts';
import { assembleArchive } from '../../../../src/store/pmtiles/assemble-archive.ts';
import { GatheredTiles } from '../../../../src/store/pmtiles/gathered-tiles.ts';
import { indexLengthOf, parseSegment } from '../../../../src/store/pmtiles/segment.ts';
import type { Segment } from '../../../../src/store/pmtiles/segment.ts';
import { Spill } from '../../../../src/store/pmtiles/spill.ts';
import { DESCRIPTION, MemorySink, archiveOf, memoryRangeSource } from '../../../support/memory-archive.ts';
import type { IdentifiedTile } from '../../../support/memory-archive.ts';
import { segmentOf, stage } from '../../../support/staged-metatiles.ts';
import type { MadeMetatile } from '../../../support/staged-metatiles.ts';

const { signal } = new AbortController();

/** 64 tiles of zoom 6 and their parents, as metatiles of 4 by 4 give them: 21 tiles each, of one size. */
function metatiles(length: number): readonly MadeMetatile[] {
  const first = (z: number): number => (4 ** z - 1) / 3;
  const tile = (tileId: number): IdentifiedTile => ({ tileId, bytes: new Uint8Array(length).fill(tileId % 251) });
  return [0, 1, 2, 3].map((square) => ({
    index: square,
    tiles: [
      [4, 1],
      [5, 4],
      [6, 16],
    ].flatMap(([z = 0, count = 0]) => Array.from({ length: count }, (_, n) => tile(first(z) + square * count + n))),
    empty: [],
  }));
}

async function assemble(given: readonly MadeMetatile[], expected: number): Promise<MemorySink> {
  using spill = new Spill({ memoryBytes: Infinity });
  const gathered = new GatheredTiles(spill);
  const objects = new Map<string, Uint8Array>();
  for (const metatile of given) {
    const { object, segment } = stage(metatile, 'rendered');
    objects.set(String(metatile.index), object);
    gathered.add(metatile.index, segment);
  }
  const sink = new MemorySink(objects);
  const options = { baseline: null, segmentPath: String, expected, signal };
  await assembleArchive(gathered, new ArchiveWriter(sink, { spill }), DESCRIPTION, options);
  return sink;
}

describe('joining segments', () => {
  test.each([100, 5_000])('copies large tiles zoom by zoom, and writes small ones: %i bytes', async (length) => {
    const given = metatiles(length);
    const sink = await assemble(given, 84);
    expect(sink.bytes.equals(await archiveOf(given.flatMap(({ tiles }) => tiles)))).toBe(true);
    expect(sink.copies).toHaveLength(length > 4_096 ? 12 : 0);
    expect(sink.writtenBytes).toBe(length > 4_096 ? 0 : 84 * length);
  });

  test('a segment that is lost is no hole', async () => {
    await expect(assemble(metatiles(100).slice(1), 84)).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: expect.stringContaining('found 63 tiles, expected the 84 of its records'),
    });
  });

  test.each([100, 5_000])('segments that have the same tile are refused: %i bytes', async (length) => {
    const [first] = metatiles(length);
    await expect(assemble([first!, { ...first!, index: 1 }], 42)).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' });
  });

  test('a segment that has not the tiles of its record is refused', () => {
    using spill = new Spill({ memoryBytes: Infinity });
    const { segment } = stage(metatiles(100)[0]!, 'rendered');
    const broken: Segment = { ...segment, tiles: segment.tiles.slice(1) };
    expect(() => new GatheredTiles(spill).add(0, broken)).toThrow(/found 20, expected the 21 of its record/);
  });
});

describe('directories', () => {
  const tiles = Array.from({ length: 40_000 }, (_, n): IdentifiedTile => {
    return { tileId: 2 * n, bytes: Uint8Array.of(1 + (n % 7), n % 251, n >> 8) };
  });

  test.each([0, 300_000])('are the same with %i bytes of memory', async (memoryBytes) => {
    using spill = new Spill({ memoryBytes, chunkLength: 1_000 });
    const archive = await archiveOf(tiles, DESCRIPTION, { spill });
    expect(spill.spilledBytes).toBeGreaterThan(500_000);
    expect(archive.equals(await archiveOf(tiles))).toBe(true);
    const reader = await ArchiveReader.open(memoryRangeSource(archive), { signal });
    expect(reader.rootEntries.count).toBe(10);
    let at = 0;
    for await (const { count, tileIds } of reader.tables({ signal })) {
      for (let i = 0; i < count; i++) if (tileIds[i] === 2 * at) at++;
    }
    expect(at).toBe(40_000);
  });
});

describe('a segment', () => {
  const bytes = stage(metatiles(100)[0]!, 'rendered').object;

  test('that is cut off, or damaged in its index or record, is refused', () => {
    expect(segmentOf(bytes).tiles).toHaveLength(21);
    expect(() => indexLengthOf(bytes.subarray(-24, -4), 'made')).toThrow(/found no footer/);
    for (const at of [30, bytes.length - 40]) {
      const damaged = Uint8Array.from(bytes);
      damaged[at]! ^= 1;
      expect(() => segmentOf(damaged)).toThrow(/does not match its digest/);
    }
    expect(() => parseSegment(new Uint8Array(), bytes.subarray(-20), 'made')).toThrow(/does not match its digest/);
  });
});
