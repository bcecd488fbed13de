import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt } from '../support/build.ts';
import { pinTo, printTable } from './measured-run.ts';
import { renderOnQueue } from './queue-run.ts';
import { provinceWorkload } from './workloads.ts';

const HEAD = [
  'worker processes',
  'cores of all',
  'tiles written',
  'seconds',
  'tiles/s',
  'speed',
  'workers: CPU s',
  'peak MiB',
  'Redis: CPU s',
  'peak MiB',
  'S3 server: CPU s',
  'peak MiB',
  'event loops held at most, ms',
  '99 %',
];

/** Additions of one loop: some seconds. */
const ADDITIONS = 6e9;

/** A core for each worker process; Redis, the STAC API, the S3 server and `seed` have no other. */
const CORES = ['0', '0,1'] as const;

/**
 * Two worker processes against one on Redis and S3, on the whole of `province`, start of `seed` to complete, workers up
 * before. All that takes part has as many cores as there are worker processes: the servers would else be given the second
 * core for nothing in one of the runs. First what two processes that only count take against one: no more can be had of
 * this machine.
 *
 * BENCH_PROVINCE: folder of the workload. BENCH_MAXZOOM: 14 for a run four times as long, default 13. BENCH_ROUNDS: how
 * often each, by default 1; the quickest counts.
 */
export async function benchWorkers(): Promise<void> {
  const province = process.env['BENCH_PROVINCE'];
  if (province === undefined) return void process.stdout.write('BENCH_PROVINCE is not set: nothing to render\n');
  await ensureBuilt();
  const [one, two] = [await countLoops(1), await countLoops(2)];
  process.stdout.write(`counting, two processes against one: ${((2 * one) / two).toFixed(2)} times as much\n`);
  const workload = await provinceWorkload(province, Number(process.env['BENCH_MAXZOOM'] ?? 13));
  const folder = await mkdtemp(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'tilewright-workers-'));
  const rows: string[][] = [];
  let alone: number | null = null;
  try {
    for (const [at, cores] of CORES.entries()) {
      const processes = at + 1;
      await pinTo(cores);
      let best: Awaited<ReturnType<typeof renderOnQueue>> | null = null;
      for (let round = 0; round < Number(process.env['BENCH_ROUNDS'] ?? 1); round++) {
        const found = await renderOnQueue(workload, { folder, processes });
        if (best === null || found.wallSeconds < best.wallSeconds) best = found;
      }
      if (best === null) return;
      const { wallSeconds, written, loop } = best;
      alone ??= wallSeconds;
      const parts = [best.workers, best.redis, best.s3];
      rows.push([
        String(processes),
        cores,
        String(written),
        wallSeconds.toFixed(1),
        (written / wallSeconds).toFixed(1),
        (alone / wallSeconds).toFixed(2),
        ...parts.flatMap(({ cpuSeconds, peakMebibytes }) => [cpuSeconds.toFixed(1), peakMebibytes.toFixed(0)]),
        loop.maxMs.toFixed(0),
        loop.p99Ms.toFixed(1),
      ]);
      process.stdout.write(`${rows.at(-1)?.join(' | ')}\n`);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  printTable(HEAD, rows);
}

/** Seconds that so many processes take which count at the same time. */
async function countLoops(processes: number): Promise<number> {
  const startedAt = performance.now();
  const script = `let n = 0; for (let i = 0; i < ${ADDITIONS}; i++) n = (n + i) | 0; process.exitCode = n === -1 ? 1 : 0`;
  const ends = Array.from({ length: processes }, () => once(spawn(process.execPath, ['-e', script]), 'exit'));
  await Promise.all(ends);
  return (performance.now() - startedAt) / 1000;
}
