import { join } from 'node:path';
import { ensureBuilt } from '../support/build.ts';
import { eachWorkload } from './each-workload.ts';
import { writeMapProxy } from './map-proxy.ts';
import { printTable, programOf, runMeasured } from './measured-run.ts';
import type { MeasuredRun } from './measured-run.ts';
import { watchTree } from './process-watch.ts';
import { renderOnQueue } from './queue-run.ts';
import { gdalInput, sumOfFiles, tilesOf, toolFolder } from './rivals.ts';
import type { Workload } from './workloads.ts';

const HEAD = ['run', 'tool', 'tiles asked', 'written', 'seconds', 'tiles/s', 'ratio', 'CPU s', 'peak MiB', 'MB'];

/** What a tool took, with two processes or threads of its own. */
interface PeerRun {
  readonly tool: string;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly written: number;
  readonly bytes: number;
  /** Of all its processes together, pages that they share counted once. */
  readonly peakMebibytes: number;
  /** Of the servers beside it. */
  readonly beside: string;
}

type Peer = (workload: Workload, folder: string) => Promise<PeerRun>;

/**
 * Whole runs on two cores: two worker processes on Redis and S3 beside what people use instead, each with two processes
 * or threads, one after the other. ratio = tiles/s of Tilewright over those of the tool.
 *
 * BENCH_GDAL, BENCH_GDAL2TILES, BENCH_MAPPROXY_SEED: how they are started; one that is not named is left out.
 * BENCH_MAPSERV: MapServer's program, which MapProxy reads files through.
 * BENCH_PROVINCE: folder of the workload `province`. BENCH_FOLDER: where outputs go.
 * BENCH_PEERS: what the names of the workloads begin with, by default all.
 */
export async function benchPeers(): Promise<void> {
  await ensureBuilt();
  const peers = findPeers();
  const rows: string[][] = [];
  const options = { name: 'peers', only: process.env['BENCH_PEERS'], hasClasses: false };
  await eachWorkload(options, async (workload, folder) => {
    let ours: PeerRun | null = null;
    for (const [n, peer] of [tilewright, ...peers].entries()) {
      const run = await peer(workload, await toolFolder(folder, `${workload.name.split(' ')[0]}-${n}`));
      ours ??= run;
      rows.push(rowOf(workload, run, ours));
      process.stdout.write(`${rows.at(-1)?.join(' | ')}\n`);
    }
  });
  printTable(HEAD, rows);
}

function rowOf(workload: Workload, run: PeerRun, ours: PeerRun): string[] {
  const asked = tilesOf(workload).length;
  return [
    workload.name,
    run.tool,
    String(asked),
    String(run.written),
    run.wallSeconds.toFixed(1),
    (asked / run.wallSeconds).toFixed(1),
    (run.wallSeconds / ours.wallSeconds).toFixed(2),
    run.cpuSeconds.toFixed(1),
    `${run.peakMebibytes.toFixed(0)}${run.beside}`,
    (run.bytes / 1e6).toFixed(1),
  ];
}

async function tilewright(workload: Workload, folder: string): Promise<PeerRun> {
  const { workers, redis, s3, ...run } = await renderOnQueue(workload, { folder, processes: 2 });
  return {
    ...run,
    tool: 'tilewright seed, 2 worker processes, Redis, S3',
    cpuSeconds: workers.cpuSeconds + redis.cpuSeconds + s3.cpuSeconds,
    peakMebibytes: workers.peakMebibytes,
    beside: ` + Redis ${redis.peakMebibytes.toFixed(0)} + S3 server ${s3.peakMebibytes.toFixed(0)}`,
  };
}

function findPeers(): readonly Peer[] {
  const gdal = programOf('BENCH_GDAL', 'gdal raster tile (such as `gdal`, 3.13)');
  const gdal2tiles = programOf('BENCH_GDAL2TILES', 'gdal2tiles');
  const seed = programOf('BENCH_MAPPROXY_SEED', 'mapproxy-seed (its path)');
  const mapserv = programOf('BENCH_MAPSERV', 'what MapProxy reads files through (path of mapserv)');
  return [
    ...(gdal === null ? [] : [rasterTile(gdal)]),
    ...(gdal === null || gdal2tiles === null ? [] : [gdal2Tiles(gdal, gdal2tiles)]),
    ...(seed === null || mapserv === null ? [] : [mapProxy(seed, mapserv.join(' '))]),
  ];
}

function rasterTile(gdal: readonly string[]): Peer {
  return async (workload, folder) => {
    const { minzoom, maxzoom, tileSize, resampling, overviewResampling } = workload;
    const { input } = await gdalInput(gdal, workload, folder);
    const output = join(folder, 'tiles');
    const zooms = ['--min-zoom', String(minzoom), '--max-zoom', String(maxzoom), '--tile-size', String(tileSize)];
    const kernels = ['-r', resampling, '--overview-resampling', overviewResampling];
    const rest = ['--skip-blank', '-j', '2', '--webviewer', 'none'];
    const args = ['raster', 'tile', '--input', input, '--output', output, ...zooms, ...kernels, ...rest];
    return await watched('gdal raster tile -j 2', [...gdal, ...args], output);
  };
}

function gdal2Tiles(gdal: readonly string[], program: readonly string[]): Peer {
  return async (workload, folder) => {
    const { minzoom, maxzoom, tileSize, resampling } = workload;
    const { input } = await gdalInput(gdal, workload, folder);
    const output = join(folder, 'tiles');
    const what = ['-z', `${minzoom}-${maxzoom}`, '-r', resampling, `--tilesize=${tileSize}`, '--xyz', '-x'];
    const args = ['--processes=2', ...what, '-w', 'none', '-q', input, output];
    return await watched('gdal2tiles --processes=2', [...program, ...args], output);
  };
}

/** Each zoom from the files, by MapServer, 8 x 8 tiles at a time. */
function mapProxy(seed: readonly string[], mapserv: string): Peer {
  return async (workload, folder) => {
    const { configuration, seeding, output } = await writeMapProxy(workload, folder, mapserv);
    const args = ['-f', configuration, '-s', seeding, '-c', '2', '--quiet'];
    return await watched('mapproxy-seed -c 2, MapServer', [...seed, ...args], output);
  };
}

async function watched(tool: string, command: readonly string[], output: string): Promise<PeerRun> {
  let watch: ReturnType<typeof watchTree> | null = null;
  let run: MeasuredRun;
  try {
    run = await runMeasured(command, { cores: '0-1', onStart: (pid) => (watch = watchTree(pid)) });
  } finally {
    (watch as ReturnType<typeof watchTree> | null)?.stop();
  }
  const { wallSeconds, cpuSeconds } = run;
  const peakMebibytes = (watch as ReturnType<typeof watchTree> | null)?.peakMebibytes ?? 0;
  return { tool, wallSeconds, cpuSeconds, ...(await sumOfFiles(output)), peakMebibytes, beside: '' };
}
