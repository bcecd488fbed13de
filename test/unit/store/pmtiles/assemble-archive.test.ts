import { describe, expect, test } from 'vitest';
import { ArchiveWriter } from '../../../../src/store/pmtiles/archive-writer.ts';
import { assembleArchive } from '../../../../src/store/pmtiles/assemble-archive.ts';
import { indexLengthOf, parseSegment, segmentToBytes } from '../../../../src/store/pmtiles/segment.ts';
import { DESCRIPTION, MemorySink, archiveOf, memorySegments } from '../../../support/memory-archive.ts';
import type { IdentifiedTile } from '../../../support/memory-archive.ts';

const { signal } = new AbortController();

/** 64 tiles of zoom 6 and their parents, as metatiles of 4 by 4 give them: 21 tiles each, of one size. */
function metatiles(length: number): readonly (readonly IdentifiedTile[])[] {
  const first = (z: number): number => (4 ** z - 1) / 3;
  const tile = (tileId: number): IdentifiedTile => ({ tileId, bytes: new Uint8Array(length).fill(tileId % 251) });
  return [0, 1, 2, 3].map((square) =>
    [
      [4, 1],
      [5, 4],
      [6, 16],
    ].flatMap(([z = 0, count = 0]) => Array.from({ length: count }, (_, n) => tile(first(z) + square * count + n))),
  );
}

async function assemble(groups: readonly (readonly IdentifiedTile[])[], expected: number) {
  const { source, objects } = memorySegments(groups);
  const reads: string[] = [];
  const counted: typeof source = { ...source, read: (name) => (reads.push(name), source.read(name)) };
  const sink = new MemorySink(objects);
  await assembleArchive(counted, new ArchiveWriter(sink), DESCRIPTION, { expected, signal });
  return { archive: sink.bytes, reads, copies: sink.copies };
}

describe('joining segments', () => {
  test.each([100, 5_000])('reads each once, and copies large tiles zoom by zoom: %i bytes', async (length) => {
    const groups = metatiles(length);
    const { archive, reads, copies } = await assemble(groups, 84);
    expect(archive.equals(await archiveOf(groups.flat()))).toBe(true);
    expect(reads.sort()).toStrictEqual(['0', '1', '2', '3']);
    expect(copies).toBe(length > 4_096 ? 12 : 0);
  });

  test('a segment that is lost is no hole', async () => {
    const groups = metatiles(100);
    await expect(assemble(groups.slice(1), 84)).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: expect.stringContaining('found 63 tiles in its segments, expected 84'),
    });
  });

  test('segments that have the same tile are refused', async () => {
    const [first = []] = metatiles(100);
    await expect(assemble([first, first], 42)).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' });
  });
});

describe('a segment', () => {
  const bytes = segmentToBytes(metatiles(100)[0]!);
  const footer = bytes.subarray(-16);

  test('that is cut off, or damaged in its index, is refused', () => {
    expect(() => indexLengthOf(bytes.subarray(-20, -4), 'made')).toThrow(/found no footer/);
    const index = Uint8Array.from(bytes.subarray(0, -16));
    expect(indexLengthOf(footer, 'made')).toBe(index.length);
    expect(parseSegment(index, footer, 'made').tiles).toHaveLength(21);
    index[30]! ^= 1;
    expect(() => parseSegment(index, footer, 'made')).toThrow(/does not match its digest/);
  });
});
