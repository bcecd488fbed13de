import { setTimeout as sleep } from 'node:timers/promises';
import { createPlan } from '../../jobs/plan-jobs.ts';
import { stateChanges } from './append-only-file.ts';
import type { ChaosWorld } from './chaos-world.ts';
import { SLOW_DOWN } from './fault-proxy.ts';
import type { FaultProxy, ProxyFault } from './fault-proxy.ts';
import { heldJobs } from './held-jobs.ts';
import { assertExit, startCli, until } from './processes.ts';
import { createRecoveries } from './recoveries.ts';
import type { Recoveries, Recovery } from './recoveries.ts';
import { startWorkerProcess } from './worker-process.ts';
import type { WorkerProcess } from './worker-process.ts';

export interface ChaosOptions {
  /** Of the run's output in the bucket. */
  readonly name: string;
  readonly workers: number;
  /** Decides when which process is killed. */
  readonly seed: number;
  /** SIGKILLs of a process chosen at random, spread over the run. */
  readonly randomKills: number;
}

export interface ChaosOutcome {
  readonly run: string;
  readonly metatiles: number;
  readonly tiles: number;
  readonly recoveries: readonly Recovery[];
  /** Every state that the run was given, oldest first. */
  readonly states: readonly string[];
  /** Tiles that were written once more than the others, and how many metatiles that makes. */
  readonly tilesAgain: number;
  readonly metatilesAgain: number;
  readonly faults: { readonly s3: number; readonly stac: number };
  /** From the start of seeding to the end of the run. */
  readonly seconds: number;
  /** What `seed --wait` printed. */
  readonly summary: string;
}

const RESET: ProxyFault = { kind: 'reset' };
const LOST: ProxyFault = { kind: 'lost-answer' };
const S3_FAULTS = [{ kind: 'status', status: 500 } as const, null, SLOW_DOWN, null, RESET, null, LOST, null];
const STAC_FAULTS = [
  { kind: 'status', status: 500 } as const,
  RESET,
  null,
  { kind: 'status', status: 503, headers: { 'retry-after': '1' } } as const,
  LOST,
  null,
];

/** Processes go slowly to servers that say they are asked too much: with more, a long run would mostly wait for them. */
const MOST_FAULTS = { stac: 60, s3: 120 } as const;

/** Something that happens when this part of the metatiles is settled. */
interface Event {
  readonly at: number;
  readonly act: () => Promise<void>;
}

/**
 * Runs a tileset on the queue while processes are killed, Redis is killed and started again, and S3 and the STAC API fail:
 * the process that holds the supervisor is killed while it puts metatiles into the queue, and twice while it finishes the
 * run. Killed workers are replaced. Waits until the run has ended.
 *
 * @throws Error if it does not end as complete
 */
export async function runChaos(world: ChaosWorld, options: ChaosOptions): Promise<ChaosOutcome> {
  const startedAt = performance.now();
  const random = createRandom(options.seed);
  const workers: WorkerProcess[] = Array.from({ length: options.workers }, () => startWorkerProcess(world));
  await using seed = startCli(['seed', await world.request(options.name, 's3'), '--wait', '--json'], world);
  try {
    const run = await until('the run', () => /"run":"([^"]+)"/.exec(seed.stdout())?.[1] ?? null);
    const recoveries = createRecoveries(world, run);
    const kill = async (what: string, victim: WorkerProcess): Promise<void> => {
      workers[workers.indexOf(victim)] = startWorkerProcess(world);
      await recoveries.kill(what, victim);
    };
    const killSupervisor = async (what: string): Promise<void> => kill(what, await findSupervisor(world, workers));
    const killRandom = async (): Promise<void> => {
      const living = workers.filter((worker) => !worker.isGone());
      await kill('a worker', living[Math.floor(random() * living.length)]!);
    };
    const { metatiles, tiles, request } = (await world.queues.runStore.get(run))!;
    const tileJson = world.s3.hold(({ method, path }) => method === 'PUT' && path.includes('/tilejson.json'));
    for (const { at, act } of eventsOf(world, options, random, { killRandom, killSupervisor, recoveries })) {
      await untilSettled(world, run, at * metatiles);
      await act();
    }
    const releaseTileJson = await tileJson;
    await killSupervisor('the finisher, before tilejson.json');
    const manifest = world.s3.hold(({ method, path }) => method === 'PUT' && path.includes('/tilewright.json'));
    releaseTileJson();
    const releaseManifest = await manifest;
    await killSupervisor('the finisher, before the manifest');
    releaseManifest();
    const ended = await seed.finished;
    assertExit(ended, 0);
    const seconds = (performance.now() - startedAt) / 1000;
    const again = countAgain(world, options.name, createPlan(request));
    return {
      run,
      metatiles,
      tiles,
      recoveries: await recoveries.all(),
      states: await stateChanges(world.look, world.prefix, run),
      ...again,
      faults: { s3: world.s3.faults, stac: world.stac.faults },
      seconds,
      summary: ended.stdout,
    };
  } finally {
    for (const worker of workers) await worker[Symbol.asyncDispose]();
  }
}

