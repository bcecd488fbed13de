import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../../src/store/mbtiles/open-database.ts';
import { ensureBuilt } from '../support/build.ts';
import { findRealData } from '../support/real-data.ts';
import { printTable, programOf, runMeasured } from './measured-run.ts';
import type { MeasuredRun, MeasuredRunOptions } from './measured-run.ts';
import { watchTree } from './process-watch.ts';
import { addressedTiles, gdalInput, toolFolder } from './rivals.ts';
import { renderWorkload } from './whole.ts';
import { filesOf, worldWorkload } from './workloads.ts';
import type { Workload } from './workloads.ts';

const HEAD = ['run', 'tool', 'tiles', 'seconds', 'ratio', 'CPU s', 'ratio of CPU', 'peak MiB', 'MB'];

/** All tiles of zooms 0 to 9: 349,525. */
const MADE_MAXZOOM = 9;
const MADE_NAME = 'made tiles z0 to z9, four of five the same';

interface ArchiveRun extends MeasuredRun {
  readonly tool: string;
  readonly peakMebibytes: number;
  readonly tiles: number;
  readonly bytes: number;
}

/** How an archive comes to be: starts what makes it, and says where it is. */
interface Maker {
  readonly tool: string;
  readonly output: string;
  readonly run: (options: MeasuredRunOptions) => Promise<MeasuredRun>;
}

/**
 * Archives of the same tiles, and of the same imagery: ours beside `pmtiles convert`, geotiff2pmtiles and rio-pmtiles, each
 * on one core, one after the other. The same tiles: ours from what workers have staged, `pmtiles convert` from our MBTiles.
 * ratio = what it took over what the first of the group took. Ours are synced to the disk, the others leave that to the system.
 *
 * BENCH_PMTILES, BENCH_GEOTIFF2PMTILES, BENCH_RIO_PMTILES: how they are started; one that is not named is left out.
 * BENCH_GDAL: makes one dataset of several files for rio-pmtiles. BENCH_FOLDER: where outputs go.
 * BENCH_ARCHIVES: what the names of the runs to do begin with, `tiles`, `imagery` or `made`; by default all.
 */
export async function benchArchives(): Promise<void> {
  await ensureBuilt();
  const data = findRealData();
  const pmtiles = programOf('BENCH_PMTILES', 'pmtiles convert (path of go-pmtiles)');
  const folder = await mkdtemp(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'tilewright-archives-'));
  const rows: string[][] = [];
  try {
    const isWanted = (name: string): boolean => name.startsWith(process.env['BENCH_ARCHIVES'] ?? '');
    const workload = data === null ? null : await worldWorkload(data);
    if (workload !== null && isWanted('tiles')) {
      const output = join(folder, 'tiles');
      await renderWorkload(workload, { folder, output, processes: 1 });
      rows.push(...(await benchTiles(`tiles of ${workload.name}`, ['folder', output], folder, pmtiles)));
    }
    if (workload !== null && isWanted('imagery')) rows.push(...(await benchImagery(workload, folder)));
    if (isWanted('made')) rows.push(...(await benchTiles(MADE_NAME, ['made', String(MADE_MAXZOOM)], folder, pmtiles)));
  } finally {
    // At the very end: for a minute after files were deleted, ext4 makes new ones several times slower.
    await rm(folder, { recursive: true });
  }
  printTable(HEAD, rows);
}

async function benchTiles(
  name: string,
  tiles: readonly string[],
  parent: string,
  pmtiles: readonly string[] | null,
): Promise<string[][]> {
  const folder = await toolFolder(parent, tiles[0] ?? '');
  const ours = async (tool: string, file: string): Promise<Maker> => {
    const output = join(folder, file);
    await archiveJob('stage', output, tiles, {});
    return { tool, output, run: (options) => archiveJob('assemble', output, [], options) };
  };
  const mbtiles = await ours('tilewright, MBTiles', 'ours.mbtiles');
  const makers = [await ours('tilewright, PMTiles', 'also.pmtiles'), mbtiles];
  if (pmtiles !== null) {
    const output = join(folder, 'converted.pmtiles');
    const command = [...pmtiles, 'convert', '--quiet', mbtiles.output, output];
    makers.push({ tool: 'pmtiles convert', output, run: (options) => runMeasured(command, options) });
  }
  return await rowsOf(name, makers);
}

