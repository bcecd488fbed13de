import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { digestOf } from '../../../../src/digest.ts';
import { NumberColumn } from '../../../../src/store/pmtiles/number-column.ts';
import { PieceList } from '../../../../src/store/pmtiles/piece-list.ts';
import { SmallContents } from '../../../../src/store/pmtiles/small-contents.ts';
import { Spill } from '../../../../src/store/pmtiles/spill.ts';
import { TileRuns } from '../../../../src/store/pmtiles/tile-runs.ts';

/** Memory for nothing, for the first two chunks of numbers, and for all. */
const ROOMS = [0, 80, Infinity];

describe.each(ROOMS)('with %d bytes of memory', (memoryBytes) => {
  test('numbers come back, one by one and in stretches', () => {
    using spill = new Spill({ memoryBytes, chunkLength: 5 });
    const column = new NumberColumn(Float64Array, spill);
    const values = Array.from({ length: 33 }, (_, i) => i * 2 ** 40);
    for (const value of values) column.push(value);
    column.addToLast(7);
    values[32]! += 7;
    expect(column).toHaveLength(33);
    expect(values.map((_, i) => column.at(i))).toStrictEqual(values);
    expect(values.toReversed().map((_, i) => column.at(32 - i))).toStrictEqual(values.toReversed());
    for (const [from, to] of [
      [0, 33],
      [3, 17],
      [31, 33],
    ] as const) {
      const target = new Float64Array(to - from);
      column.copyTo(target, from);
      expect([...target]).toStrictEqual(values.slice(from, to));
    }
    expect(spill.spilledBytes).toBe(memoryBytes === 0 ? 240 : memoryBytes === 80 ? 160 : 0);
  });

  test('small contents come back, by their places', () => {
    using spill = new Spill({ memoryBytes, chunkLength: 5 });
    const contents = new SmallContents(spill);
    const added = Array.from({ length: 300 }, (_, i) => ({ digest: digestOf(String(i)), offset: i * 2 ** 33 }));
    const places = added.map(({ digest, offset }) => contents.add(digest, offset));
    const found = places.map((place) => ({ digest: contents.digestAt(place), offset: contents.offsetAt(place) }));
    expect(found).toStrictEqual(added);
    expect(contents.count).toBe(300);
  });

  test('bytes come back, in their order', () => {
    using spill = new Spill({ memoryBytes, chunkLength: 5 });
    const pieces = Array.from({ length: 300 }, (_, i) => new Uint8Array(1 + ((i * 617) % 4_096)).fill(i));
    const list = new PieceList(spill);
    for (const piece of pieces) list.push(piece);
    expect(Buffer.concat([...list]).equals(Buffer.concat(pieces))).toBe(true);
    expect(list.bytes).toBe(Buffer.concat(pieces).length);
  });
});

test('a temporary file has no name while it is open, where that can be, and none after it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'spill-'));
  vi.stubEnv('TMPDIR', folder);
  const spill = new Spill({ memoryBytes: 0 });
  spill.append(new Uint8Array(10));
  vi.unstubAllEnvs();
  expect(await readdir(folder)).toHaveLength(process.platform === 'win32' ? 1 : 0);
  spill[Symbol.dispose]();
  expect(await readdir(folder)).toStrictEqual([]);
  await rm(folder, { recursive: true });
});

describe('runs of tiles', () => {
  test('end where the metatile, the zoom, the kind or the place does', () => {
    using spill = new Spill({ memoryBytes: Infinity });
    const runs = new TileRuns(spill);
    // Zoom 1 has the IDs 1 to 4, zoom 2 the IDs 5 to 20.
    runs.add('large', 7, 4, 5_000, 0);
    runs.add('large', 7, 5, 5_000, 5_000);
    runs.add('large', 7, 6, 6_000, 10_000);
    runs.add('empty', 7, 7, 0, 0);
    runs.add('empty', 7, 9, 0, 0);
    runs.add('small', 7, 10, 40, 300);
    runs.add('small', 7, 11, 40, 300);
    runs.add('small', 7, 12, 50, 340);
    runs.add('kept', 3, 1, 0, 0);
    runs.add('kept', 3, 2, 0, 0);
    runs.add('kept', 5, 8, 0, 0);
    const found = [...runs.sorted()].map((run) => {
      const tiles = Array.from({ length: run.to - run.from }, (_, n) => runs.tileIdAt(run, run.from + n));
      return [run.kind, run.metatile, run.place, tiles];
    });
    expect(found).toStrictEqual([
      ['kept', 3, 0, [1, 2]],
      ['large', 7, 0, [4]],
      ['large', 7, 5_000, [5, 6]],
      ['empty', 7, 0, [7, 9]],
      ['kept', 5, 0, [8]],
      ['small', 7, 300, [10, 11]],
      ['small', 7, 340, [12]],
    ]);
  });
});
