import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scenesTouching } from '../../src/mosaic/asset-filter.ts';
import { worksOf } from '../../src/tms/cover-works.ts';
import { createCover } from '../../src/tms/cover.ts';
import { tileBbox, tileBounds } from '../../src/tms/web-mercator-quad.ts';
import type { Tile } from '../../src/tms/tile.ts';
import { programOf, runMeasured } from './measured-run.ts';
import { runTilesJob } from './tile-job.ts';
import { filesOf } from './workloads.ts';
import type { Workload } from './workloads.ts';

/** What a tool took for a workload. */
export interface WholeRun {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  /** Tiles of the area that were asked for: all, or a sample. */
  readonly asked: number;
  /** Those that were written; empty ones are not, where the tool sees that they are. */
  readonly written: number;
  readonly bytes: number;
}

/** What a rival is given: a folder of its own that is there, and all tiles of the area. */
interface RivalInput {
  readonly workload: Workload;
  readonly folder: string;
  readonly tiles: readonly Tile[];
}

/** Another tool that can do a whole run. `null` = it cannot do this workload. */
export interface Rival {
  readonly name: string;
  run(input: RivalInput): Promise<WholeRun | null>;
}

/** The rivals whose programs the environment names; of each other a line is printed. */
export function findRivals(): readonly Rival[] {
  const gdal = programOf('BENCH_GDAL', 'gdal raster tile (such as `gdal`, 3.13)');
  const pmtiles = programOf('BENCH_GEOTIFF2PMTILES', 'geotiff2pmtiles (its path)');
  const python = programOf('BENCH_RIO_TILER', 'rio-tiler (a Python that has it)');
  return [
    ...(gdal === null ? [] : [gdalRival(gdal, 'default'), gdalRival(gdal, 'tiles')]),
    ...(pmtiles === null ? [] : [pmtilesRival(pmtiles)]),
    ...(python === null ? [] : [rioTilerRival(python)]),
  ];
}

/**
 * The pixels that an index of files in several CRSs is read in: those that GDAL chooses, which are resampled once more for
 * the tiles, or those of the tiles, so that each pixel is resampled once, as ours are.
 */
type IndexGrid = 'default' | 'tiles';

/** Base zoom from the files, every other zoom from the one above it; PNG as it writes it by default. */
function gdalRival(gdal: readonly string[], indexGrid: IndexGrid): Rival {
  return {
    name: `gdal raster tile, 1 thread${indexGrid === 'tiles' ? ', resampled once' : ''}`,
    async run({ workload, folder, tiles }) {
      if (indexGrid === 'tiles' && workload.isOneGrid) return null;
      const { minzoom, maxzoom, tileSize, resampling, overviewResampling } = workload;
      const { input, seconds } = await gdalInput(gdal, workload, folder, indexGrid);
      const output = join(folder, 'tiles');
      const zooms = ['--min-zoom', String(minzoom), '--max-zoom', String(maxzoom), '--tile-size', String(tileSize)];
      const kernels = ['-r', resampling, '--overview-resampling', overviewResampling];
      const rest = ['--skip-blank', '-j', '1', '--webviewer', 'none'];
      const args = ['raster', 'tile', '--input', input, '--output', output, ...zooms, ...kernels, ...rest];
      const run = await runMeasured([...gdal, ...args]);
      return {
        wallSeconds: run.wallSeconds + seconds.wall,
        cpuSeconds: run.cpuSeconds + seconds.cpu,
        asked: tiles.length,
        ...(await sumOfFiles(output)),
      };
    },
  };
}

/** What GDAL tiles: the file itself, a VRT of files of one grid, or an index that brings them to one CRS. */
export async function gdalInput(
  gdal: readonly string[],
  workload: Workload,
  folder: string,
  indexGrid: IndexGrid = 'default',
) {
  const files = filesOf(workload);
  const [only] = files;
  if (files.length === 1 && only !== undefined) return { input: only, seconds: { wall: 0, cpu: 0 } };
  // What comes last in either is on top.
  const inputs = files.toReversed();
  const input = join(folder, workload.isOneGrid ? 'input.vrt' : 'input.gti.gpkg');
  const index = ['--output-crs', 'EPSG:3857', '--source-crs-field-name', 'SRS', '--absolute-path', '--nln', 'tiles'];
  const metadata = [`RESAMPLING=${workload.resampling}`, ...(indexGrid === 'tiles' ? gridOfTiles(workload) : [])];
  const command = workload.isOneGrid
    ? ['raster', 'mosaic', ...inputs, input]
    : ['raster', 'index', ...index, ...metadata.flatMap((entry) => ['--metadata', entry]), ...inputs, input];
  const { wallSeconds, cpuSeconds } = await runMeasured([...gdal, ...command]);
  return { input, seconds: { wall: wallSeconds, cpu: cpuSeconds } };
}