async function archiveJob(
  step: string,
  output: string,
  tiles: readonly string[],
  options: MeasuredRunOptions,
): Promise<MeasuredRun> {
  const script = fileURLToPath(new URL('archive-job.mjs', import.meta.url));
  return await runMeasured([process.execPath, script, step, output, ...tiles], options);
}

async function benchImagery(workload: Workload, parent: string): Promise<string[][]> {
  const folder = await toolFolder(parent, 'imagery');
  const makers = ['pmtiles', 'mbtiles'].map((ending): Maker => {
    // Documents beside either are named after it.
    const output = join(folder, `as-${ending}.${ending}`);
    const run: Maker['run'] = (options) => renderWorkload(workload, { ...options, folder, output, processes: 1 });
    return { tool: `tilewright render, .${ending}`, output, run };
  });
  const { minzoom, maxzoom, tileSize, resampling } = workload;
  const geotiff = programOf('BENCH_GEOTIFF2PMTILES', 'geotiff2pmtiles (its path)');
  if (geotiff !== null) {
    const output = join(folder, 'geotiff2pmtiles.pmtiles');
    const zooms = ['-min-zoom', String(minzoom), '-max-zoom', String(maxzoom), '-tile-size', String(tileSize)];
    const rest = ['-format', 'png', '-resampling', resampling, '-concurrency', '1'];
    const command = [...geotiff, ...zooms, ...rest, ...filesOf(workload), output];
    makers.push({ tool: 'geotiff2pmtiles', output, run: (options) => runMeasured(command, options) });
  }
  const rio = programOf('BENCH_RIO_PMTILES', 'rio-pmtiles (path of its `rio`)');
  const gdal = programOf('BENCH_GDAL', 'gdal, which makes one dataset for rio-pmtiles');
  if (rio !== null && gdal !== null) {
    const { input } = await gdalInput(gdal, workload, folder);
    const output = join(folder, 'rio.pmtiles');
    const what = ['--format', 'PNG', '--tile-size', String(tileSize), '--zoom-levels', `${minzoom}..${maxzoom}`];
    const command = [...rio, 'pmtiles', input, output, ...what, '--resampling', resampling, '-j', '1', '--silent'];
    makers.push({ tool: 'rio-pmtiles', output, run: (options) => runMeasured(command, options) });
  }
  return await rowsOf(`imagery of ${workload.name}`, makers);
}

async function rowsOf(name: string, makers: readonly Maker[]): Promise<string[][]> {
  const rows: string[][] = [];
  let first: ArchiveRun | null = null;
  for (const maker of makers) {
    const run = await makeArchive(maker);
    first ??= run;
    rows.push([
      name,
      run.tool,
      String(run.tiles),
      run.wallSeconds.toFixed(1),
      (run.wallSeconds / first.wallSeconds).toFixed(2),
      run.cpuSeconds.toFixed(1),
      (run.cpuSeconds / first.cpuSeconds).toFixed(2),
      run.peakMebibytes.toFixed(0),
      (run.bytes / 1e6).toFixed(1),
    ]);
    process.stdout.write(`${rows.at(-1)?.join(' | ')}\n`);
  }
  return rows;
}

async function makeArchive({ tool, output, run }: Maker): Promise<ArchiveRun> {
  const watches: ReturnType<typeof watchTree>[] = [];
  try {
    const measured = await run({ onStart: (pid) => void watches.push(watchTree(pid)) });
    const peakMebibytes = watches[0]?.peakMebibytes ?? 0;
    return { ...measured, tool, peakMebibytes, tiles: await countTiles(output), bytes: (await stat(output)).size };
  } finally {
    for (const watch of watches) watch.stop();
  }
}

async function countTiles(output: string): Promise<number> {
  if (output.endsWith('.pmtiles')) return await addressedTiles(output);
  const database = await openDatabase(output, { readOnly: true });
  try {
    return Number(database.get('SELECT count(*) AS tiles FROM map')?.['tiles']);
  } finally {
    database.close();
  }
}
