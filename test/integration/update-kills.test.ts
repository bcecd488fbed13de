import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createIoCounters } from '../../src/observe.ts';
import { openTileStore } from '../../src/store/open-store.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { localRunsOf, untilRun } from '../support/local-runs.ts';
import { assertExit, runCli, startCli, until } from '../support/processes.ts';
import { SCENES, startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';
import { digestOf, leftIn, summaryOf, tilesIn } from '../support/updates.ts';

const ALL = SCENES.map(({ id }) => id);
const WITHOUT = ALL.filter((id) => id !== 'south-east');
const CHAIN = { minzoom: 1, maxzoom: 6, sourceMinzoom: 5, metatileSize: 2 } as const;

/** Nothing that was read is kept, so that a run is long enough to be stopped in its midst. */
const FORGETFUL = { env: { TILEWRIGHT_OPEN_COGS: '1', TILEWRIGHT_BLOCK_CACHE_MIB: '1' } } as const;
/** A folder, and an archive. */
const NAMES = ['kills', 'kills.pmtiles'] as const;

const UPDATE = ['--update', '--keep-parts', '--json'] as const;

let world: SmallWorld;
/** Tiles with all scenes, and without one. */
let [full, reduced]: (readonly string[])[] = [[], []];

beforeAll(async () => {
  world = await startSmallWorld();
  for (const name of NAMES) await fresh(`full/${name}`);
  full = await tilesIn(out('full/kills'));
  world.serveScenes(WITHOUT);
  await fresh('reduced');
  reduced = await tilesIn(out('reduced'));
}, INSTALL_TIMEOUT_MS);

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

beforeEach(() => {
  world.serveScenes(ALL);
});

function out(name: string): string {
  return join(world.folder, name);
}

async function fresh(output: string): Promise<void> {
  assertExit(await runCli(['render', await world.request({ ...CHAIN, output }), '--keep-parts']), 0);
}

/** A copy of what was rendered with all scenes, which is the same each time. @returns its output of that name */
async function copied(folder: string, name: (typeof NAMES)[number]): Promise<string> {
  await cp(out('full'), out(folder), { recursive: true });
  return `${folder}/${name}`;
}

/** True if a metatile has staged what it rendered. */
async function hasRendered(output: string): Promise<boolean> {
  const [signal, counters] = [new AbortController().signal, createIoCounters()];
  await using store = await openTileStore(output, { extension: 'png', contentType: 'image/png', counters }, { signal });
  for await (const index of store.stagedIndices({ signal })) {
    if ((await store.staged(index, { signal }))?.kind === 'rendered') return true;
  }
  return false;
}

/** Kills an update of a finished output after it has staged some metatiles. */
async function killUpdate(output: string, stop: (pid: number, run: string) => Promise<void>): Promise<string> {
  const request = await world.request({ ...CHAIN, output });
  const reads = world.hold();
  await using running = startCli(['render', request, ...UPDATE, '--processes', '2'], FORGETFUL);
  await using runs = localRunsOf(out(output));
  const { run } = await untilRun(runs, 'the run', ({ state }) => state === 'running');
  await until('a metatile', async () => {
    // It goes only as far as it is looked at, and so is never through before it is stopped.
    reads.answerOne();
    return await hasRendered(out(output));
  });
  await stop(running.pid, run);
  reads.release();
  await running.finished;
  return request;
}

const killed = async (pid: number): Promise<void> => {
  process.kill(pid, 'SIGKILL');
  await Promise.resolve();
};

describe.each(NAMES)('an update of %s that was killed', (name) => {
  const contentOf = async (output: string): Promise<unknown> =>
    name.endsWith('.pmtiles') ? await digestOf(out(output)) : await tilesIn(out(output));
  const begun = async (kind: string): Promise<string> => await copied(`${kind}-${name}`, name);

  test('is continued as what it is by a render of the request', async () => {
    const [continued, anew] = [await begun('continued'), await begun('anew')];
    world.serveScenes(WITHOUT);
    const request = await killUpdate(continued, killed);
    const finished = await runCli(['render', request, '--json']);
    assertExit(finished, 0);
    expect(finished.stderr).toMatch(/continuing: \d+ of \d+ metatiles/);
    expect(summaryOf(finished.stdout).unchanged).toBeGreaterThan(0);
    expect(summaryOf(finished.stdout).version).toMatch(/^2-/);
    assertExit(await runCli(['render', await world.request({ ...CHAIN, output: anew }), '--force']), 0);
    expect(await contentOf(continued)).toStrictEqual(await contentOf(anew));
  });

  test('leaves nothing behind for the next update, of a catalog that is as it was before', async () => {
    const back = await begun('back');
    const before = await contentOf(back);
    world.serveScenes(WITHOUT);
    const request = await killUpdate(back, killed);
    expect(await contentOf(back)).toBeTruthy();
    world.serveScenes(ALL);
    const finished = await runCli(['render', request, ...UPDATE]);
    assertExit(finished, 0);
    const { unchanged = 0, metatiles, version } = summaryOf(finished.stdout);
    // What had been begun is rendered again, whatever it is made of.
    expect(unchanged).toBeGreaterThan(0);
    expect(unchanged).toBeLessThan(metatiles);
    expect(version).toMatch(/^3-/);
    expect(await contentOf(back)).toStrictEqual(before);
  });
});

test('an update that was cancelled is taken up by the next one', async () => {
  const cancelled = await copied('cancelled', 'kills');
  world.serveScenes(WITHOUT);
  await using runs = localRunsOf(out(cancelled));
  const request = await killUpdate(cancelled, async (_, run) => await runs.cancel(run));
  const manifest = JSON.parse(await readFile(join(out(cancelled), 'tilewright.json'), 'utf8')) as object;
  expect(manifest).toMatchObject({ state: 'rendering', update: { only: null } });
  await until('what it has staged', async () => (await leftIn(out(cancelled), 'segments')).length > 0);
  const finished = await runCli(['render', request, ...UPDATE]);
  assertExit(finished, 0);
  expect(await tilesIn(out(cancelled))).toStrictEqual(reduced);
  expect(full).not.toStrictEqual(reduced);
});
