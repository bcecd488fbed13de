import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { localRunsOf, newestRun, untilRun } from '../support/local-runs.ts';
import { assertExit, runCli, startCli, until } from '../support/processes.ts';
import { filesOf, startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';

let world: SmallWorld;
/** What an undisturbed run of `FIELDS` gives. */
let expected: readonly string[];

/** One tile a metatile, so that a run can be stopped anywhere. */
const FIELDS = { maxzoom: 5, metatileSize: 1 } as const;

/** Nothing that was read is kept, so every tile takes as long as the scenes are slow. */
const FORGETFUL = { env: { TILEWRIGHT_OPEN_COGS: '1', TILEWRIGHT_BLOCK_CACHE_MIB: '1' } } as const;

beforeAll(async () => {
  world = await startSmallWorld();
  assertExit(await runCli(['render', await world.request({ ...FIELDS, output: 'undisturbed' })]), 0);
  expected = await filesOf(out('undisturbed'));
});

beforeEach(() => {
  world.restore();
  world.slowDown(100);
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

function out(name: string): string {
  return join(world.folder, name);
}

describe('a run that is under way', () => {
  test('shows how far it is, pauses, resumes and completes', async () => {
    await using running = startCli(['render', await world.request({ ...FIELDS, output: 'steered' })], FORGETFUL);
    await using runs = localRunsOf(out('steered'));
    const begun = await untilRun(runs, 'five metatiles', ({ settledMetatiles }) => settledMetatiles >= 5);
    expect(begun).toMatchObject({ engine: 'local', state: 'running', output: out('steered'), reason: null, failed: 0 });
    expect(begun.settledMetatiles).toBeLessThan(begun.metatiles);
    expect(begun.zooms.reduce((sum, { done }) => sum + done, 0)).toBe(begun.settledMetatiles);

    await runs.pause(begun.run);
    const paused = await newestRun(runs);
    expect(paused).toMatchObject({ state: 'paused', tilesPerSecond: null });
    // What was out when it was paused may still be finished: two metatiles in each process.
    world.slowDown(0);
    assertExit(await runCli(['render', await world.request({ ...FIELDS, output: 'meanwhile' })]), 0);
    const later = await newestRun(runs);
    expect(later?.state).toBe('paused');
    expect(later?.settledMetatiles).toBeLessThan(begun.metatiles - 2);
    await expect(runs.pause(begun.run)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    await expect(runs.retry(begun.run)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });

    expect(await runs.resume(begun.run)).toBe('continued');
    const { code, stderr } = await running.finished;
    assertExit({ code, stderr }, 0);
    expect(stderr).toMatch(/^paused: \d metatiles are being finished$/m);
    expect(stderr).toMatch(/^resumed$/m);
    expect(await filesOf(out('steered'))).toStrictEqual(expected);
    const ended = await newestRun(runs);
    expect(ended).toMatchObject({ state: 'complete', settledMetatiles: begun.metatiles, failedMetatiles: 0 });
    expect(ended?.endedAt).not.toBeNull();
    expect((ended?.rendered ?? 0) + (ended?.empty ?? 0)).toBe(ended?.tiles);
    expect(ended?.io.searches).toBeGreaterThan(0);
    await expect(runs.cancel(begun.run)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  test('is cancelled within seconds, also when it is paused, and taken up again', async () => {
    const request = await world.request({ ...FIELDS, output: 'cancelled' });
    await using running = startCli(['render', request], FORGETFUL);
    await using runs = localRunsOf(out('cancelled'));
    const { run } = await untilRun(runs, 'five metatiles', ({ settledMetatiles }) => settledMetatiles >= 5);
    // What is under way would take far longer than a cancellation may.
    world.slowDown(10_000);
    await runs.pause(run);
    await runs.cancel(run);
    const { code, stdout, stderr } = await running.finished;
    assertExit({ code, stderr }, 1);
    expect(stdout).toMatch(/^cancelled: /);
    expect((await newestRun(runs))?.state).toBe('cancelled');
    expect(await runs.retry(run)).toBe('here');
    world.slowDown(0);
    const continued = await runCli(['render', request]);
    assertExit(continued, 0);
    expect(continued.stderr).toMatch(/^continuing: /m);
    expect(await filesOf(out('cancelled'))).toStrictEqual(expected);
  });

  test('is not disturbed by another render of the same output', async () => {
    const request = await world.request({ ...FIELDS, output: 'owned' });
    await using running = startCli(['render', request], FORGETFUL);
    await using runs = localRunsOf(out('owned'));
    await untilRun(runs, 'a metatile', ({ settledMetatiles }) => settledMetatiles >= 1);
    // It must not be over before the other one has looked.
    const held = world.hold();
    const refused = await runCli(['render', request, '--force']);
    assertExit(refused, 1);
    expect(refused.stderr).toMatch(new RegExp(`^STORE_CONFLICT: .*found process ${running.pid} on `));
    expect(await runs.clean({ olderThanMs: 0 })).toStrictEqual([]);
    world.slowDown(0);
    held.release();
    assertExit(await running.finished, 0);
    expect(await filesOf(out('owned'))).toStrictEqual(expected);
  });

  test('ends by itself when its output is taken from it', async () => {
    await using running = startCli(['render', await world.request({ ...FIELDS, output: 'taken' })], FORGETFUL);
    await using runs = localRunsOf(out('taken'));
    await untilRun(runs, 'a metatile', ({ settledMetatiles }) => settledMetatiles >= 1);
    world.slowDown(10_000);
    const path = join(out('taken'), '.tilewright', 'owner.json');
    const owner = JSON.parse(await readFile(path, 'utf8')) as object;
    await writeFile(path, JSON.stringify({ ...owner, token: '6f1d7b4e-4a0f-4a52-9d0e-6d6d3b1d1c11' }));
    const ended = await running.finished;
    assertExit(ended, 1);
    expect(ended.stderr).toMatch(/^STORE_CONFLICT: .*another process has taken it over/m);
  });

  test('does not do what was meant for another process, or is no command', async () => {
    await using running = startCli(['render', await world.request({ ...FIELDS, output: 'hostile' })], FORGETFUL);
    await using runs = localRunsOf(out('hostile'));
    const { run } = await untilRun(runs, 'a metatile', ({ settledMetatiles }) => settledMetatiles >= 1);
    const held = world.hold();
    const control = join(out('hostile'), '.tilewright', `${run}.control.json`);
    const id = '6f1d7b4e-4a0f-4a52-9d0e-6d6d3b1d1c11';
    await writeFile(control, JSON.stringify({ v: 1, id, owner: id, command: 'cancel' }));
    await runs.pause(run);
    await writeFile(control, '{"v":1,"command":"cancel"');
    expect(await runs.resume(run)).toBe('continued');
    world.slowDown(0);
    held.release();
    assertExit(await running.finished, 0);
  });
});

describe('a run whose process was killed', () => {
  test('is interrupted, with the counts of its journal, and is taken up again', async () => {
    world.breakScenes(['south-east'], 404);
    const request = await world.request({ ...FIELDS, output: 'killed', name: 'A name' });
    await using running = startCli(['render', request], FORGETFUL);
    await using runs = localRunsOf(out('killed'));
    const seen = await untilRun(runs, 'a failure', ({ failed, rendered }) => failed >= 2 && rendered >= 2);
    running.kill('SIGKILL');
    await running.finished;
    const status = await newestRun(runs);
    const { run } = seen;
    expect(status).toMatchObject({ run, state: 'interrupted', name: 'A name', tilesPerSecond: null });
    expect(status?.failed).toBeGreaterThanOrEqual(seen.failed);
    // The second one: tiles that are made of those.
    const { ASSET_NOT_FOUND: lost = 0, TILE_CHILD_FAILED: above = 0, ...others } = status?.failuresByCode ?? {};
    expect({ failed: lost + above, others }).toStrictEqual({ failed: status?.failed, others: {} });
    expect(lost).toBeGreaterThan(0);
    expect(await runs.failures(run)).toHaveLength(status?.failed ?? -1);
    const bits = await runs.metatileBits(run, 0, 1024);
    const countOf = (bytes: Uint8Array = new Uint8Array()): number =>
      bytes.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
    const done = countOf(bits?.done);
    expect(done + countOf(bits?.failed)).toBe(status?.settledMetatiles);
    expect(countOf(bits?.failed)).toBe(status?.failedMetatiles);

    await expect(runs.pause(run)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    await expect(runs.cancel(run)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    expect([await runs.resume(run), await runs.retry(run)]).toStrictEqual(['here', 'here']);
    const kept = await runs.request(run);
    expect(kept).toMatchObject({ output: out('killed'), maxzoom: 5 });

    world.slowDown(0);
    world.breakScenes([], 0);
    // The request as it was kept is all that is needed.
    const path = join(world.folder, 'kept.json');
    await writeFile(path, JSON.stringify(kept));
    const continued = await runCli(['render', path]);
    assertExit(continued, 0);
    expect(continued.stderr).toContain(`continuing: ${done} of ${status?.metatiles} metatiles`);
    const tiles = (files: readonly string[]): readonly string[] => files.filter((file) => file.includes('.png'));
    expect(tiles(await filesOf(out('killed')))).toStrictEqual(tiles(expected));
    expect(await newestRun(runs)).toMatchObject({ run, state: 'complete', failed: 0, startedAt: seen.startedAt });
  });

  test('is forgotten by clean, with all that it left; tiles stay', async () => {
    const request = await world.request({
      minzoom: 2,
      maxzoom: 5,
      sourceMinzoom: 5,
      metatileSize: 2,
      output: 'cleaned',
    });
    await using running = startCli(['render', request], FORGETFUL);
    await using runs = localRunsOf(out('cleaned'));
    await until('a part', () => existsSync(join(out('cleaned'), '.tilewright', 'parts')));
    // Parts are removed when the run ends, which must not be before it is killed.
    world.slowDown(10_000);
    const { run } = await untilRun(runs, 'a metatile', ({ settledMetatiles }) => settledMetatiles >= 1);
    running.kill('SIGKILL');
    await running.finished;
    const halfWritten = join(out('cleaned'), '5', '77', '.6f1d7b4e-4a0f-4a52-9d0e-6d6d3b1d1c11-7.tmp');
    await mkdir(join(halfWritten, '..'), { recursive: true });
    await writeFile(halfWritten, 'half');
    const tiles = (await filesOf(out('cleaned'))).filter((file) => file.includes('.png'));
    expect(await runs.clean({ olderThanMs: 3_600_000 })).toStrictEqual([]);
    expect((await newestRun(runs))?.state).toBe('interrupted');
    expect(await runs.clean({ olderThanMs: 0 })).toStrictEqual([run]);
    expect([existsSync(join(out('cleaned'), '.tilewright')), existsSync(halfWritten)]).toStrictEqual([false, false]);
    expect((await filesOf(out('cleaned'))).filter((file) => file.includes('.png'))).toStrictEqual(tiles);
    expect(await runs.list()).toStrictEqual([]);
    await expect(runs.retry(run)).rejects.toMatchObject({ code: 'RUN_UNKNOWN' });
    world.slowDown(0);
    assertExit(await runCli(['render', request]), 0);
  });

  test('cannot be taken up by what is kept of it if a secret was left out of that', async () => {
    const url = `${world.stac.searchUrl}?token=hush`;
    const mosaic = { type: 'stac', url, query: { collections: ['scenes'] } };
    const request = await world.request({ ...FIELDS, mosaic, output: 'secret' });
    await using running = startCli(['render', request], FORGETFUL);
    await using runs = localRunsOf(out('secret'));
    const { run } = await untilRun(runs, 'a metatile', ({ settledMetatiles }) => settledMetatiles >= 1);
    running.kill('SIGKILL');
    await running.finished;
    const entries = await readdir(join(out('secret'), '.tilewright'), { withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    expect(files.length).toBeGreaterThanOrEqual(4);
    for (const file of files) {
      expect(await readFile(join(out('secret'), '.tilewright', file), 'latin1')).not.toContain('hush');
    }
    expect((await runs.request(run))?.mosaic.url).toBe(world.stac.searchUrl);
    await expect(runs.retry(run)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    world.slowDown(0);
    assertExit(await runCli(['render', request]), 0);
  });
});

test('a failure budget that is used up ends the run with 3; the same command goes on', async () => {
  world.breakScenes(['south-east', 'south-west'], 404);
  const request = await world.request({ ...FIELDS, output: 'budget' });
  const ended = await runCli(['render', request, '--max-failures', '1', '--processes', '1']);
  assertExit(ended, 3);
  const reason = 'more tiles failed than --max-failures 1 allows: 2';
  expect(ended.stdout).toContain(reason);
  await using runs = localRunsOf(out('budget'));
  const status = await newestRun(runs);
  expect(status).toMatchObject({ state: 'failed', reason, failed: 2, maxFailures: '1' });
  expect(status?.settledMetatiles).toBeLessThan(status?.metatiles ?? 0);
  world.breakScenes([], 0);
  world.slowDown(0);
  assertExit(await runCli(['render', request, '--max-failures', '1']), 0);
  expect(await filesOf(out('budget'))).toStrictEqual(expected);
  assertExit(await runCli(['render', request, '--max-failures', 'many']), 2);
});
