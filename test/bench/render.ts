import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { createRequestEncoder } from '../../jobs/open-output.ts';
import { renderOptionsOf } from '../../jobs/render-options.ts';
import { parseTilesetRequest } from '../../jobs/request/tileset-request.ts';
import { createRaster } from '../../src/raster/raster.ts';
import type { Raster } from '../../src/raster/raster.ts';
import { limitSharp } from '../../src/cog/codec/load-sharp.ts';
import { createTileRenderer } from '../../src/render/render-metatile.ts';
import type { MetatileWork } from '../../src/tms/metatile.ts';
import { createFileMosaic } from './file-mosaic.ts';
import type { FileMosaic } from './file-mosaic.ts';
import { pinToOneCore, printTable, programOf } from './measured-run.ts';
import { allCases, fewCases, workAtZoom } from './render-cases.ts';
import type { RenderCase } from './render-cases.ts';
import { prepareSources } from './render-sources.ts';
import { runTilesJob } from './tile-job.ts';

const HEAD = [
  'source',
  'codec',
  'z',
  'kernel',
  'format',
  'tiles',
  'ours',
  'blocks cached',
  'decode + encode',
  'rio-tiler',
  'GDAL',
  'rio-tiler / ours',
  'GDAL / ours',
  'ours / (decode + encode)',
  'KB ours, rio-tiler, GDAL',
];

/** Milliseconds for one tile, by the clock and of the processor. */
interface Taken {
  readonly wall: number;
  readonly cpu: number;
}

interface Rivals {
  readonly rioTiler: readonly string[] | null;
  readonly gdal: readonly string[] | null;
}

/**
 * Milliseconds of processor time a tile, every tool on one core and warm: the same tiles for all, of a metatile of 8x8.
 * Ours decodes every block anew in every round (`blocks cached`: does not); rio-tiler opens its file for every tile, as
 * it does; GDAL has files open and blocks cached. `decode + encode` = the needed blocks once, and the encoder, alone.
 *
 * BENCH_PROVINCE: folder of the workload `province`. BENCH_GDAL: `gdal`, to make sources of it in BENCH_FOLDER.
 * BENCH_RIO_TILER, BENCH_GDAL_PYTHON: a Python that has rio-tiler, and one that has osgeo; without, they are left out.
 * BENCH_RENDER: what the names of the sources to read begin with, by default all.
 * BENCH_ALL=1: the whole matrix, in an hour and more.
 */
export async function benchRender(): Promise<void> {
  const province = process.env['BENCH_PROVINCE'];
  if (province === undefined) return void process.stdout.write('BENCH_PROVINCE is not set: nothing to render\n');
  const gdal = programOf('BENCH_GDAL', 'sources other than those of province');
  if (gdal === null) return;
  const rivals = {
    rioTiler: programOf('BENCH_RIO_TILER', 'rio-tiler (a Python that has it)'),
    gdal: programOf('BENCH_GDAL_PYTHON', 'GDAL tile by tile (a Python that has osgeo)'),
  };
  await pinToOneCore();
  limitSharp();
  const folder = join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'tilewright-render-sources');
  const { sources, mosaic } = await prepareSources(province, folder, gdal);
  const cases = process.env['BENCH_ALL'] === '1' ? allCases(sources, mosaic) : fewCases(sources, mosaic);
  const prefix = process.env['BENCH_RENDER'] ?? '';
  const rows: string[][] = [];
  for (const renderCase of cases.filter(({ source }) => source.name.startsWith(prefix))) {
    rows.push(await benchCase(renderCase, rivals));
    process.stdout.write(`${rows.at(-1)?.join(' | ')}\n`);
  }
  printTable(HEAD, rows);
}

async function benchCase(renderCase: RenderCase, rivals: Rivals): Promise<string[]> {
  const { source, z, kernel, format, selection } = renderCase;
  const work = workAtZoom(z);
  const ours = await benchOurs(renderCase, work);
  const job = {
    tiles: work.tiles.map((tile) => ({ ...tile, files: source.files })),
    tileSize: 256,
    kernel,
    format: ({ png: 'PNG', webp: 'WEBP', jpeg: 'JPEG' } as const)[format],
    nodata: 0,
    rescale: source.rescale,
    selection,
    isMosaic: source.files.length > 1,
    output: null,
    rounds: 1,
  };
  const rioTiler = rivals.rioTiler === null ? null : await runTilesJob(rivals.rioTiler, 'rio_tiler_tiles.py', job);
  const gdal = rivals.gdal === null ? null : await runTilesJob(rivals.gdal, 'gdal_tiles.py', job);
  const count = work.tiles.length;
  const perTile = (seconds: number): number => (seconds * 1000) / count;
  const ratio = (theirs: { readonly wallSeconds: number; readonly cpuSeconds: number } | null): string =>
    theirs === null
      ? ''
      : `${(perTile(theirs.cpuSeconds) / ours.cold.cpu).toFixed(1)} (wall ${(perTile(theirs.wallSeconds) / ours.cold.wall).toFixed(1)})`;
  const kilobytes = [ours.bytes, rioTiler?.bytes, gdal?.bytes].map((bytes) =>
    bytes === undefined ? '' : (bytes / count / 1000).toFixed(1),
  );
  const floor = ours.decode.cpu + ours.encode.cpu;
  return [
    source.name,
    source.codec,
    String(z),
    selection === 'mean' ? `${kernel}, mean` : kernel,
    format,
    String(count),
    ours.cold.cpu.toFixed(2),
    ours.cached.cpu.toFixed(2),
    `${ours.decode.cpu.toFixed(2)} + ${ours.encode.cpu.toFixed(2)}`,
    rioTiler === null ? '' : perTile(rioTiler.cpuSeconds).toFixed(1),
    gdal === null ? '' : `${perTile(gdal.cpuSeconds).toFixed(1)} (${gdal.way})`,
    ratio(rioTiler),
    ratio(gdal),
    (ours.cold.cpu / floor).toFixed(2),
    kilobytes.join(', '),
  ];
}

