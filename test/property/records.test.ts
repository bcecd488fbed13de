import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryObjects } from '../../src/store/memory-objects.ts';
import type { ObjectStore } from '../../src/store/object-store.ts';
import { segmentToBytes } from '../../src/store/pmtiles/segment.ts';
import { diffRecords } from '../../src/store/records/diff-records.ts';
import { openRecords, writeRecords } from '../../src/store/records/write-records.ts';
import type { FinishedTiles, StagedMetatile } from '../../src/store/tile-store.ts';
import type { TilesetVersion } from '../../src/store/versions.ts';
import { tileIdFromTile } from '../../src/tms/tile-id.ts';
import { madeRecord } from '../support/made-records.ts';
import { DESCRIPTION } from '../support/memory-archive.ts';

const NEVER = { signal: new AbortController().signal };
const WORK = '.tilewright';

/** What all metatiles are, by index: a seed that decides what is in each. */
type State = ReadonlyMap<number, number>;

async function stage(objects: ObjectStore, changes: State, kind: 'rendered' | 'kept'): Promise<void> {
  await objects.deleteAll(`${WORK}/segments`, NEVER);
  for (const [index, seed] of changes) {
    const staged: StagedMetatile = { kind, record: madeRecord(index, seed) };
    await objects.put(`${WORK}/segments/${index}`, segmentToBytes([], staged), { ...NEVER, contentType: '' });
  }
}

async function join(objects: ObjectStore, state: State, generation: number, baseline: TilesetVersion | null) {
  const finished: FinishedTiles = {
    generation,
    requestHash: 'hash',
    indices: () => [...state.keys()].sort((a, b) => a - b),
    baseline,
    isSamePlan: true,
    keepVersions: 1,
    bbox: [0, 0, 1, 1],
    metadata: DESCRIPTION.metadata,
  };
  const places = { objects, workFolder: WORK, versionsFolder: 'versions' };
  const { tileBytes: bytes, ...version } = await writeRecords(places, finished, NEVER);
  return { ...version, generation, requestHash: 'hash', archive: null, bytes };
}

const indexArbitrary = fc.oneof(fc.nat(600), fc.nat(100_000));
const stateArbitrary = fc.uniqueArray(indexArbitrary, { minLength: 1, maxLength: 40 });

describe('records', () => {
  test('of an update are those of a whole run, byte for byte, and differ in what was rendered', async () => {
    await fc.assert(
      fc.asyncProperty(stateArbitrary, fc.array(fc.nat(), { maxLength: 10 }), async (indices, picks) => {
        const objects = new MemoryObjects();
        const before: State = new Map(indices.map((index) => [index, 0]));
        await stage(objects, before, 'rendered');
        const old = await join(objects, before, 1, null);
        const changes: State = new Map(picks.map((pick) => [indices[pick % indices.length]!, 1 + (pick % 3)]));
        await stage(objects, changes, 'rendered');
        const updated = await join(objects, before, 2, old);

        const whole = new MemoryObjects();
        const after: State = new Map([...before, ...changes]);
        await stage(whole, after, 'rendered');
        const full = await join(whole, after, 2, null);
        expect(updated).toStrictEqual(full);
        expect(await objects.get(full.records.path, NEVER)).toStrictEqual(await whole.get(full.records.path, NEVER));

        const found: number[] = [];
        const [from, to] = [await openRecords(objects, old, NEVER), await openRecords(objects, updated, NEVER)];
        for await (const { tile, kind } of diffRecords(from, to, NEVER)) {
          expect(kind).toBe('changed');
          found.push(tileIdFromTile(tile));
        }
        const expected = [...changes].flatMap(([index, seed]) => madeRecord(index, seed).tiles);
        expect(found.sort((a, b) => a - b)).toStrictEqual(expected.map(({ tileId }) => tileId).sort((a, b) => a - b));
      }),
      { numRuns: 60 },
    );
  });

  test('miss no metatile: one that staged nothing, or is not done, is said', async () => {
    const objects: ObjectStore = new MemoryObjects();
    const state: State = new Map([3, 4].map((index) => [index, 0]));
    await stage(objects, new Map([[3, 0]]), 'rendered');
    await expect(join(objects, state, 1, null)).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: expect.stringContaining('the metatile 4 staged nothing'),
    });
    const begun = segmentToBytes([], { kind: 'begun' });
    await objects.put(`${WORK}/segments/4`, begun, { ...NEVER, contentType: '' });
    await expect(join(objects, state, 1, null)).rejects.toThrow(/the metatile 4 is not done/);
  });
});
