import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { openQueues } from '../../jobs/queue/queues.ts';
import type { Queues } from '../../jobs/queue/queues.ts';
import { parseConfig } from '../../src/config.ts';
import { ensureBuilt } from '../support/build.ts';
import { assertExit, runCli, startCli, until } from '../support/processes.ts';
import { createOwnRedis } from '../support/redis.ts';
import type { OwnRedis } from '../support/redis.ts';
import { startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';
import { startWorkerProcess } from '../support/worker-process.ts';
import type { WorkerProcess } from '../support/worker-process.ts';
import { printTable } from './measured-run.ts';
import { cpuSecondsOf, peakMebibytesOf } from './process-watch.ts';

/** A tileset of the world, from -180 degrees on to the east, and how much of it is driven. */
interface ScaleRun {
  readonly name: string;
  readonly east: number;
  readonly maxzoom: number;
  readonly metatileSize: number;
  /** Metatiles from the beginning; null = all. */
  readonly first: number | null;
  /** Where it is taken up again, as parts of its metatiles, and how many are driven from there; null = to the end. */
  readonly resumes: readonly { readonly at: number; readonly count: number | null }[];
}

const RUNS: readonly ScaleRun[] = [
  { name: '1e6', east: 77.5, maxzoom: 10, metatileSize: 8, first: null, resumes: [] },
  { name: '1e8', east: -79.3, maxzoom: 14, metatileSize: 16, first: null, resumes: [] },
  {
    name: '1e9',
    east: 71.4,
    maxzoom: 15,
    metatileSize: 16,
    first: 200_000,
    resumes: [
      { at: 0.5, count: 100_000 },
      { at: 0.98, count: null },
    ],
  },
];

const HEAD = [
  'run',
  'tiles',
  'metatiles',
  'driven',
  'seconds',
  'metatiles/s',
  'first after, s',
  'Redis above idle, MiB: peak',
  'mean',
  'Redis CPU µs a metatile',
  'worker CPU µs a metatile',
  'peak RSS of a worker, MiB',
  'of seed, MiB',
];

/** How often Redis and the run are looked at. */
const LOOK_MS = 250;

/**
 * Whole runs with a renderer that costs nothing: real queues, supervisor, metatile processor, commands. 1e9 is driven in
 * parts: its beginning, and from the middle and near the end, where everything before is marked as done.
 *
 * BENCH_SCALE: names of the runs, by default all. BENCH_METATILES: at most so many of each run and part, by default as
 * above; 50000 takes some three minutes. BENCH_WORKERS: processes, by default 2.
 * BENCH_CONCURRENCY: metatiles under way for each, by default 16: as they cost nothing, all waiting is for Redis.
 */
export async function benchScale(): Promise<void> {
  await ensureBuilt();
  await using world = await startSmallWorld();
  const rows: string[][] = [];
  const names = process.env['BENCH_SCALE']?.split(',') ?? RUNS.map(({ name }) => name);
  for (const run of RUNS.filter(({ name }) => names.includes(name))) rows.push(...(await benchRun(run, world)));
  printTable(HEAD, rows);
}

/** All that one run is driven with. */
interface Bench {
  readonly redis: OwnRedis;
  readonly look: Redis;
  readonly queues: Queues;
  readonly workers: readonly WorkerProcess[];
  readonly env: Readonly<Record<string, string>>;
}

async function benchRun(scale: ScaleRun, world: SmallWorld): Promise<string[][]> {
  await using redis = await createOwnRedis({ appendOnly: false });
  await redis.start();
  const env = { ...redis.env, TILEWRIGHT_WORKER_CONCURRENCY: process.env['BENCH_CONCURRENCY'] ?? '16' };
  const queues = await openQueues(parseConfig(env));
  const look = new Redis(redis.url);
  const workers = Array.from({ length: Number(process.env['BENCH_WORKERS'] ?? 2) }, () =>
    startWorkerProcess({ env, entry: fileURLToPath(new URL('dry-worker.mjs', import.meta.url)) }),
  );
  const bench: Bench = { redis, look, queues, workers, env };
  try {
    await Promise.all(workers.map((worker) => worker.ready()));
    return await driveRun(scale, world, bench);
  } finally {
    for (const worker of workers) await worker[Symbol.asyncDispose]();
    look.disconnect();
    await queues[Symbol.asyncDispose]();
  }
}

async function driveRun(scale: ScaleRun, world: SmallWorld, bench: Bench): Promise<string[][]> {
  const { name, east, maxzoom, metatileSize } = scale;
  const area = { bbox: [-180, -85.06, east, 85.06] };
  const path = await world.request({ area, minzoom: 0, maxzoom, metatileSize, output: `scale-${name}` });
  const idle = await usedMemory(bench.look);
  const before = await cpuOf(bench);
  const startedAt = performance.now();
  const { run, peak: seedPeak } = await seed(path, bench);
  const record = await bench.queues.runStore.get(run);
  if (record === null) throw new Error(`The run ${run} is not there`);
  const { metatiles, tiles, indexCount } = record;
  const rows: string[][] = [];
  const add = async (part: string, stretch: Stretch): Promise<void> => {
    const { seconds, driven, firstSeconds, memory, redisCpu, workerCpu } = stretch;
    const peaks = await Promise.all(bench.workers.map(({ pid }) => peakMebibytesOf(pid)));
    const mebibytes = (bytes: number): string => ((bytes - idle) / 2 ** 20).toFixed(1);
    const row = [
      `${name}${part}`,
      String(tiles),
      String(metatiles),
      String(driven),
      seconds.toFixed(1),
      (driven / seconds).toFixed(0),
      firstSeconds.toFixed(1),
      mebibytes(Math.max(...memory)),
      mebibytes(memory.reduce((sum, bytes) => sum + bytes, 0) / memory.length),
      ((redisCpu * 1e6) / driven).toFixed(0),
      ((workerCpu * 1e6) / driven).toFixed(0),
      Math.max(...peaks).toFixed(0),
      seedPeak.toFixed(0),
    ];
    process.stdout.write(`${row.join(' | ')}\n`);
    rows.push(row);
  };
  await add('', await drive(bench, run, { from: 0, count: scale.first, startedAt, before }));
  for (const { at, count } of scale.resumes) {
    await stopRun(bench, run);
    const from = await markDone(bench, run, Math.floor(indexCount * at));
    const resumedAt = performance.now();
    const cpu = await cpuOf(bench);
    assertExit(await runCli(['retry', run], bench), 0);
    await add(`, from ${at * 100} % on`, await drive(bench, run, { from, count, startedAt: resumedAt, before: cpu }));
  }
  await stopRun(bench, run);
  return rows;
}

/** Seeds with the command line. @returns the run, and the peak memory of the process in MiB */
async function seed(path: string, { env }: Bench): Promise<{ readonly run: string; readonly peak: number }> {
  await using running = startCli(['seed', path, '--json'], { env });
  let peak = 0;
  const timer = setInterval(() => {
    void peakMebibytesOf(running.pid).then((mebibytes) => (peak = Math.max(peak, mebibytes)));
  }, 20);
  const finished = await running.finished;
  clearInterval(timer);
  assertExit(finished, 0);
  const { run } = JSON.parse(finished.stdout.trim().split('\n').at(-1)!) as { readonly run: string };
  return { run, peak };
}

interface Cpu {
  readonly redis: number;
  readonly workers: number;
}

interface Stretch {
  readonly driven: number;
  readonly seconds: number;
  /** From the command to the first metatile. */
  readonly firstSeconds: number;
  /** Bytes that Redis used, look by look. */
  readonly memory: readonly number[];
  readonly redisCpu: number;
  readonly workerCpu: number;
}

async function drive(
  bench: Bench,
  run: string,
  { from, count, startedAt, before }: { from: number; count: number | null; startedAt: number; before: Cpu },
): Promise<Stretch> {
  const most = Math.min(count ?? Number.POSITIVE_INFINITY, Number(process.env['BENCH_METATILES'] ?? 1e9));
  const memory: number[] = [];
  let firstSeconds: number | null = null;
  let last = from;
  for (;;) {
    const [progress, used] = [await bench.queues.runStore.progress(run), await usedMemory(bench.look)];
    memory.push(used);
    last = progress?.settledMetatiles ?? last;
    const elapsed = (performance.now() - startedAt) / 1000;
    if (last > from) firstSeconds ??= elapsed;
    const isOver = progress?.state !== 'running';
    if (isOver || last - from >= most) {
      const after = await cpuOf(bench);
      const [redisCpu, workerCpu] = [after.redis - before.redis, after.workers - before.workers];
      return {
        driven: last - from,
        seconds: elapsed,
        firstSeconds: firstSeconds ?? elapsed,
        memory,
        redisCpu,
        workerCpu,
      };
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Cancels the run and waits until nothing of it is in the queue. */
async function stopRun({ queues, env }: Bench, run: string): Promise<void> {
  if ((await queues.runStore.progress(run))?.state !== 'running') return;
  assertExit(await runCli(['cancel', run], { env }), 0);
  await until('the queue to be empty', async () => {
    const counts = await queues.metatileQueue.getJobCounts('active', 'waiting', 'prioritized', 'delayed');
    return Object.values(counts).every((jobs) => jobs === 0);
  });
}

/** Marks all metatiles below an index as done. @returns how many are settled then */
async function markDone({ look, redis, queues }: Bench, run: string, index: number): Promise<number> {
  const key = `{${redis.env['TILEWRIGHT_QUEUE_PREFIX']}}:run:${run}:done`;
  await look.setrange(key, 0, Buffer.alloc(Math.floor(index / 8), 0xff));
  await queues.runStore.bits.recount(run);
  return (await queues.runStore.progress(run))?.settledMetatiles ?? 0;
}

async function cpuOf({ look, workers }: Bench): Promise<Cpu> {
  const info = await look.info('cpu');
  const used = (name: string): number => Number(new RegExp(`used_cpu_${name}:([\\d.]+)`).exec(info)?.[1]);
  const each = await Promise.all(workers.map(({ pid }) => cpuSecondsOf(pid)));
  return { redis: used('sys') + used('user'), workers: each.reduce((sum, seconds) => sum + seconds, 0) };
}

async function usedMemory(look: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await look.info('memory'))?.[1]);
}
