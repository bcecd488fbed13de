import { ensureBuilt } from '../support/build.ts';
import { runChaos } from '../support/chaos.ts';
import type { ChaosOutcome } from '../support/chaos.ts';
import { startChaosWorld } from '../support/chaos-world.ts';
import type { ChaosWorld } from '../support/chaos-world.ts';
import { assertExit, runCli } from '../support/processes.ts';
import type { Recovery } from '../support/recoveries.ts';
import { startWorkerProcess } from '../support/worker-process.ts';
import { runArchiveChaos } from './chaos-archive.ts';
import { runLocalChaos } from './chaos-local.ts';
import { printTable } from './measured-run.ts';

const HEAD = [
  'killed',
  'metatiles settled',
  'it held',
  'next metatile after, s',
  'its jobs with others after, s',
  'its metatiles settled after, s',
];

const HEAD_OF_KINDS = [
  'killed',
  'times',
  'run goes on after, s: median',
  'most',
  'its jobs with others: median',
  'most',
];

const WORKERS = 3;

/** Of every read of a scene: some hundred metatiles last longer than it takes until a lock runs out. */
const READ_MS = 150;
/** On one machine, where no lock has to run out. */
const LOCAL_READ_MS = 40;

/**
 * Runs with default settings while processes are killed, Redis is killed and started again, and S3 and the STAC API fail,
 * beside one undisturbed process: on the queue into a bucket, on the queue into an archive, and on one machine.
 *
 * BENCH_SEED: decides when which process is killed. BENCH_KILLS: SIGKILLs of workers at random, by default 12, beside those
 * of the supervisor. BENCH_CALM: `1` = the same run on the queue is timed undisturbed first.
 */
export async function benchChaos(): Promise<void> {
  await ensureBuilt();
  const seed = Number(process.env['BENCH_SEED'] ?? 1);
  const randomKills = Number(process.env['BENCH_KILLS'] ?? 12);
  await using world = await startChaosWorld({
    // All else as it is by default. With the default bound, the supervisor would have nothing to do after its first step.
    env: { TILEWRIGHT_QUEUE_HIGH: '50' },
    request: { area: { bbox: [-5, -5, 45, 45] }, minzoom: 0, maxzoom: 9, sourceMinzoom: 9, metatileSize: 2 },
  });
  const startedAt = performance.now();
  const note = (what: string): void =>
    void process.stdout.write(`${((performance.now() - startedAt) / 1000).toFixed(0)} s: ${what}\n`);
  const expected = await world.undisturbed();
  note('rendered by one undisturbed process');
  world.scenes.slowDown(READ_MS);
  const calm = process.env['BENCH_CALM'] === '1' ? await runCalm(world) : null;
  const queue = await runChaos(world, { name: 'chaos', workers: WORKERS, seed, randomKills });
  const isQueueSame = JSON.stringify(await world.objects('chaos')) === JSON.stringify(expected);
  note('a run on the queue');
  world.scenes.slowDown(0);
  const archive = await runArchiveChaos(world, WORKERS);
  note('a run on the queue into an archive');
  world.scenes.slowDown(LOCAL_READ_MS);
  const local = await runLocalChaos(world, queue.metatiles);
  const isLocalSame = JSON.stringify(local.files) === JSON.stringify(expected);
  note('a run on one machine');
  const all = [...queue.recoveries, ...archive.recoveries, ...local.recoveries];
  printTable(HEAD, all.map(rowOf));
  printTable(HEAD_OF_KINDS, kindsOf(all));
  const bytes = (isSame: boolean): string => (isSame ? 'the same' : 'OTHERS');
  printTable(
    ['', 'on the queue', 'on the queue, an archive', 'on one machine'],
    [
      ['states of the run', queue.states.join(', '), archive.states.join(', '), ''],
      ['uploads of an archive completed, archives there', '', `${archive.completions}, ${archive.archives}`, ''],
      ['bytes as of one undisturbed process', bytes(isQueueSame), bytes(archive.isSame), bytes(isLocalSame)],
    ],
  );
  printTable(['', ''], [['seed', String(seed)], ...factsOf(queue, calm)]);
}

function factsOf(queue: ChaosOutcome, calm: number | null): string[][] {
  return [
    ['tiles, metatiles', `${queue.tiles}, ${queue.metatiles}`],
    ['requests failed on purpose, S3 and STAC', `${queue.faults.s3}, ${queue.faults.stac}`],
    ['metatiles rendered again, tiles written again', `${queue.metatilesAgain}, ${queue.tilesAgain}`],
    ['seconds', queue.seconds.toFixed(1)],
    ...(calm === null ? [] : [['seconds, undisturbed', calm.toFixed(1)]]),
  ];
}

function rowOf({ what, settled, held, progressMs, takenOverMs, settledMs }: Recovery): string[] {
  return [what, String(settled), String(held), seconds(progressMs), seconds(takenOverMs), seconds(settledMs)];
}

/** What was killed how often, and what that cost. */
function kindsOf(all: readonly Recovery[]): string[][] {
  return [...new Set(all.map(({ what }) => what))].map((kind) => {
    const some = all.filter(({ what }) => what === kind);
    const median = (values: readonly (number | null)[]): [string, string] => {
      const known = values.filter((value) => value !== null).toSorted((a, b) => a - b);
      return [seconds(known[Math.floor(known.length / 2)] ?? null), seconds(known.at(-1) ?? null)];
    };
    const [progress, takenOver] = [some.map((one) => one.progressMs), some.map((one) => one.takenOverMs)];
    return [kind, String(some.length), ...median(progress), ...median(takenOver)];
  });
}

function seconds(ms: number | null): string {
  return ms === null ? '' : (ms / 1000).toFixed(2);
}

/** Seconds of the same run on as many workers with nothing disturbed. */
async function runCalm(world: ChaosWorld): Promise<number> {
  const workers = Array.from({ length: WORKERS }, () => startWorkerProcess(world));
  try {
    const startedAt = performance.now();
    assertExit(await runCli(['seed', await world.request('calm', 's3'), '--wait'], world), 0);
    return (performance.now() - startedAt) / 1000;
  } finally {
    for (const worker of workers) await worker[Symbol.asyncDispose]();
  }
}
