import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt } from '../support/build.ts';
import { pinTo, printTable } from './measured-run.ts';
import type { MeasuredRun } from './measured-run.ts';
import { createPeakMemory } from './peak-memory.ts';
import { sumOfFiles, toolFolder } from './rivals.ts';
import { renderWorkload } from './whole.ts';
import { provinceWorkload } from './workloads.ts';

const HEAD = ['processes', 'cores', 'tiles', 'seconds', 'CPU s', 'CPU ms a tile', 'speed', 'peak RSS of each, MiB'];

/** Each number of processes with as many cores. What other load took of the machine shows in CPU s against seconds. */
const RUNS = [
  { processes: 1, cores: '0' },
  { processes: 2, cores: '0-1' },
] as const;

/**
 * Two render processes on two cores against one on one, on the whole of `province`; the STAC API is kept to them too.
 *
 * BENCH_PROVINCE: its folder. BENCH_FOLDER: where outputs go. BENCH_MAXZOOM: 14 for a run four times as long, default 13.
 * BENCH_ROUNDS: how often each, by default 1; the quickest counts.
 */
export async function benchProcesses(): Promise<void> {
  const province = process.env['BENCH_PROVINCE'];
  if (province === undefined) return void process.stdout.write('BENCH_PROVINCE is not set: nothing to render\n');
  await ensureBuilt();
  const workload = await provinceWorkload(province, Number(process.env['BENCH_MAXZOOM'] ?? 13));
  const folder = await mkdtemp(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'tilewright-processes-'));
  const rows: string[][] = [];
  let alone: number | null = null;
  try {
    for (const { processes, cores } of RUNS) {
      await pinTo(cores);
      const memory = createPeakMemory();
      const output = join(await toolFolder(folder, String(processes)), 'tiles');
      const onStart = (pid: number): void => memory.watch(pid);
      const runs: MeasuredRun[] = [];
      for (let round = 0; round < Number(process.env['BENCH_ROUNDS'] ?? 1); round++) {
        await rm(output, { recursive: true, force: true });
        runs.push(await renderWorkload(workload, { folder, output, processes, cores, onStart }));
      }
      memory.stop();
      const [run] = runs.toSorted((a, b) => a.wallSeconds - b.wallSeconds);
      if (run === undefined) return;
      const { written } = await sumOfFiles(output);
      alone ??= run.wallSeconds;
      rows.push([
        String(processes),
        cores,
        String(written),
        run.wallSeconds.toFixed(1),
        run.cpuSeconds.toFixed(1),
        ((run.cpuSeconds * 1000) / written).toFixed(2),
        (alone / run.wallSeconds).toFixed(2),
        memory
          .peaks()
          .map((mebibytes) => mebibytes.toFixed(0))
          .join(', '),
      ]);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  printTable(HEAD, rows);
}
