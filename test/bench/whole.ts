import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CLI_PATH, ensureBuilt } from '../support/build.ts';
import { startRustac } from '../support/rustac.ts';
import { eachWorkload } from './each-workload.ts';
import { printTable, runMeasured } from './measured-run.ts';
import type { MeasuredRun, MeasuredRunOptions } from './measured-run.ts';
import { findRivals, sumOfFiles, tilesOf, toolFolder } from './rivals.ts';
import type { Rival, WholeRun } from './rivals.ts';
import { requestOf } from './workloads.ts';
import type { Workload } from './workloads.ts';

const HEAD = [
  'run',
  'tool',
  'tiles asked',
  'written',
  'seconds',
  'CPU s',
  'ms a tile',
  'MB',
  'KB a tile',
  'ratio',
  'ratio of CPU',
];

/**
 * Whole runs, all zooms, start to last byte on disk, every tool on one core, one after the other. ratio = time for a tile
 * of the area, empty ones included, over that of Tilewright. rio-tiler renders a sample, and its start is not counted.
 *
 * BENCH_GDAL, BENCH_GEOTIFF2PMTILES, BENCH_RIO_TILER: how the rivals are started; one that is not named is left out.
 * BENCH_PROVINCE: folder of the workload `province` (without it that one is left out).
 * BENCH_FOLDER: where outputs go, by default the folder for temporary files.
 * BENCH_WHOLE: what the names of the workloads to run begin with, by default all.
 */
export async function benchWhole(): Promise<void> {
  await ensureBuilt();
  const rivals = findRivals();
  const rows: string[][] = [];
  const options = { name: 'whole', only: process.env['BENCH_WHOLE'], hasClasses: true };
  await eachWorkload(options, async (workload, folder) => {
    rows.push(...(await benchWorkload(workload, rivals, await toolFolder(folder, workload.name))));
  });
  printTable(HEAD, rows);
}

async function benchWorkload(workload: Workload, rivals: readonly Rival[], folder: string): Promise<string[][]> {
  const output = join(await toolFolder(folder, 'tilewright'), 'tiles');
  const run = await renderWorkload(workload, { folder, output, processes: 1 });
  const tiles = tilesOf(workload);
  const ours = { ...run, asked: tiles.length, ...(await sumOfFiles(output)) };
  const rows = [rowOf(workload, 'tilewright render, 1 process', ours, null)];
  process.stdout.write(`${rows[0]?.join(' | ')}\n`);
  for (const [n, rival] of rivals.entries()) {
    const theirs = await rival.run({ workload, folder: await toolFolder(folder, `rival-${n}`), tiles });
    if (theirs !== null) rows.push(rowOf(workload, rival.name, theirs, ours));
    process.stdout.write(
      `${theirs === null ? `${rival.name} cannot do ${workload.name}` : rows.at(-1)?.join(' | ')}\n`,
    );
  }
  return rows;
}

function rowOf({ name }: Workload, tool: string, run: WholeRun, ours: WholeRun | null): string[] {
  const { asked, written, wallSeconds, cpuSeconds, bytes } = run;
  const ratio = (key: 'wallSeconds' | 'cpuSeconds'): string =>
    ours === null ? '' : (run[key] / asked / (ours[key] / ours.asked)).toFixed(2);
  return [
    name,
    tool,
    String(asked),
    String(written),
    wallSeconds.toFixed(1),
    cpuSeconds.toFixed(1),
    ((wallSeconds * 1000) / asked).toFixed(2),
    (bytes / 1e6).toFixed(1),
    (bytes / 1e3 / written).toFixed(1),
    ratio('wallSeconds'),
    ratio('cpuSeconds'),
  ];
}

interface RenderWorkloadOptions extends MeasuredRunOptions {
  /** For the request. */
  readonly folder: string;
  readonly output: string;
  readonly processes: number;
}

/** Renders a workload with the built command line, from a STAC API, into a folder. Every process has default settings. */
export async function renderWorkload(workload: Workload, options: RenderWorkloadOptions): Promise<MeasuredRun> {
  await using stac = await startRustac(workload.items);
  return await renderRequest(requestOf(workload, `${stac.url}/search`), { ...options, fileRoot: workload.files });
}

/** For a thousand scenes over one metatile on a busy machine. It changes nothing that is measured. */
const METATILE_TIMEOUT_MS = 3_600_000;

/** Not handed on: what configures Tilewright, and more root certificates, which Node 20 reads at each start, used or not. */
const LEFT_OUT = /^(TILEWRIGHT_|NODE_EXTRA_CA_CERTS$)/;

/** Renders a tileset request with the built command line. */
export async function renderRequest(
  request: object,
  { fileRoot, ...options }: RenderWorkloadOptions & { readonly fileRoot: string },
): Promise<MeasuredRun> {
  const path = join(options.folder, 'request.json');
  await writeFile(path, JSON.stringify(request));
  const inherited = Object.entries(process.env).filter(([name]) => !LEFT_OUT.test(name));
  const args = ['--processes', String(options.processes), '--output', options.output];
  const settings = { TILEWRIGHT_FILE_ROOT: fileRoot, TILEWRIGHT_METATILE_TIMEOUT_MS: String(METATILE_TIMEOUT_MS) };
  const env = { ...Object.fromEntries(inherited), ...settings };
  return await runMeasured([process.execPath, CLI_PATH, 'render', path, ...args], { ...options, env });
}