/** Tilewright in this process: the renderer over files, with the settings of a worker. */
async function benchOurs({ source, kernel, format, selection }: RenderCase, work: MetatileWork) {
  await using mosaic = createFileMosaic(source.files, '/');
  const rescale = source.rescale === null ? {} : { rescale: [source.rescale] };
  const request = (format: RenderCase['format']) =>
    parseTilesetRequest({
      mosaic: { type: 'stac', url: 'http://localhost' },
      area: { bbox: [11, 45, 12, 46] },
      minzoom: 0,
      maxzoom: 14,
      assets: ['data'],
      nodata: 0,
      resampling: kernel,
      pixelSelection: selection,
      output: 'unused',
      format,
      ...rescale,
    });
  const count = work.tiles.length;
  const render = createRender(mosaic, renderOptionsOf(request(format)), work);
  const pictures = await Promise.all(
    (await createRender(mosaic, renderOptionsOf(request('png')), work)()).map(readPng),
  );
  let bytes = 0;
  const renderAll = async (): Promise<void> => {
    bytes = (await render()).reduce((sum, tile) => sum + tile.length, 0);
  };
  await mosaic.cool();
  mosaic.takeReads();
  await renderAll();
  const reads = mosaic.takeReads();
  const encoder = createRequestEncoder(request(format));
  const encode = async (): Promise<void> => {
    for (const picture of pictures) await encoder.encode(picture);
  };
  const cool = (): Promise<void> => mosaic.cool();
  const keep = async (): Promise<void> => {};
  return {
    bytes,
    cold: await middling(renderAll, count, cool, 5),
    cached: await middling(renderAll, count, keep, 3),
    decode: await middling(() => mosaic.decode(reads), count, cool, 5),
    encode: await middling(encode, count, keep, 3),
  };
}

function createRender(
  { backend, cogs, counters }: FileMosaic,
  options: ReturnType<typeof renderOptionsOf>,
  work: MetatileWork,
): () => Promise<readonly Uint8Array[]> {
  const renderer = createTileRenderer({ backend, cogs, counters, options });
  const { signal } = new AbortController();
  return async () => {
    const tiles: Uint8Array[] = [];
    const report = await renderer.renderMetatile(
      work,
      async (_, encoded) => {
        if (encoded !== null) tiles.push(encoded.bytes);
        await Promise.resolve();
      },
      { signal },
    );
    if (report.rendered !== work.tiles.length)
      throw new Error(`Rendered ${JSON.stringify(report)} of ${work.tiles.length}`);
    return tiles;
  };
}

/** After this long no further round is begun. */
const ENOUGH_MS = 2500;

/** The middle one of several rounds by processor time, after one that does not count. */
async function middling(
  work: () => Promise<void>,
  tiles: number,
  before: () => Promise<void>,
  rounds: number,
): Promise<Taken> {
  const taken: Taken[] = [];
  let spentMs = 0;
  for (let round = -1; round < rounds && (taken.length === 0 || spentMs < ENOUGH_MS); round++) {
    await before();
    const started = performance.now();
    const usage = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(usage);
    const cpuMs = (user + system) / 1000;
    spentMs += cpuMs;
    if (round >= 0) taken.push({ wall: (performance.now() - started) / tiles, cpu: cpuMs / tiles });
  }
  return taken.toSorted((a, b) => a.cpu - b.cpu)[taken.length >> 1]!;
}

/** A PNG tile as the raster that it was encoded from. */
async function readPng(bytes: Uint8Array): Promise<Raster> {
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  const hasAlpha = info.channels % 2 === 0;
  const bandCount = info.channels - (hasAlpha ? 1 : 0);
  const raster = createRaster(info.width, info.height, 'uint8', bandCount);
  for (let i = 0; i < info.width * info.height; i++) {
    for (let b = 0; b < bandCount; b++) raster.bands[b]![i] = data[i * info.channels + b]!;
    raster.mask[i] = hasAlpha ? data[i * info.channels + bandCount]! : 255;
  }
  return raster;
}
