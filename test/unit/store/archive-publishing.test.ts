import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MemoryObjects } from '../../../src/store/memory-objects.ts';
import { ArchiveFolder, METATILES, runSeeds, seedIn } from '../../support/archive-folder.ts';
import { endRun, finishedRun, madeMetatiles, stageAll, wholeRun } from '../../support/archive-runs.ts';
import { watchedObjects } from '../../support/watched-objects.ts';
import type { ObjectCall } from '../../support/watched-objects.ts';

const NEVER = { signal: new AbortController().signal };

let place: ArchiveFolder;

beforeEach(async () => {
  place = await ArchiveFolder.make();
});

afterEach(async () => {
  await place[Symbol.asyncDispose]();
});

/** What changes something. */
const CHANGES: readonly ObjectCall[] = ['put', 'putIf', 'delete', 'deleteAll', 'alias', 'move', 'compose', 'finish'];

describe('assembling', { timeout: 60_000 }, () => {
  test('that is killed before any change goes on, and ends with the same version and files', async () => {
    await using undisturbed = place.open();
    const changes = madeMetatiles(2, 5);
    await runSeeds(undisturbed, [1, 2, 3]);
    const baseline = (await undisturbed.versions(NEVER))!.versions[0]!;
    const finished = finishedRun(4, METATILES, { baseline });
    const before = await mkdtemp(join(tmpdir(), 'archive-before-'));
    await cp(place.path, before, { recursive: true });
    const expected = await wholeRun(undisturbed, changes, finished, NEVER);
    const files = await place.files();
    let kills = 0;
    for (let at = 0, isDone = false; !isDone; at++) {
      await rm(place.path, { recursive: true });
      await cp(before, place.path, { recursive: true });
      await using worker = place.open();
      await stageAll(worker, changes, NEVER);
      let left = at;
      const dying = watchedObjects(place.objects, async (call) => {
        if (CHANGES.includes(call) && left-- <= 0) throw new Error('killed');
        await Promise.resolve();
      });
      isDone = await endRun(place.open(dying), finished, NEVER).then(
        () => true,
        () => false,
      );
      kills += isDone ? 0 : 1;
      await using next = place.open();
      expect(await endRun(next, finished, NEVER)).toStrictEqual(expected);
      expect(await place.files()).toStrictEqual(files);
      expect((await next.versions(NEVER))?.current).toBe(expected.id);
      expect(await seedIn(next)).toBe(5);
    }
    expect(kills).toBeGreaterThan(8);
    await rm(before, { recursive: true });
  });

  test('reads each segment once', async () => {
    const readsFor = async (metatiles: number): Promise<number> => {
      let reads = 0;
      const on = watchedObjects(new MemoryObjects(), async (call) => {
        if (call === 'read') reads++;
        await Promise.resolve();
      });
      await using store = place.open(on);
      await stageAll(store, madeMetatiles(metatiles, 1), NEVER);
      await store.assemble(finishedRun(1, metatiles), NEVER);
      return reads;
    };
    expect((await readsFor(90)) - (await readsFor(40))).toBe(50);
  });

  test('by two processes at once gives both the same version, whoever is ahead', async () => {
    for (let round = 0; round < 12; round++) {
      await rm(place.path, { recursive: true });
      await using first = place.open();
      await stageAll(first, madeMetatiles(METATILES, 1), NEVER);
      // The second one is later by another number of turns at each of its calls.
      const late = watchedObjects(place.objects, async () => {
        for (let turn = 0; turn < round; turn++) await nextTurn();
      });
      const both = [first, place.open(late)].map((store) => endRun(store, finishedRun(1, METATILES), NEVER));
      const [one, other] = (await Promise.all(both)).map(({ id }) => id);
      expect(one).toBe(other);
      await using reader = place.open();
      expect((await reader.versions(NEVER))?.versions.map(({ id }) => id)).toStrictEqual([one]);
      expect(await seedIn(reader)).toBe(1);
    }
  });

  test('is refused once another run has published a version as new, and leaves that alone', async () => {
    await using other = place.open();
    await runSeeds(other, [1]);
    let published: string | undefined;
    await using late = place.open(
      watchedObjects(place.objects, async (call) => {
        if (call !== 'putIf' || published !== undefined) return;
        const finished = finishedRun(2, METATILES, { requestHash: 'another' });
        published = (await wholeRun(other, madeMetatiles(METATILES, 2), finished, NEVER)).id;
      }),
    );
    await stageAll(late, madeMetatiles(METATILES, 3), NEVER);
    await expect(late.assemble(finishedRun(2, METATILES), NEVER)).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
    expect((await other.versions(NEVER))?.current).toBe(published);
    expect(await seedIn(other)).toBe(2);
    // What the other one had made lies there until the next version.
    await wholeRun(other, madeMetatiles(METATILES, 4), finishedRun(3, METATILES, { keepVersions: 1 }), NEVER);
    expect((await place.files()).filter((path) => path.includes('world.versions/'))).toHaveLength(2);
  });
});
