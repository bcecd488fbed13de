import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findRealData } from '../support/real-data.ts';
import { landCoverWorkload, provinceWorkload, worldWorkload } from './workloads.ts';
import type { Workload } from './workloads.ts';

export interface EachWorkloadOptions {
  /** Part of the name of the folder. */
  readonly name: string;
  /** What the names of the workloads begin with; not there = all. */
  readonly only: string | undefined;
  /** The map of classes too. */
  readonly hasClasses: boolean;
}

/**
 * Runs a benchmark on each workload whose files are here, with a folder for what it writes, beneath BENCH_FOLDER or that for
 * temporary files.
 */
export async function eachWorkload(
  options: EachWorkloadOptions,
  bench: (workload: Workload, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(process.env['BENCH_FOLDER'] ?? tmpdir(), `tilewright-${options.name}-`));
  try {
    for (const workload of await findWorkloads(options)) await bench(workload, folder);
  } finally {
    // At the very end: for a minute after files were deleted, ext4 makes new ones several times slower.
    await rm(folder, { recursive: true });
  }
}

async function findWorkloads({ only = '', hasClasses }: EachWorkloadOptions): Promise<readonly Workload[]> {
  const data = findRealData();
  const province = process.env['BENCH_PROVINCE'];
  if (province === undefined) process.stdout.write('BENCH_PROVINCE is not set: without province\n');
  const all = [
    ...(data === null ? [] : [await worldWorkload(data)]),
    ...(province === undefined ? [] : [await provinceWorkload(province)]),
    ...(data === null || !hasClasses ? [] : [await landCoverWorkload(data)]),
  ];
  return all.filter(({ name }) => name.startsWith(only));
}
