import { ensureBuilt } from '../support/build.ts';
import { startChaosWorld } from '../support/chaos-world.ts';
import type { ChaosWorld } from '../support/chaos-world.ts';
import { connectionsOf, openHandles } from '../support/process-handles.ts';
import type { OpenHandles } from '../support/process-handles.ts';
import { assertExit, startCli } from '../support/processes.ts';
import { startWorkerProcess } from '../support/worker-process.ts';
import { openHeapInspector } from './collected-heap.ts';
import type { CollectedHeap, HeapInspector } from './collected-heap.ts';
import { printTable } from './measured-run.ts';
import { mebibytesOf } from './process-watch.ts';

const HEAD = [
  'metatiles',
  'RSS, MiB',
  'objects, MiB',
  'held by objects, MiB',
  'sockets',
  'other handles',
  'Redis connections',
];

/** Metatiles between two looks. */
const STEP = 500;

const LOOK_MS = 200;

interface Look {
  readonly metatiles: number;
  readonly mebibytes: number;
  /** Right after a collection: nothing of it is rubbish. */
  readonly heap: CollectedHeap;
  readonly handles: OpenHandles;
  readonly connections: number;
}

/**
 * What one worker process has after how many metatiles: more than 10,000 of one tile each, read over HTTP, written to S3. Its
 * memory is looked at right after collections, as what has not been collected yet says nothing; the slopes are those of the
 * lines of least squares through the second half.
 */
export async function benchLeaks(): Promise<void> {
  await ensureBuilt();
  await using world = await startChaosWorld({
    env: {},
    request: { area: { bbox: [0.1, 1.1, 36, 36.5] }, minzoom: 10, maxzoom: 10, metatileSize: 1 },
  });
  await using worker = startWorkerProcess({ env: world.env, flags: ['--inspect=127.0.0.1:0'] });
  await worker.ready();
  await using inspector = await openHeapInspector(worker.log());
  await using seed = startCli(['seed', await world.request('leaks', 's3'), '--wait'], world);
  const looks = await watch(world, worker.pid, inspector, seed.finished);
  assertExit(await seed.finished, 0);
  printTable(
    HEAD,
    looks.map(({ metatiles, mebibytes, heap, handles: { socket = 0, ...others }, connections }) => [
      String(metatiles),
      mebibytes.toFixed(1),
      toMebibytes(heap.heapUsed).toFixed(2),
      toMebibytes(heap.external).toFixed(2),
      String(socket),
      String(Object.values(others).reduce((sum, count) => sum + count, 0)),
      String(connections),
    ]),
  );
  const last = looks.at(-1)!.metatiles;
  const half = looks.filter(({ metatiles }) => metatiles >= last / 2);
  const slope = (of: (look: Look) => number): string => (slopeOf(half, of) * 1024 * 1000).toFixed(0);
  const warned = worker.log().includes('MaxListenersExceeded');
  process.stdout.write(
    `\nKiB for 1,000 metatiles of the second half: objects ${slope(({ heap }) => toMebibytes(heap.heapUsed))}, ` +
      `held by objects ${slope(({ heap }) => toMebibytes(heap.external))}, RSS ${slope(({ mebibytes }) => mebibytes)}; ` +
      `warnings of too many listeners: ${warned ? 'some' : 'none'}\n`,
  );
}

async function watch(
  world: ChaosWorld,
  pid: number,
  inspector: HeapInspector,
  finished: Promise<unknown>,
): Promise<readonly Look[]> {
  const looks: Look[] = [];
  const over = finished.then(() => true);
  const pause = (): Promise<false> => new Promise((resolve) => setTimeout(() => resolve(false), LOOK_MS));
  do {
    const [run] = await world.queues.runStore.list();
    const progress = run === undefined ? null : await world.queues.runStore.progress(run);
    const metatiles = progress?.settledMetatiles ?? 0;
    if (progress === null || metatiles < (looks.at(-1)?.metatiles ?? -STEP) + STEP) continue;
    const heap = await inspector.collect();
    looks.push({
      metatiles,
      mebibytes: await mebibytesOf(pid),
      heap,
      handles: await openHandles(pid),
      connections: await connectionsOf(world.look),
    });
  } while (!(await Promise.race([over, pause()])));
  return looks;
}

function toMebibytes(bytes: number): number {
  return bytes / 1024 ** 2;
}

/** MiB a metatile. */
function slopeOf(looks: readonly Look[], of: (look: Look) => number): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(looks.map(({ metatiles }) => metatiles));
  const y = mean(looks.map(of));
  const covariance = mean(looks.map((look) => (look.metatiles - x) * (of(look) - y)));
  const variance = mean(looks.map(({ metatiles }) => (metatiles - x) ** 2));
  return variance === 0 ? 0 : covariance / variance;
}
