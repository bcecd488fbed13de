import { describe, expect, test } from 'vitest';
import { ArchiveReader } from '../../../../src/store/pmtiles/archive-reader.ts';
import { ArchiveWriter } from '../../../../src/store/pmtiles/archive-writer.ts';
import { assembleArchive } from '../../../../src/store/pmtiles/assemble-archive.ts';
import { GatheredTiles } from '../../../../src/store/pmtiles/gathered-tiles.ts';
import { indexLengthOf, parseSegment } from '../../../../src/store/pmtiles/segment.ts';
import type { Segment } from '../../../../src/store/pmtiles/segment.ts';
import { MultipartSink } from '../../../../src/store/pmtiles/multipart-sink.ts';
import type { MultipartUpload } from '../../../../src/store/pmtiles/multipart-sink.ts';
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

/** What metatiles have staged: their segments, and the objects that hold these, by index. */
function gather(
  given: readonly MadeMetatile[],
  spill: Spill,
): { readonly gathered: GatheredTiles; readonly objects: Map<string, Uint8Array> } {
  const gathered = new GatheredTiles(spill);
  const objects = new Map<string, Uint8Array>();
  for (const metatile of given) {
    const { object, segment } = stage(metatile, 'rendered');
    objects.set(String(metatile.index), object);
    gathered.add(metatile.index, segment);
  }
  return { gathered, objects };
}

async function assemble(given: readonly MadeMetatile[], expected: number): Promise<MemorySink> {
  using spill = new Spill({ memoryBytes: Infinity });
  const { gathered, objects } = gather(given, spill);
  const sink = new MemorySink(objects);
  const options = { baseline: null, segmentPath: String, expected, signal };
  await assembleArchive(gathered, new ArchiveWriter(sink, { spill }), DESCRIPTION, options);
  return sink;
}

describe('joining segments', () => {
  test.each([100, 5_000])('copies tiles zoom by zoom, and writes none: %i bytes', async (length) => {
    const given = metatiles(length);
    const sink = await assemble(given, 84);
    expect(sink.bytes.equals(await archiveOf(given.flatMap(({ tiles }) => tiles)))).toBe(true);
    expect(sink.copies).toHaveLength(12);
    expect(sink.writtenBytes).toBe(0);
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

/** Tiles of zoom 7 in metatiles of 64: `lengthOf` and `contentOf` say of each how long it is, and which of the contents of that length. */
function imagery(
  count: number,
  lengthOf: (n: number) => number,
  contentOf: (n: number) => number,
): readonly MadeMetatile[] {
  const first = (4 ** 7 - 1) / 3;
  const tile = (n: number): IdentifiedTile => {
    const bytes = Buffer.alloc(lengthOf(n));
    bytes.writeUInt32LE(contentOf(n));
    return { tileId: first + n, bytes };
  };
  return Array.from({ length: count }, (_, index) => ({
    index,
    tiles: Array.from({ length: 64 }, (_tile, n) => tile(index * 64 + n)),
    empty: [],
  }));
}

describe('of segments of one to two parts', () => {
  /** A thirtieth of what S3 asks for, and the segments with it. */
  const limits = { minPartBytes: 180_000, maxPartBytes: 180_000_000, maxParts: 10_000, partBytes: 270_000 };
  const SEGMENTS = 40;

  async function passedBytes(
    given: readonly MadeMetatile[],
  ): Promise<{ readonly passed: number; readonly all: number }> {
    using spill = new Spill({ memoryBytes: Infinity });
    const { gathered, objects } = gather(given, spill);
    const nothing = async (): Promise<void> => await Promise.resolve();
    const parts = { putPart: nothing, copyPart: nothing, hasPart: () => false };
    const piece = { upload: parts, complete: async () => await Promise.resolve({ path: '', offset: 0 }) };
    const upload: MultipartUpload = {
      ...parts,
      read: async ({ path, offset }, length) =>
        await Promise.resolve(objects.get(path)!.subarray(offset, offset + length)),
      beginPiece: async () => await Promise.resolve(piece),
      beginJoint: async () => await Promise.resolve({ ...piece, discard: nothing }),
    };
    const sink = new MultipartSink(upload, { ...limits, equalParts: false, copyParts: true });
    const expected = given.length * 64;
    const options = { baseline: null, segmentPath: String, expected, signal };
    const { bytes } = await assembleArchive(gathered, new ArchiveWriter(sink, { spill }), DESCRIPTION, options);
    return { passed: sink.passedBytes, all: bytes };
  }

  test.each([
    ['large tiles alone', () => 5_000, (n: number) => n],
    ['small tiles among them, all different', (n: number) => (n % 3 === 0 ? 2_000 : 5_000), (n: number) => n],
    ['small tiles alone, all different', () => 3_000, (n: number) => n],
    [
      'small tiles among them, of five contents that every segment has',
      (n: number) => (n % 3 === 0 ? 200 : 5_000),
      (n: number) => (n % 3 === 0 ? n % 5 : n),
    ],
    [
      'one small tile in each, of a content that all of them have',
      (n: number) => (n % 64 === 32 ? 200 : 5_000),
      (n: number) => (n % 64 === 32 ? 0 : n),
    ],
  ])('no byte passes through but those of the first part: %s', async (_, lengthOf, contentOf) => {
    const { passed, all } = await passedBytes(imagery(SEGMENTS, lengthOf, contentOf));
    expect(all).toBeGreaterThan(SEGMENTS * limits.minPartBytes);
    expect(passed).toBeLessThanOrEqual(limits.partBytes * 2);
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
  test('has each content once: of one tile in their order, and behind them those that several have or that are tiny', () => {
    const lengths = [5_000, 2_000, 300, 2_000, 4_000, 5_000, 40];
    const contents = [1, 2, 3, 2, 4, 1, 5];
    const tiles = lengths.map((length, n) => ({ tileId: 5 + n, bytes: new Uint8Array(length).fill(contents[n]!) }));
    const { object, segment } = stage({ index: 0, tiles, empty: [] }, 'rendered');
    // What is large is not looked at.
    expect(segment.tiles.map(({ offset }) => offset)).toStrictEqual([0, 14_000, 16_000, 14_000, 5_000, 9_000, 16_300]);
    for (const [at, { tileId, offset, length }] of segment.tiles.entries()) {
      expect(tileId).toBe(5 + at);
      expect(Buffer.compare(object.subarray(offset, offset + length), tiles[at]!.bytes)).toBe(0);
    }
  });

  const bytes = stage(metatiles(100)[0]!, 'rendered').object;

  test('that is cut off, or damaged in its index or record, is refused', () => {
    expect(segmentOf(bytes).tiles).toHaveLength(21);
    expect(() => indexLengthOf(bytes.subarray(-24, -4), 'made')).toThrow(/found no footer/);
    const body = indexLengthOf(bytes.subarray(-20), 'made');
    for (const at of [bytes.length - 20 - body + 30, bytes.length - 40]) {
      const damaged = Uint8Array.from(bytes);
      damaged[at]! ^= 1;
      expect(() => segmentOf(damaged)).toThrow(/does not match its digest/);
    }
    expect(() => parseSegment(new Uint8Array(), bytes.subarray(-20), 'made')).toThrow(/does not match its digest/);
  });
});
