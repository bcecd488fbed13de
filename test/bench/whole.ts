import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { CLI_PATH, ensureBuilt } from '../support/build.ts';
import { findRealData } from '../support/real-data.ts';
import { startRustac } from '../support/rustac.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 900_000;

interface Item {
  readonly assets: Record<string, { href: string }>;
}

interface Workload {
  readonly name: string;
  /** Folder of the files. */
  readonly files: string;
  readonly items: readonly Item[];
  readonly request: object;
  /** Arguments of `gdal raster tile`, but for input and output, and the input made of the files in their order. */
  readonly gdal: { readonly inputs: readonly string[]; readonly args: readonly string[] };
}

/**
 * Whole runs, all zooms, start to last byte on disk, one process on one core, beside `gdal raster tile`.
 *
 * BENCH_GDAL: how GDAL 3.13's `gdal` is started, such as `gdal` (without it only Tilewright runs).
 * BENCH_PROVINCE: folder of the workload `province` (without it that one is left out).
 */
export async function benchWhole(): Promise<void> {
  const data = findRealData();
  await ensureBuilt();
  const workloads: Workload[] = [];
  if (data !== null) workloads.push(await world(join(data, 'world-mosaic')));
  const provinceFolder = process.env['BENCH_PROVINCE'];
  if (provinceFolder !== undefined) workloads.push(await province(provinceFolder));
  const lines = [
    '',
    '| run | tool | tiles | seconds | ms a tile | MB | ratio |',
    '| --- | --- | --- | --- | --- | --- | --- |',
  ];
  for (const workload of workloads) {
    const folder = await mkdtemp(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'tilewright-whole-'));
    try {
      const ours = await measure(join(folder, 'ours'), (output) => tilewright(workload, folder, output));
      const theirs = await measure(join(folder, 'gdal'), (output) => gdal(workload, folder, output));
      if (ours !== null) lines.push(row(workload.name, 'tilewright render, 1 process', ours, null));
      if (theirs !== null) lines.push(row(workload.name, 'gdal raster tile, 1 thread', theirs, ours));
    } finally {
      await rm(folder, { recursive: true });
    }
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

interface Measured {
  readonly seconds: number;
  readonly tiles: number;
  readonly bytes: number;
}

async function measure(output: string, work: (output: string) => Promise<boolean>): Promise<Measured | null> {
  const started = performance.now();
  if (!(await work(output))) return null;
  const seconds = (performance.now() - started) / 1000;
  const files = (await readdir(output, { recursive: true })).filter((file) => file.endsWith('.png'));
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(output, file))).size));
  return { seconds, tiles: files.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

function row(name: string, tool: string, { seconds, tiles, bytes }: Measured, ours: Measured | null): string {
  const perTile = (seconds * 1000) / tiles;
  const ratio = ours === null ? '' : (perTile / ((ours.seconds * 1000) / ours.tiles)).toFixed(2);
  return `| ${name} | ${tool} | ${tiles} | ${seconds.toFixed(1)} | ${perTile.toFixed(2)} | ${(bytes / 1e6).toFixed(1)} | ${ratio} |`;
}

async function tilewright({ files, items, request }: Workload, folder: string, output: string): Promise<boolean> {
  await using stac = await startRustac(items);
  const path = join(folder, 'request.json');
  const mosaic = { ...(request as { mosaic: object }).mosaic, url: `${stac.url}/search` };
  await writeFile(path, JSON.stringify({ ...request, mosaic, output: 'unused' }));
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('TILEWRIGHT_'));
  const env = { ...Object.fromEntries(inherited), TILEWRIGHT_FILE_ROOT: files };
  // Both tools on the same core, so that helper threads count too.
  await run(
    'taskset',
    ['-c', '0', process.execPath, CLI_PATH, 'render', path, '--processes', '1', '--output', output],
    {
      env,
      timeout: TIMEOUT_MS,
    },
  );
  return true;
}

async function gdal({ gdal: { inputs, args } }: Workload, folder: string, output: string): Promise<boolean> {
  const [command, ...before] = (process.env['BENCH_GDAL'] ?? '').split(' ');
  if (command === undefined || command === '') return false;
  const pinned = async (...rest: readonly string[]): Promise<unknown> =>
    run('taskset', ['-c', '0', command, ...before, ...rest], { timeout: TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 });
  let input = join(folder, 'input.vrt');
  if (args.includes('--gti')) {
    input = join(folder, 'input.gti.gpkg');
    await pinned(
      'raster',
      'index',
      '--output-crs',
      'EPSG:3857',
      '--source-crs-field-name',
      'SRS',
      '--absolute-path',
      '--nln',
      'tiles',
      '--metadata',
      'RESAMPLING=bilinear',
      ...inputs,
      input,
    );
  } else {
    await pinned('raster', 'mosaic', ...inputs, input);
  }
  const rest = args.filter((arg) => arg !== '--gti');
  await pinned(
    'raster',
    'tile',
    '--input',
    input,
    '--output',
    output,
    ...rest,
    '--skip-blank',
    '-j',
    '1',
    '--webviewer',
    'none',
  );
  return true;
}

async function world(folder: string): Promise<Workload> {
  const lines = (await readFile(join(folder, 'items.json'), 'utf8')).split('\n').filter((line) => line !== '');
  const items = lines.map((line) => JSON.parse(line) as Item);
  for (const asset of items.flatMap((item) => Object.values(item.assets)))
    asset.href = pathToFileURL(join(folder, basename(asset.href))).href;
  return {
    name: 'world-mosaic z0 to z6',
    files: folder,
    items,
    request: {
      mosaic: { type: 'stac', query: { collections: ['world'] }, sortby: ['+id'] },
      area: { bbox: [-180, -85.06, 180, 85.06] },
      minzoom: 0,
      maxzoom: 6,
      assets: ['asset'],
      resampling: 'bilinear',
    },
    gdal: {
      inputs: (await readdir(folder)).filter((name) => name.endsWith('.tif')).map((name) => join(folder, name)),
      args: ['-r', 'bilinear', '--overview-resampling', 'average', '--min-zoom', '0', '--max-zoom', '6'],
    },
  };
}

async function province(folder: string): Promise<Workload> {
  const { features } = JSON.parse(await readFile(join(folder, 'items.json'), 'utf8')) as {
    readonly features: readonly Item[];
  };
  for (const asset of features.flatMap((item) => Object.values(item.assets)))
    asset.href = pathToFileURL(join(folder, asset.href)).href;
  return {
    name: 'province z8 to z13',
    files: folder,
    items: features,
    request: {
      mosaic: { type: 'stac', query: { collections: ['province'] }, sortby: ['+id'] },
      area: { bbox: [11.41, 45, 13.22, 46.94] },
      minzoom: 8,
      maxzoom: 13,
      assets: ['tci'],
      nodata: 0,
      resampling: 'bilinear',
    },
    gdal: {
      inputs: ['D', 'C', 'B', 'A'].map((scene) => join(folder, `${scene}-tci.tif`)),
      args: ['--gti', '-r', 'bilinear', '--overview-resampling', 'average', '--min-zoom', '8', '--max-zoom', '13'],
    },
  };
}
