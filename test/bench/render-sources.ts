import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Cog } from '../../src/cog/cog.ts';
import { apply, invert } from '../../src/geo/affine.ts';
import type { Affine } from '../../src/geo/affine.ts';
import { CRS84, transformerBetween } from '../../src/geo/crs.ts';
import { createSamples } from '../../src/raster/raster.ts';
import { tileBbox } from '../../src/tms/web-mercator-quad.ts';
import { writeCog } from '../support/synthetic-cog.ts';
import { createFileMosaic } from './file-mosaic.ts';
import { runMeasured } from './measured-run.ts';
import { NATIVE_ZOOM, workAtZoom } from './render-cases.ts';

/** Files that hold the same place. */
export interface RenderSource {
  readonly name: string;
  readonly codec: string;
  /** First = on top. */
  readonly files: readonly string[];
  readonly rescale: readonly [number, number] | null;
}

const CREATION: Readonly<Record<string, readonly string[]>> = {
  DEFLATE: ['--co', 'COMPRESS=DEFLATE', '--co', 'PREDICTOR=YES'],
  ZSTD: ['--co', 'COMPRESS=ZSTD', '--co', 'PREDICTOR=YES'],
  JPEG: ['--co', 'COMPRESS=JPEG', '--co', 'QUALITY=85'],
};

/** Scenes of the mosaic. */
const MOSAIC_SCENES = 20;

/**
 * The sources of the benchmark: scene A of the workload `province` as it is, and made from it where they are not there
 * yet: other codecs and CRSs by GDAL, and twenty scenes that overlap.
 */
export async function prepareSources(province: string, folder: string, gdal: readonly string[]) {
  await mkdir(folder, { recursive: true });
  const tci = join(province, 'A-tci.tif');
  const red = join(province, 'A-red.tif');
  const convert = async (name: string, input: string, codec: string, command: readonly string[]): Promise<string> => {
    const path = join(folder, `${name}-${codec}.tif`);
    if (existsSync(path)) return path;
    process.stdout.write(`making ${path}\n`);
    const cog = ['--of', 'COG', '--co', 'BLOCKSIZE=512', '--co', 'OVERVIEW_RESAMPLING=AVERAGE', '--overwrite'];
    const made = `${path}.part`;
    await runMeasured([...gdal, 'raster', ...command, ...cog, ...CREATION[codec]!, input, made]);
    await rename(made, path);
    return path;
  };
  const sources: RenderSource[] = [
    { name: 'UTM uint8 x 3', codec: 'DEFLATE', files: [tci], rescale: null },
    { name: 'UTM uint8 x 3', codec: 'JPEG', files: [join(province, 'A-tci-jpeg.tif')], rescale: null },
    { name: 'UTM uint8 x 3', codec: 'ZSTD', files: [await convert('utm', tci, 'ZSTD', ['convert'])], rescale: null },
    { name: 'UTM uint16 x 1', codec: 'DEFLATE', files: [red], rescale: [0, 4000] },
    {
      name: 'UTM uint16 x 1',
      codec: 'ZSTD',
      files: [await convert('red', red, 'ZSTD', ['convert'])],
      rescale: [0, 4000],
    },
  ];
  for (const epsg of [3857, 4326]) {
    const reproject = ['reproject', '--dst-crs', `EPSG:${epsg}`, '-r', 'bilinear'];
    for (const codec of Object.keys(CREATION)) {
      const file = await convert(String(epsg), tci, codec, reproject);
      sources.push({ name: `EPSG:${epsg} uint8 x 3`, codec, files: [file], rescale: null });
    }
  }
  const mosaic = await prepareMosaic(tci, province, join(folder, 'mosaic'));
  return { sources, mosaic: { name: '20 scenes, UTM uint8 x 3', codec: 'DEFLATE', files: mosaic, rescale: null } };
}

/** Scenes of 2048 pixels square around the middle of a file, each with slanted stripes without data, so that they fill each other. */
async function prepareMosaic(file: string, fileRoot: string, folder: string): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const paths = Array.from({ length: MOSAIC_SCENES }, (_, n) => join(folder, `${n}.tif`));
  if (paths.every((path) => existsSync(path))) return paths;
  process.stdout.write(`making ${folder}\n`);
  await using mosaic = createFileMosaic([file], fileRoot);
  const { signal } = new AbortController();
  const cog = await mosaic.cogs.open(pathToFileURL(file).href, { signal });
  const size = 2048;
  const [left, top] = originOfMosaic(cog, size);
  for (const [n, path] of paths.entries()) {
    const window = { col: left + 40 * (n % 5), row: top + 40 * Math.floor(n / 5), width: size, height: size };
    const raster = await cog.readWindow({ level: 0, window, bands: [1, 2, 3], nodata: null }, { signal });
    const bands = raster.bands.map((band) => {
      const cut = createSamples('uint8', band.length);
      for (let i = 0; i < band.length; i++)
        cut[i] = ((i % size) + 0.3 * Math.floor(i / size) + 131 * n) % 700 < 280 ? 0 : band[i]!;
      return cut;
    });
    const [a, b, c, d, e, f] = cog.transform;
    const transform: Affine = [a, b, c + a * window.col + b * window.row, d, e, f + d * window.col + e * window.row];
    const epsg = 32632;
    const layout = { nodata: 0, blockSize: 512, compression: 'deflate', predictor: 2, overviews: 2 } as const;
    await writeFile(path, writeCog({ width: size, height: size, bands, epsg, transform, ...layout }));
  }
  return paths;
}

/** Where the first scene begins so that all of them hold the tiles of the benchmark at its finest zoom. */
function originOfMosaic(cog: Cog, size: number): readonly [number, number] {
  const boxes = workAtZoom(NATIVE_ZOOM).tiles.map((tile) => tileBbox(tile));
  const x = Float64Array.of(
    (Math.min(...boxes.map(([west]) => west)) + Math.max(...boxes.map(([, , east]) => east))) / 2,
  );
  const y = Float64Array.of(
    (Math.min(...boxes.map(([, south]) => south)) + Math.max(...boxes.map(([, , , north]) => north))) / 2,
  );
  transformerBetween(CRS84, cog.crs).transform(x, y);
  const [col, row] = apply(invert(cog.transform)!, x[0]!, y[0]!);
  return [Math.round(col) - size / 2 - 80, Math.round(row) - size / 2 - 60];
}