/** What is done to a run. */
interface Attacks {
  readonly killRandom: () => Promise<void>;
  readonly killSupervisor: (what: string) => Promise<void>;
  readonly recoveries: Recoveries;
}

/** What happens when: kills spread at random, the faults of the servers in stretches of their own. */
function eventsOf(
  { s3, stac, redis }: ChaosWorld,
  { randomKills }: ChaosOptions,
  random: () => number,
  { killRandom, killSupervisor, recoveries }: Attacks,
): readonly Event[] {
  const kills = Array.from({ length: randomKills }, () => ({ at: 0.03 + 0.9 * random(), act: killRandom }));
  const outage = (): Promise<void> =>
    recoveries.interrupt('S3, which answers nothing', async () => {
      const before = s3.faults;
      s3.disturb([SLOW_DOWN, RESET]);
      await until('S3 to have failed 20 times', () => s3.faults >= before + 20);
      s3.disturb([]);
    });
  const restart = (): Promise<void> =>
    recoveries.interrupt('Redis', async () => {
      await redis.kill();
      await redis.start();
    });
  const events: readonly Event[] = [
    ...kills,
    { at: 0.1, act: () => killSupervisor('the supervisor, expanding') },
    { at: 0.15, act: () => disturb(stac, STAC_FAULTS, MOST_FAULTS.stac) },
    { at: 0.35, act: async () => stac.disturb([]) },
    { at: 0.4, act: restart },
    { at: 0.5, act: () => disturb(s3, S3_FAULTS, MOST_FAULTS.s3) },
    { at: 0.65, act: outage },
  ];
  return events.toSorted((a, b) => a.at - b.at);
}

/** Waits for the first faults: however fast the run is, the next event does not put an end to them before. */
async function disturb(server: FaultProxy, faults: readonly (ProxyFault | null)[], most: number): Promise<void> {
  const before = server.faults;
  server.disturb(faults, most);
  await until('a server to have failed ten times', () => server.faults >= before + 10);
}

async function untilSettled({ queues }: ChaosWorld, run: string, metatiles: number): Promise<void> {
  await until(`${Math.ceil(metatiles)} metatiles to be settled`, async () => {
    const progress = await queues.runStore.progress(run);
    return (progress?.settledMetatiles ?? 0) >= metatiles;
  });
}

/**
 * The process that executes the supervisor's job, stopped in its midst. A step takes milliseconds: one that is over when
 * the process has stopped was not it.
 */
export async function findSupervisor(
  { look, prefix }: Pick<ChaosWorld, 'look' | 'prefix'>,
  workers: readonly WorkerProcess[],
): Promise<WorkerProcess> {
  const deadline = performance.now() + 180_000;
  while (performance.now() < deadline) {
    const [held] = await heldJobs(look, prefix, 'runs');
    const worker = workers.find(({ pid, isGone }) => pid === held?.pid && !isGone());
    if (worker === undefined) {
      await sleep(0);
      continue;
    }
    worker.kill('SIGSTOP');
    const still = (await heldJobs(look, prefix, 'runs')).some(({ pid }) => pid === worker.pid);
    if (still) return worker;
    worker.kill('SIGCONT');
  }
  throw new Error('No process was seen to hold the job of the supervisor');
}

/** What was written to the bucket oftener than once. A tile whose answer was lost is written again by design. */
function countAgain(
  { s3 }: ChaosWorld,
  name: string,
  plan: ReturnType<typeof createPlan>,
): Pick<ChaosOutcome, 'tilesAgain' | 'metatilesAgain'> {
  const writes = new Map<string, number>();
  for (const { method, path, status } of s3.passed) {
    const tile = new RegExp(`/${name}/(\\d+/\\d+/\\d+)\\.`).exec(path)?.[1];
    if (tile !== undefined && method === 'PUT' && status === 200) writes.set(tile, (writes.get(tile) ?? 0) + 1);
  }
  let tilesAgain = 0;
  const executions = new Map<number, number>();
  for (const [tile, count] of writes) {
    const [z = 0, x = 0, y = 0] = tile.split('/').map(Number);
    const index = plan.workWith({ z, x, y })?.index ?? -1;
    tilesAgain += count - 1;
    executions.set(index, Math.max(count, executions.get(index) ?? 0));
  }
  const metatilesAgain = [...executions.values()].reduce((sum, count) => sum + count - 1, 0);
  return { tilesAgain, metatilesAgain };
}

/** A stream of numbers from 0 to 1 that is the same for the same seed: mulberry32. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