/** The grid of the tiles of the last zoom, as an index says it. */
function gridOfTiles(workload: Workload): readonly string[] {
  const boxes = tilesOf({ ...workload, minzoom: workload.maxzoom }).map((tile) => tileBounds(tile));
  const resolution = (boxes[0]![2] - boxes[0]![0]) / workload.tileSize;
  return [
    `RESX=${resolution}`,
    `RESY=${resolution}`,
    `MINX=${Math.min(...boxes.map(([minX]) => minX))}`,
    `MINY=${Math.min(...boxes.map(([, minY]) => minY))}`,
    `MAXX=${Math.max(...boxes.map(([, , maxX]) => maxX))}`,
    `MAXY=${Math.max(...boxes.map(([, , , maxY]) => maxY))}`,
  ];
}

/** Every zoom below the base from the one above it, into one archive; it refuses UTM. */
function pmtilesRival(program: readonly string[]): Rival {
  return {
    name: 'geotiff2pmtiles, 1 worker',
    async run({ workload, folder, tiles }) {
      if (!workload.isOneGrid) return null;
      const { minzoom, maxzoom, tileSize, resampling } = workload;
      const output = join(folder, 'tiles.pmtiles');
      const zooms = ['-min-zoom', String(minzoom), '-max-zoom', String(maxzoom), '-tile-size', String(tileSize)];
      const rest = ['-format', 'png', '-resampling', resampling, '-concurrency', '1'];
      const run = await runMeasured([...program, ...zooms, ...rest, ...filesOf(workload), output]);
      const { size } = await stat(output);
      return { ...run, asked: tiles.length, written: await addressedTiles(output), bytes: size };
    },
  };
}

/** Addressed tiles, from the header of a PMTiles archive (version 3, byte 72). */
export async function addressedTiles(archive: string): Promise<number> {
  const file = await open(archive);
  try {
    const header = Buffer.alloc(127);
    await file.read(header, 0, header.length, 0);
    return Number(header.readBigUInt64LE(72));
  } finally {
    await file.close();
  }
}

/** Tiles that the rio-tiler way renders: it is so slow that a sample spread over all zooms has to do. */
const SAMPLE_TILES = 150;

/** Every tile from the files whose footprint touches it, opened for it. */
function rioTilerRival(python: readonly string[]): Rival {
  return {
    name: 'rio-tiler, mosaic_reader + Reader.tile + render',
    async run({ workload, folder, tiles }) {
      const step = Math.max(1, Math.floor(tiles.length / SAMPLE_TILES));
      const sample = tiles.filter((_, n) => n % step === 0);
      const job = {
        tiles: sample.map((tile) => ({ ...tile, files: filesTouching(workload, tile) })),
        tileSize: workload.tileSize,
        kernel: workload.resampling,
        format: 'PNG',
        nodata: workload.nodata,
        rescale: null,
        selection: 'first',
        isMosaic: true,
        output: join(folder, 'tiles'),
        rounds: 1,
      } as const;
      const { wallSeconds, cpuSeconds, bytes, written } = await runTilesJob(python, 'rio_tiler_tiles.py', job);
      return { wallSeconds, cpuSeconds, bytes, written, asked: sample.length };
    },
  };
}

function filesTouching({ items, asset }: Workload, tile: Tile): readonly string[] {
  const scenes = items.map(({ id, geometry, bbox, assets }) => ({
    itemId: id,
    collection: null,
    datetime: null,
    version: '',
    footprint: { type: 'MultiPolygon' as const, coordinates: [geometry.coordinates] },
    bbox,
    assets: [{ key: asset, href: assets[asset]!.href }],
  }));
  return scenesTouching(scenes, tileBbox(tile)).flatMap(({ assets }) => assets.map(({ href }) => fileURLToPath(href)));
}

/** The tiles of a workload's area, zoom by zoom. */
export function tilesOf({ area, minzoom, maxzoom }: Workload): readonly Tile[] {
  const cover = createCover({ area: { kind: 'bbox', bbox: area }, minzoom, maxzoom, metatileSize: 1 });
  return [...worksOf(cover)].flatMap(({ tiles }) => tiles);
}

/** Number and bytes of the PNG files beneath a folder. */
export async function sumOfFiles(folder: string): Promise<{ readonly written: number; readonly bytes: number }> {
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.png'));
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size));
  return { written: files.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** Makes the folder of a tool. */
export async function toolFolder(parent: string, name: string): Promise<string> {
  const folder = join(parent, name);
  await mkdir(folder, { recursive: true });
  return folder;
}
