import { ensureBuilt } from '../support/build.ts';
import { startChaosWorld } from '../support/chaos-world.ts';
import type { ChaosWorld } from '../support/chaos-world.ts';
import { connectionsOf, openHandles } from '../support/process-handles.ts';
import type { OpenHandles } from '../support/process-handles.ts';
import { assertExit, startCli } from '../support/processes.ts';
import { startWorkerProcess } from '../support/worker-process.ts';
import { printTable } from './measured-run.ts';
import { mebibytesOf } from './process-watch.ts';

const HEAD = ['metatiles', 'RSS, MiB', 'sockets', 'other handles', 'Redis connections'];

/** Metatiles between two looks that are printed. */
const STEP = 500;

const LOOK_MS = 200;

interface Look {
  readonly metatiles: number;
  readonly mebibytes: number;
  readonly handles: OpenHandles;
  readonly connections: number;
}

/**
 * What one worker process has after how many metatiles: some 10,000 of one tile each, read over HTTP, written to S3. The
 * slope of its memory is that of the line of least squares through all looks of the second half.
 */
export async function benchLeaks(): Promise<void> {
  await ensureBuilt();
  await using world = await startChaosWorld({
    env: {},
    request: { area: { bbox: [0.1, 1.1, 33, 34.5] }, minzoom: 10, maxzoom: 10, metatileSize: 1 },
  });
  await using worker = startWorkerProcess(world);
  await worker.ready();
  await using seed = startCli(['seed', await world.request('leaks', 's3'), '--wait'], world);
  const looks = await watch(world, worker.pid, seed.finished);
  assertExit(await seed.finished, 0);
  const last = looks.at(-1)!.metatiles;
  const shown = looks.filter(({ metatiles }, n) => {
    const previous = looks[n - 1]?.metatiles ?? -1;
    return Math.floor(metatiles / STEP) > Math.floor(previous / STEP) || n === looks.length - 1;
  });
  printTable(
    HEAD,
    shown.map(({ metatiles, mebibytes, handles: { socket = 0, ...others }, connections }) => [
      String(metatiles),
      mebibytes.toFixed(1),
      String(socket),
      String(Object.values(others).reduce((sum, count) => sum + count, 0)),
      String(connections),
    ]),
  );
  const slope = slopeOf(looks.filter(({ metatiles }) => metatiles >= last / 2));
  const warned = worker.log().includes('MaxListenersExceeded');
  process.stdout.write(
    `\nRSS over the second half: ${(slope * 1024 * 1000).toFixed(0)} KiB for 1,000 metatiles; ` +
      `warnings of too many listeners: ${warned ? 'some' : 'none'}\n`,
  );
}

async function watch(world: ChaosWorld, pid: number, finished: Promise<unknown>): Promise<readonly Look[]> {
  const looks: Look[] = [];
  const over = finished.then(() => true);
  const pause = (): Promise<false> => new Promise((resolve) => setTimeout(() => resolve(false), LOOK_MS));
  do {
    const [run] = await world.queues.runStore.list();
    const progress = run === undefined ? null : await world.queues.runStore.progress(run);
    if (progress !== null) {
      looks.push({
        metatiles: progress.settledMetatiles,
        mebibytes: await mebibytesOf(pid),
        handles: await openHandles(pid),
        connections: await connectionsOf(world.look),
      });
    }
  } while (!(await Promise.race([over, pause()])));
  return looks;
}

/** MiB a metatile. */
function slopeOf(looks: readonly Look[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(looks.map(({ metatiles }) => metatiles));
  const y = mean(looks.map(({ mebibytes }) => mebibytes));
  const covariance = mean(looks.map(({ metatiles, mebibytes }) => (metatiles - x) * (mebibytes - y)));
  const variance = mean(looks.map(({ metatiles }) => (metatiles - x) ** 2));
  return variance === 0 ? 0 : covariance / variance;
}
