import { link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Affine } from '../../src/geo/affine.ts';
import { CRS84, transformerBetween } from '../../src/geo/crs.ts';
import { tileBbox } from '../../src/tms/web-mercator-quad.ts';
import { ensureBuilt } from '../support/build.ts';
import { startRustac } from '../support/rustac.ts';
import { boxItem } from '../support/stac-items.ts';
import { writeCog } from '../support/synthetic-cog.ts';
import { printTable } from './measured-run.ts';
import { createPeakMemory } from './peak-memory.ts';
import { renderRequest, renderWorkload } from './whole.ts';
import { sumOfFiles } from './rivals.ts';
import { provinceWorkload } from './workloads.ts';

const SELECTIONS = ['first', 'mean', 'median'] as const;

/** Files that differ; the others are further names of them. */
const DISTINCT_FILES = 20;

/** The first tile of an aligned metatile near the middle of UTM zone 33. */
const CORNER = { z: 11, x: 1104, y: 728 } as const;
const SIDE = 8;
const EPSG = 32633;
/** Wider than the metatile; its pixels are about those of the tiles. */
const SCENE_PIXELS = 2048;
const SCENE_METRES = 130_000;

const HEAD = ['run', 'tiles', 'seconds', 'CPU s', 'peak RSS of the render process, MiB'];

/**
 * Peak memory of a render process with default settings: a mosaic of 1,000 scenes that all cover one metatile of 8x8
 * tiles, and a long run.
 *
 * BENCH_PROVINCE: folder of the workload `province`, for the long run. BENCH_FOLDER: where files go.
 * BENCH_SCENES: how many scenes, by default 1,000. BENCH_SELECTIONS: by default `first,mean,median`.
 */
export async function benchMemory(): Promise<void> {
  await ensureBuilt();
  const folder = await mkdtemp(join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'tilewright-memory-'));
  try {
    const scenes = Number(process.env['BENCH_SCENES'] ?? 1000);
    const items = await makeScenes(join(folder, 'scenes'), scenes);
    const rows: string[][] = [];
    for (const selection of process.env['BENCH_SELECTIONS']?.split(',') ?? SELECTIONS) {
      await using stac = await startRustac(items);
      const output = join(folder, selection);
      const mosaic = { type: 'stac', url: `${stac.url}/search`, sortby: ['+id'] };
      const request = { ...metatileRequest(selection), mosaic };
      const options = { folder, output, processes: 1, cores: '0-1', fileRoot: join(folder, 'scenes') };
      rows.push(
        await watched(`${scenes} scenes, ${selection}`, output, (onStart) =>
          renderRequest(request, { ...options, onStart }),
        ),
      );
    }
    const province = process.env['BENCH_PROVINCE'];
    if (province === undefined) process.stdout.write('BENCH_PROVINCE is not set: without a long run\n');
    else {
      const workload = await provinceWorkload(province);
      const options = { folder, output: join(folder, 'province'), processes: 1, cores: '0-1' };
      rows.push(
        await watched(workload.name, options.output, (onStart) => renderWorkload(workload, { ...options, onStart })),
      );
    }
    printTable(HEAD, rows);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function watched(
  name: string,
  output: string,
  run: (onStart: (pid: number) => void) => ReturnType<typeof renderRequest>,
): Promise<string[]> {
  const memory = createPeakMemory();
  try {
    const { wallSeconds, cpuSeconds } = await run((pid) => memory.watch(pid));
    const { written } = await sumOfFiles(output);
    const peak = memory.peaks().map((mebibytes) => mebibytes.toFixed(0));
    const row = [name, String(written), wallSeconds.toFixed(1), cpuSeconds.toFixed(1), peak.join(', ')];
    process.stdout.write(`${row.join(' | ')}\n`);
    return row;
  } finally {
    memory.stop();
  }
}

/** West, south, east and north of the metatile. */
function areaBbox(): readonly [number, number, number, number] {
  const [west, , , north] = tileBbox(CORNER);
  const [, south, east] = tileBbox({ ...CORNER, x: CORNER.x + SIDE - 1, y: CORNER.y + SIDE - 1 });
  const inside = 1e-6;
  return [west + inside, south + inside, east - inside, north - inside];
}

function metatileRequest(pixelSelection: string): object {
  return {
    area: { bbox: areaBbox() },
    minzoom: CORNER.z,
    maxzoom: CORNER.z,
    assets: ['data'],
    resampling: 'bilinear',
    pixelSelection,
    output: 'unused',
  };
}

/** Files in UTM with stripes without data, and a STAC item for each name of each. */
async function makeScenes(folder: string, count: number): Promise<readonly object[]> {
  await mkdir(folder, { recursive: true });
  const [west, south, east, north] = areaBbox();
  const x = Float64Array.of((west + east) / 2);
  const y = Float64Array.of((south + north) / 2);
  transformerBetween(CRS84, { kind: 'epsg', code: EPSG }).transform(x, y);
  const step = SCENE_METRES / SCENE_PIXELS;
  const transform: Affine = [step, 0, x[0]! - SCENE_METRES / 2, 0, -step, y[0]! + SCENE_METRES / 2];
  const items: object[] = [];
  for (let n = 0; n < count; n++) {
    const path = join(folder, `${n}.tif`);
    if (n < DISTINCT_FILES) await writeFile(path, sceneFile(n, transform));
    else await link(join(folder, `${n % DISTINCT_FILES}.tif`), path);
    const assets = { data: { href: pathToFileURL(path).href } };
    items.push(boxItem(`scene-${String(n).padStart(5, '0')}`, [west, south, east, north], { assets }));
  }
  return items;
}

function sceneFile(seed: number, transform: Affine): Uint8Array {
  const size = SCENE_PIXELS;
  const bands = [0, 1, 2].map((b) => {
    const band = new Uint8Array(size * size);
    for (let i = 0; i < band.length; i++) {
      const [col, row] = [i % size, Math.floor(i / size)];
      const hasData = (col + 0.3 * row + 131 * seed) % 700 >= 280;
      band[i] = hasData ? 40 + ((col * (b + 1) + row * 2) >> 5) + ((i * 7919 + seed) % 5) : 0;
    }
    return band;
  });
  const layout = { nodata: 0, blockSize: 512, compression: 'deflate', predictor: 2, overviews: 2 } as const;
  return writeCog({ width: size, height: size, bands, epsg: EPSG, transform, ...layout });
}
