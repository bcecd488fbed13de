import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { localRunsOf, untilRun } from '../support/local-runs.ts';
import { assertExit, runCli, startCli, until } from '../support/processes.ts';
import type { Running } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import type { RedisServer } from '../support/redis.ts';
import { startAll } from '../support/server-process.ts';
import { filesOf, startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';

let world: SmallWorld;
let redis: RedisServer;
let expected: readonly string[];

interface Shown {
  readonly run: string;
  readonly state: string;
  readonly settledMetatiles: number;
  readonly metatiles: number;
  readonly zooms: readonly { readonly z: number; readonly done: number }[];
}

beforeAll(async () => {
  [world, redis] = await startAll(startSmallWorld(), startRedis());
  assertExit(await runCli(['render', await world.request(), '--output', out('plain')]), 0);
  expected = await filesOf(out('plain'));
}, INSTALL_TIMEOUT_MS);

afterEach(() => world.restore());

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

function out(name: string): string {
  return join(world.folder, name);
}

/** One of the two engines: how a run is begun, and what names it. */
interface Engine {
  begin(output: string): Promise<{ readonly name: string; readonly running: Running | null }>;
  readonly options: readonly string[];
}

const local: Engine = {
  options: [],
  async begin(output) {
    const running = startCli(['render', await world.request(), '--output', output, '--processes', '1']);
    await using runs = localRunsOf(output);
    await untilRun(runs, 'the run', () => true);
    return { name: output, running };
  },
};

const queue: Engine = {
  get options() {
    return ['--redis', redis.url];
  },
  async begin(output) {
    const { stdout } = await runCli(['seed', await world.request(), '--output', output, '--json', ...this.options]);
    const { run } = JSON.parse(stdout) as { readonly run: string };
    return { name: run, running: null };
  },
};

describe.each([
  ['a folder', local],
  ['the queue', queue],
])('a run of %s', (_, engine) => {
  async function shown(name: string): Promise<Shown> {
    const { code, stdout, stderr } = await runCli(['status', name, '--json', ...engine.options]);
    assertExit({ code, stderr }, 0);
    return JSON.parse(stdout) as Shown;
  }
  const steer = async (command: string, name: string): Promise<void> => {
    assertExit(await runCli([command, name, ...engine.options]), 0);
  };

  test('is paused, resumed, cancelled and taken up again by commands, and ends with the same bytes', async () => {
    const output = out(`steered-${engine === local ? 'local' : 'queue'}`);
    await mkdir(output, { recursive: true });
    // One by one until it has begun, and then none: what waits for a read still waits when the next command comes.
    const held = world.hold();
    const answering = setInterval(() => held.answerOne(), 20);
    const { name, running } = await engine.begin(output).finally(() => clearInterval(answering));
    await using worker = engine === queue ? startCli(['worker', '--processes', '1', ...engine.options]) : null;
    await until('it reads', () => held.waiting() > 0);
    await steer('pause', name);
    const paused = await shown(name);
    expect(paused).toMatchObject({ state: 'paused' });
    expect(paused.settledMetatiles).toBeLessThan(paused.metatiles);
    expect((await runCli(['pause', name, ...engine.options])).code).toBe(2);
    await steer('resume', name);
    expect(await shown(name)).toMatchObject({ state: 'running' });
    await steer('cancel', name);
    expect(await shown(name)).toMatchObject({ state: 'cancelled' });
    expect((await running?.finished)?.code ?? 1).toBe(1);
    held.release();
    await steer('retry', name);
    const done = await until('it is complete', async () => {
      const status = await shown(name);
      return status.state === 'complete' ? status : null;
    });
    expect(done.settledMetatiles).toBe(done.metatiles);
    expect(done.zooms.reduce((sum, zoom) => sum + zoom.done, 0)).toBe(done.metatiles);
    expect(await filesOf(output)).toStrictEqual(expected);
    const text = await runCli(['status', name, ...engine.options]);
    expect(text.stdout).toMatch(/complete {2}[\d,]+\/[\d,]+ tiles/);
    expect(text.stdout).toMatch(/^ {2}zoom +\d+ {2}\d+\/\d+ metatiles$/m);
    const watched = await runCli(['status', name, '--watch', ...engine.options]);
    expect(watched.stdout).toBe(text.stdout);
    const place = engine === local ? [output] : [];
    expect((await runCli(['list', ...place, ...engine.options])).stdout).toContain(done.run);
    expect((await runCli(['clean', ...place, '--older-than', '0', ...engine.options])).stdout).toContain(done.run);
    expect((await runCli(['status', name, ...engine.options])).code).toBe(2);
    expect(worker === null || (await runCli(['list', ...engine.options])).stdout === '').toBe(true);
  });

  test('that failed says what failed, of what, and why', async () => {
    const output = out(`failed-${engine === local ? 'local' : 'queue'}`);
    world.breakScenes(['south-west'], 403);
    await using _ = engine === queue ? startCli(['worker', '--processes', '1', ...engine.options]) : null;
    const { name } = await engine.begin(output);
    await until('it has failed', async () => (await shown(name)).state === 'failed');
    const { stdout } = await runCli(['status', name, ...engine.options]);
    expect(stdout).toMatch(/^ {2}ASSET_FORBIDDEN {2}\d+ tiles$/m);
    expect(stdout).toMatch(/^ {2}\d+\/\d+\/\d+ {2}ASSET_FORBIDDEN scenes\/south-west\/visual: /m);
    world.breakScenes([], 0);
    await steer('retry', name);
    await until('it is complete', async () => (await shown(name)).state === 'complete');
    expect(await filesOf(output)).toStrictEqual(expected);
  });
});

test('a folder without a run, and a run that there is not, are said so', async () => {
  const nothing = await runCli(['status', out('nothing')]);
  expect(nothing).toMatchObject({ code: 2 });
  expect(nothing.stderr).toMatch(/^RUN_UNKNOWN: /);
  const unknown = await runCli(['pause', '0123456789abcdef-1', '--redis', redis.url]);
  expect(unknown).toMatchObject({ code: 2 });
  expect(unknown.stderr).toMatch(/^RUN_UNKNOWN: /);
});
