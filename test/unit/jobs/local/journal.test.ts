import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openJournal, readJournalSlots, removeJournal, slotState } from '../../../../jobs/local/journal.ts';
import type { Journal } from '../../../../jobs/local/journal.ts';
import { NOTHING_LEFT_OUT } from '../../../../src/render/left-out.ts';
import type { LeftOut } from '../../../../src/render/tile-renderer.ts';

const RUN = { run: '0123456789abcdef-1', indexCount: 100 };

let folder: string;
let path: string;

/** Done, with so many tiles rendered. */
const done = (rendered: number) => ({ rendered, unchanged: false });

function renderedOf(journal: Journal, index: number): number | null {
  return journal.doneOf(index)?.rendered ?? null;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tilewright-journal-'));
  path = join(folder, 'state', 'run.journal');
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

test('remembers what is done, with the tiles that it rendered, 0 and 256 among them', async () => {
  {
    await using journal = await openJournal(path, RUN);
    expect(journal.resumed).toBe(0);
    for (const [index, rendered] of [
      [0, 0],
      [7, 256],
      [99, 3],
    ] as const)
      await journal.markDone(index, done(rendered));
    expect(renderedOf(journal, 7)).toBe(256);
  }
  await using journal = await openJournal(path, RUN);
  expect(journal.resumed).toBe(3);
  expect([0, 1, 7, 99].map((index) => renderedOf(journal, index))).toStrictEqual([0, null, 256, 3]);
});

test('remembers which metatiles are done and unchanged, with their tiles', async () => {
  {
    await using journal = await openJournal(path, RUN);
    await journal.markDone(4, { rendered: 341, unchanged: true });
    await journal.markDone(5, { rendered: 0, unchanged: true });
    await journal.markFailed(6, 3);
  }
  await using journal = await openJournal(path, RUN);
  expect([3, 4, 5, 6].map((index) => journal.doneOf(index))).toStrictEqual([
    null,
    { rendered: 341, unchanged: true },
    { rendered: 0, unchanged: true },
    null,
  ]);
  const slots = await readJournalSlots(path, RUN, 4, 1);
  expect(slotState(slots?.[0] ?? 0)).toStrictEqual({ isDone: true, isFailed: false, isUnchanged: true, rendered: 341 });
});

test('marking twice is harmless', async () => {
  await using journal = await openJournal(path, RUN);
  await journal.markDone(5, done(4));
  await journal.markDone(5, done(4));
  expect(renderedOf(journal, 5)).toBe(4);
});

test('a file of another run or another plan, or of another kind, is begun anew', async () => {
  {
    await using journal = await openJournal(path, RUN);
    await journal.markDone(1, done(1));
  }
  {
    await using other = await openJournal(path, { ...RUN, run: '0123456789abcdef-2' });
    expect(renderedOf(other, 1)).toBeNull();
    await other.markDone(1, done(1));
  }
  {
    await using other = await openJournal(path, { run: '0123456789abcdef-2', indexCount: 101 });
    expect(renderedOf(other, 1)).toBeNull();
  }
  await writeFile(path, 'something else entirely');
  await using fresh = await openJournal(path, RUN);
  expect(fresh.resumed).toBe(0);
});

test('a file that ends in the midst of a slot loses that slot alone', async () => {
  {
    await using journal = await openJournal(path, RUN);
    await journal.markDone(2, done(9));
    await journal.markDone(3, done(9));
  }
  await truncate(path, (await readFile(path)).length - 1);
  await using journal = await openJournal(path, RUN);
  expect([2, 3, 4].map((index) => renderedOf(journal, index))).toStrictEqual([9, null, null]);
});

test('what has failed can be seen from outside, and is to do for whoever opens the journal', async () => {
  const statesOf = async () => [...((await readJournalSlots(path, RUN, 8, 3)) ?? [])].map(slotState);
  {
    await using journal = await openJournal(path, RUN);
    await journal.markDone(8, done(4));
    await journal.markFailed(9, 2);
    expect(renderedOf(journal, 9)).toBeNull();
    expect(await statesOf()).toStrictEqual([
      { isDone: true, isFailed: false, isUnchanged: false, rendered: 4 },
      { isDone: false, isFailed: true, isUnchanged: false, rendered: 2 },
      { isDone: false, isFailed: false, isUnchanged: false, rendered: 0 },
    ]);
  }
  await using journal = await openJournal(path, RUN);
  expect([journal.resumed, renderedOf(journal, 8), renderedOf(journal, 9)]).toStrictEqual([1, 4, null]);
  expect((await statesOf()).map(({ isFailed }) => isFailed)).toStrictEqual([false, false, false]);
  expect(await readJournalSlots(path, { ...RUN, indexCount: 101 }, 0, 8)).toBeNull();
  expect(await readJournalSlots(join(folder, 'none'), RUN, 0, 8)).toBeNull();
  expect(await readJournalSlots(path, RUN, 96, 8)).toHaveLength(4);
});

test('is removed with its folder, if that is empty then', async () => {
  await (await openJournal(path, RUN))[Symbol.asyncDispose]();
  const other = join(folder, 'state', 'other.journal');
  await (await openJournal(other, RUN))[Symbol.asyncDispose]();
  await removeJournal(path);
  expect([existsSync(path), existsSync(other)]).toStrictEqual([false, true]);
  await removeJournal(other);
  expect(existsSync(join(folder, 'state'))).toBe(false);
  await removeJournal(other);
});

describe('what was left out', () => {
  const leftOut = (tiles: number, ...names: readonly string[]): LeftOut => ({
    tiles,
    scenes: names.map((scene) => ({ scene, code: 'ASSET_NOT_FOUND', message: `Reading ${scene}`, tiles })),
  });

  test('is remembered of the metatiles that are done, each once', async () => {
    {
      await using journal = await openJournal(path, RUN);
      expect(journal.leftOut).toStrictEqual(NOTHING_LEFT_OUT);
      await journal.markDone(1, done(4), leftOut(4, 'a', 'b'));
      await journal.markDone(2, done(4), NOTHING_LEFT_OUT);
      await journal.markDone(3, done(4), leftOut(1, 'b\u2028'));
      // Done again, with another result, as after a kill between the two writes.
      await journal.markDone(1, done(4), leftOut(2, 'b'));
    }
    await using journal = await openJournal(path, RUN);
    expect(journal.leftOut).toStrictEqual({
      tiles: 3,
      scenes: [...leftOut(2, 'b').scenes, ...leftOut(1, 'b\u2028').scenes],
    });
  });

  test.each(['{"index":7,"leftOut":{"ti', '{"index":7,"leftOut":{"tiles":1,"scenes":[]}}'])(
    'of a metatile that is not done does not count, and a line cut off breaks no other: %s',
    async (rest) => {
      {
        await using journal = await openJournal(path, RUN);
        await journal.markDone(1, done(4), leftOut(4, 'a'));
      }
      await appendFile(`${path}.left-out`, rest);
      {
        await using journal = await openJournal(path, RUN);
        expect(journal.leftOut).toStrictEqual(leftOut(4, 'a'));
        await journal.markDone(8, done(4), leftOut(1, 'a'));
      }
      await using journal = await openJournal(path, RUN);
      expect(journal.leftOut.tiles).toBe(5);
      expect(journal.leftOut.scenes).toMatchObject([{ scene: 'a', tiles: 5 }]);
    },
  );

  test('that cannot be looked at is not taken for none', async () => {
    await (await openJournal(path, RUN))[Symbol.asyncDispose]();
    // Of no number of links does it ever end.
    await symlink(`${path}.left-out`, `${path}.left-out`);
    await expect(openJournal(path, RUN)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  test('of another run is forgotten, and removed with the journal', async () => {
    {
      await using journal = await openJournal(path, RUN);
      await journal.markDone(1, done(4), leftOut(4, 'a'));
    }
    {
      await using other = await openJournal(path, { ...RUN, indexCount: 101 });
      expect(other.leftOut).toStrictEqual(NOTHING_LEFT_OUT);
      await other.markDone(1, done(4), leftOut(2, 'c'));
    }
    await removeJournal(path);
    expect(existsSync(join(folder, 'state'))).toBe(false);
  });
});
