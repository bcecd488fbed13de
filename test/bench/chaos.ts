import { ensureBuilt } from '../support/build.ts';
import { runChaos } from '../support/chaos.ts';
import { startChaosWorld } from '../support/chaos-world.ts';
import type { ChaosWorld } from '../support/chaos-world.ts';
import { assertExit, runCli } from '../support/processes.ts';
import { startWorkerProcess } from '../support/worker-process.ts';
import { printTable } from './measured-run.ts';

const HEAD = [
  'killed',
  'metatiles settled',
  'it held',
  'next metatile after, s',
  'all that it held is done or taken over after, s',
];

const WORKERS = 3;

/** Of every read of a scene: some hundred metatiles last longer than it takes until a lock runs out. */
const READ_MS = 150;

/**
 * A run with default settings while processes are killed, Redis is killed and started again, and S3 and the STAC API fail,
 * beside the same run with nothing disturbed.
 *
 * BENCH_SEED: decides when which process is killed. BENCH_KILLS: SIGKILLs at random, by default 12, beside those of the
 * supervisor.
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
  const expected = await world.undisturbed();
  world.scenes.slowDown(READ_MS);
  const calm = await runCalm(world);
  const outcome = await runChaos(world, { name: 'chaos', workers: WORKERS, seed, randomKills });
  const same = JSON.stringify(await world.objects('chaos')) === JSON.stringify(expected);
  const seconds = (ms: number | null): string => (ms === null ? '' : (ms / 1000).toFixed(2));
  printTable(
    HEAD,
    outcome.recoveries.map(({ what, settled, held, progressMs, takenOverMs }) => [
      what,
      String(settled),
      String(held),
      seconds(progressMs),
      seconds(takenOverMs),
    ]),
  );
  printTable(
    ['', ''],
    [
      ['seed', String(seed)],
      ['tiles, metatiles', `${outcome.tiles}, ${outcome.metatiles}`],
      ['SIGKILLs of workers, restarts of Redis', `${outcome.recoveries.length}, 1`],
      ['requests failed on purpose, S3 and STAC', `${outcome.faults.s3}, ${outcome.faults.stac}`],
      ['metatiles rendered again, tiles written again', `${outcome.metatilesAgain}, ${outcome.tilesAgain}`],
      ['states of the run', outcome.states.join(', ')],
      ['bytes as of one undisturbed process', same ? 'the same' : 'OTHERS'],
      ['seconds, undisturbed and disturbed', `${calm.toFixed(1)}, ${outcome.seconds.toFixed(1)}`],
    ],
  );
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
