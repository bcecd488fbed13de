import { ensureBuilt } from '../support/build.ts';
import { startChaosWorld } from '../support/chaos-world.ts';
import type { ChaosWorld } from '../support/chaos-world.ts';
import { startCli, until } from '../support/processes.ts';
import { startWorkerProcess } from '../support/worker-process.ts';
import type { WorkerProcess } from '../support/worker-process.ts';
import { printTable } from './measured-run.ts';

const HEAD = ['SIGTERM', 'times', 'seconds to exit: median', 'most', 'exit codes', 'metatiles failed'];

/** How often each is done. */
const TIMES = 7;

/** Of every read of a scene: a metatile takes some of these. */
const READ_MS = 100;

/** What one signal came to. */
interface Stop {
  readonly seconds: number;
  readonly code: number | null;
}

/** What the signals of one run came to, and how many metatiles it failed. */
interface Stopped {
  readonly stops: readonly Stop[];
  readonly failed: number;
}

/**
 * How long a worker takes to end after SIGTERM, with default settings, in the midst of real rendering. A metatile has one
 * attempt: one that used it up without being rendered would be among the failed.
 */
export async function benchShutdown(): Promise<void> {
  await ensureBuilt();
  await using world = await startChaosWorld({
    env: { TILEWRIGHT_ATTEMPTS: '1' },
    request: { area: { bbox: [-5, -5, 45, 45] }, minzoom: 0, maxzoom: 8, sourceMinzoom: 8, metatileSize: 2 },
  });
  const expected = JSON.stringify(await world.undisturbed());
  const rows: string[][] = [];
  const add = async (what: string, name: string, stops: readonly Stop[], failed: number): Promise<void> => {
    const times = stops.map(({ seconds }) => seconds).toSorted((a, b) => a - b);
    const codes = [...new Set(stops.map(({ code }) => String(code)))].join(', ');
    const bytes = JSON.stringify(await world.objects(name)) === expected ? '' : '; BYTES DIFFER';
    const [median, most] = [times[Math.floor(times.length / 2)] ?? 0, times.at(-1) ?? 0];
    rows.push([what, String(stops.length), median.toFixed(2), most.toFixed(2), codes, `${failed}${bytes}`]);
    process.stdout.write(`${rows.at(-1)?.join(' | ')}\n`);
  };
  const rolled = await rollWorkers(world, 'rolled', READ_MS, {});
  await add('a worker under load, replaced', 'rolled', rolled.stops, rolled.failed);
  const handedBack = await rollWorkers(world, 'handed-back', 5_000, { TILEWRIGHT_SHUTDOWN_GRACE_MS: '3000' });
  await add('with 3 s for metatiles that take longer', 'handed-back', handedBack.stops, handedBack.failed);
  const away = await stopWithoutRedis(world, 'redis-away');
  await add('while Redis is away', 'redis-away', away.stops, away.failed);
  const fleets = await stopFleets(world, 'fleets');
  await add('a fleet of two under load', 'fleets', fleets.stops, fleets.failed);
  printTable(HEAD, rows);
}

async function settledOf({ queues }: ChaosWorld, run: string): Promise<number> {
  return (await queues.runStore.progress(run))?.settledMetatiles ?? 0;
}

async function stop(worker: { kill(signal: NodeJS.Signals): void }, exited: Promise<number | null>): Promise<Stop> {
  const startedAt = performance.now();
  worker.kill('SIGTERM');
  const code = await exited;
  return { seconds: (performance.now() - startedAt) / 1000, code };
}

/** Seeds a run whose reads are slow, stops its workers, and has another one do the rest. */
async function inRun(
  world: ChaosWorld,
  name: string,
  stopWorkers: (run: string) => Promise<readonly Stop[]>,
): Promise<Stopped> {
  world.scenes.slowDown(READ_MS);
  const run = await world.seed(name);
  const stops = await stopWorkers(run);
  return { stops, failed: await finish(world, run) };
}

/** Has one more worker do what is left of a run, with every read quick. @returns failed metatiles */
async function finish(world: ChaosWorld, run: string): Promise<number> {
  world.scenes.slowDown(0);
  await using worker = startWorkerProcess(world);
  await worker.ready();
  const progress = await until('the end of the run', async () => {
    const found = await world.queues.runStore.progress(run);
    return found?.state === 'running' ? null : found;
  });
  return progress.failedMetatiles;
}

async function untilReading({ scenes }: ChaosWorld): Promise<void> {
  const reads = scenes.reads();
  await until('a read', () => scenes.reads() > reads + 1);
}

/** Two workers, of which one after the other is stopped in the midst of a metatile and replaced. */
async function rollWorkers(
  world: ChaosWorld,
  name: string,
  readMs: number,
  settings: Readonly<Record<string, string>>,
): Promise<Stopped> {
  const env = { ...world.env, ...settings };
  const workers: WorkerProcess[] = [startWorkerProcess({ env }), startWorkerProcess({ env })];
  const stops: Stop[] = [];
  try {
    return await inRun(world, name, async () => {
      world.scenes.slowDown(readMs);
      for (let n = 0; n < TIMES; n++) {
        const next = startWorkerProcess({ env });
        workers.push(next);
        await next.ready();
        await untilReading(world);
        const worker = workers.shift()!;
        stops.push(await stop(worker, worker.exited));
      }
      return stops;
    });
  } finally {
    for (const worker of workers) await worker[Symbol.asyncDispose]();
  }
}

async function stopWithoutRedis(world: ChaosWorld, name: string): Promise<Stopped> {
  return await inRun(world, name, async () => {
    const workers = [startWorkerProcess(world), startWorkerProcess(world)];
    await Promise.all(workers.map((worker) => worker.ready()));
    await untilReading(world);
    await world.redis.kill();
    const stops = await Promise.all(
      workers.map(async (worker) => {
        await until('the worker to notice', () => worker.log().includes('Redis is away'));
        return await stop(worker, worker.exited);
      }),
    );
    await world.redis.start();
    return stops;
  });
}

async function stopFleets(world: ChaosWorld, name: string): Promise<Stopped> {
  return await inRun(world, name, async (run) => {
    const stops: Stop[] = [];
    for (let n = 0; n < TIMES; n++) {
      await using fleet = startCli(['worker', '--processes', '2'], world);
      const settled = await settledOf(world, run);
      await until('the fleet to work', async () => (await settledOf(world, run)) > settled + 2);
      const exited = fleet.finished.then(({ code }) => code);
      stops.push(await stop(fleet, exited));
    }
    return stops;
  });
}
