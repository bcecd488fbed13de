import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPlan } from '../../jobs/plan-jobs.ts';
import { journalled, localRunsOf, newestRun } from '../support/local-runs.ts';
import { assertExit, childrenOf, runCli, startCli, until } from '../support/processes.ts';
import type { Running } from '../support/processes.ts';
import { filesOf, startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';

const SEED = 20_261_122;
const PARENT_KILLS = 5;
const CHILD_KILLS = 7;

/** Zooms below 5 are made of parts that metatiles hand on, so that these are put to the test too. */
const FIELDS = { sourceMinzoom: 5, metatileSize: 2 } as const;

/** Nothing that was read is kept, so the run is long enough; a metatile may meet many kills without being to blame. */
const ENV = {
  TILEWRIGHT_OPEN_COGS: '1',
  TILEWRIGHT_BLOCK_CACHE_MIB: '1',
  TILEWRIGHT_MAX_STALLED: '100',
} as const;

let world: SmallWorld;
let expected: readonly string[];

beforeAll(async () => {
  world = await startSmallWorld();
  assertExit(await runCli(['render', await world.request({ ...FIELDS, output: 'undisturbed' })]), 0);
  expected = await filesOf(join(world.folder, 'undisturbed'));
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** Numbers in [0, 1) that are the same in every run of the test (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

test(`${PARENT_KILLS} kills of the parent and ${CHILD_KILLS} of its processes lose no tile and no metatile that was done`, async () => {
  const random = createRandom(SEED);
  const output = join(world.folder, 'chaos');
  const request = await world.request({ ...FIELDS, output: 'chaos' });
  const { metatiles } = createPlan({
    area: { bbox: [-15, -15, 60, 60] },
    minzoom: 0,
    maxzoom: 6,
    ...FIELDS,
  }).counts();
  await using runs = localRunsOf(output);
  const kinds = [...Array<'parent'>(PARENT_KILLS).fill('parent'), ...Array<'child'>(CHILD_KILLS).fill('child')]
    .map((kind) => ({ kind, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ kind }) => kind);
  world.slowDown(5);
  const start = (): Running => startCli(['render', request, '--processes', '2'], { env: ENV });
  let running = start();
  const seen: object[] = [];
  try {
    let [kills, last] = [0, 0];
    for (const kind of kinds) {
      // At a random moment of the next stretch of progress; the last kill comes before nine tenths are done.
      const goal = Math.min(last + random() * ((metatiles * 0.9) / kinds.length), metatiles * 0.9);
      const done = await until(`${Math.ceil(goal)} metatiles`, async () => {
        const count = await journalled(output);
        return count >= goal ? count : null;
      });
      expect(done, 'what was done stays done').toBeGreaterThanOrEqual(last);
      last = done;
      if (kind === 'parent') {
        running.kill('SIGKILL');
        await running.finished;
        // Killed before it began, it has left nothing.
        const { state = 'interrupted', settledMetatiles = 0, failed = 0 } = (await newestRun(runs)) ?? {};
        seen.push({ state, failed, isCounted: settledMetatiles >= done });
        running = start();
      } else {
        const children = await until('children', async () => {
          const found = await childrenOf(running.pid);
          return found.length > 0 ? found : null;
        });
        process.kill(children[Math.floor(random() * children.length)] ?? 0, 'SIGKILL');
      }
      kills++;
    }
    expect(kills).toBe(PARENT_KILLS + CHILD_KILLS);
    const interrupted = { state: 'interrupted', failed: 0, isCounted: true };
    expect(seen).toStrictEqual(Array.from({ length: PARENT_KILLS }, () => interrupted));
    world.slowDown(0);
    const { code, stderr } = await running.finished;
    assertExit({ code, stderr }, 0);
  } finally {
    await running[Symbol.asyncDispose]();
  }
  const isHalfWritten = (file: string): boolean => /(^|\/)\.[^/]+\.tmp /.test(file);
  expect((await filesOf(output)).filter((file) => !isHalfWritten(file))).toStrictEqual(expected);
  const left = await readdir(join(output, '.tilewright'), { recursive: true });
  expect(left.toSorted()).toStrictEqual([
    expect.stringMatching(/^[0-9a-f]{16}-1\.request\.json$/),
    expect.stringMatching(/^[0-9a-f]{16}-1\.status\.json$/),
    'versions',
    expect.stringMatching(/^versions\/1-[0-9a-f]{8}\.records\.gz$/),
  ]);
  const status = await newestRun(runs);
  expect(status).toMatchObject({ state: 'complete', metatiles, settledMetatiles: metatiles, failed: 0 });
  expect((status?.rendered ?? 0) + (status?.empty ?? 0)).toBe(status?.tiles);
  // Half-written tiles are all that is left, and go with the rest.
  expect(await runs.clean({ olderThanMs: 0 })).toHaveLength(1);
  const names = await readdir(output, { recursive: true });
  // The records of its tiles are a part of it.
  expect(names.filter((name) => name.includes('.tmp') || /\.tilewright\/(?!versions)/.test(name))).toStrictEqual([]);
});
