import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { SILENT } from '../../src/observe.ts';
import { createWorkerRuntime } from '../../workers/runtime.ts';
import { startChaosWorld } from '../support/chaos-world.ts';
import type { ChaosWorld } from '../support/chaos-world.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { countResources, leaksSince } from '../support/leak-check.ts';
import { connectionsOf, openHandles, sumOf } from '../support/process-handles.ts';
import { assertExit, runCli, until } from '../support/processes.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

const RUNS = 3;

let world: ChaosWorld;

beforeAll(async () => {
  world = await startChaosWorld({
    env: {},
    request: { area: { bbox: [-5, -5, 45, 45] }, minzoom: 0, maxzoom: 5, sourceMinzoom: 5, metatileSize: 1 },
  });
}, INSTALL_TIMEOUT_MS);

afterAll(async () => world[Symbol.asyncDispose]());

/** A run of some 60 metatiles, read over HTTP, written to S3. */
async function renderRun(name: string): Promise<void> {
  assertExit(await runCli(['seed', await world.request(name, 's3'), '--wait'], world), 0);
}

test('a worker process has no more open after several runs than after the first', async () => {
  await using worker = startWorkerProcess(world);
  await worker.ready();
  await renderRun('outside-0');
  const [handles, connections] = [await openHandles(worker.pid), await connectionsOf(world.look)];
  for (let n = 1; n < RUNS; n++) await renderRun(`outside-${n}`);
  // Connections that are idle close by themselves after some seconds.
  await until('as few open files and sockets', async () => sumOf(await openHandles(worker.pid)) <= sumOf(handles));
  expect(await connectionsOf(world.look)).toBeLessThanOrEqual(connections);
  // Node says so when listeners pile up on anything.
  expect(worker.log()).not.toContain('MaxListenersExceeded');
  worker.kill('SIGTERM');
  expect(await worker.exited).toBe(0);
});

test('inside a process, no timer, socket or listener is added by a run, and none is left when it has closed', async () => {
  const before = countResources();
  const connections = await connectionsOf(world.look);
  const environment = { ...process.env };
  // The SDK reads its settings from the environment.
  Object.assign(process.env, world.env);
  const runtime = createWorkerRuntime(parseConfig(world.env), SILENT);
  try {
    await runtime.ready();
    await renderRun('inside-0');
    const first = countResources();
    for (let n = 1; n < RUNS; n++) await renderRun(`inside-${n}`);
    await until('as few of each', () => leaksSince(first).length === 0);
  } finally {
    await runtime.close(20_000);
    for (const name of Object.keys(world.env)) delete process.env[name];
    Object.assign(process.env, environment);
  }
  await until('nothing to be left', () => leaksSince(before).length === 0);
  await until('its connections to be closed', async () => (await connectionsOf(world.look)) <= connections);
  expect(leaksSince(before)).toStrictEqual([]);
});
