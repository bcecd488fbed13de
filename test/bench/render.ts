import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
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
import { pinTo, printTable, programOf } from './measured-run.ts';
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
 * BENCH_RENDER: what the cases to run begin with, as in the first cells of the table: `UTM uint8 x 3 DEFLATE 13 bilinear png`
 * is one; by default all.
 * BENCH_ROUNDS: rounds of each case, by default 5.
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
  await pinTo();
  limitSharp();
  const folder = join(process.env['BENCH_FOLDER'] ?? tmpdir(), 'tilewright-render-sources');
  const { sources, mosaic } = await prepareSources(province, folder, gdal);
  const cases = process.env['BENCH_ALL'] === '1' ? allCases(sources, mosaic) : fewCases(sources, mosaic);
  const prefix = process.env['BENCH_RENDER'] ?? '';
  const rows: string[][] = [];
  for (const renderCase of cases.filter((one) => cellsOf(one).join(' ').startsWith(prefix))) {
    rows.push(await benchCase(renderCase, rivals));
    process.stdout.write(`${rows.at(-1)?.join(' | ')}\n`);
  }
  printTable(HEAD, rows);
}

/** What tells a case from all others. */
function cellsOf({ source, z, kernel, format, selection }: RenderCase): readonly string[] {
  return [source.name, source.codec, String(z), selection === 'mean' ? `${kernel}, mean` : kernel, format];
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
  return [
    ...cellsOf(renderCase),
    String(count),
    ours.cold.cpu.toFixed(2),
    ours.cached.cpu.toFixed(2),
    `${ours.decode.cpu.toFixed(2)} + ${ours.encode.cpu.toFixed(2)}`,
    rioTiler === null ? '' : perTile(rioTiler.cpuSeconds).toFixed(1),
    gdal === null ? '' : `${perTile(gdal.cpuSeconds).toFixed(1)} (${gdal.way})`,
    ratio(rioTiler),
    ratio(gdal),
    ours.overFloor.toFixed(2),
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
  const decode = (): Promise<void> => mosaic.decode(reads);
  const rounds = await byTurns(count, [
    { before: cool, run: renderAll },
    { before: keep, run: renderAll },
    { before: cool, run: decode },
    { before: keep, run: encode },
  ]);
  const [cold, cached, decoded, encoded] = rounds.map(middling) as [Taken, Taken, Taken, Taken];
  const ratios = rounds[0]!.map(({ cpu }, n) => cpu / (rounds[2]![n]!.cpu + rounds[3]![n]!.cpu));
  return { bytes, cold, cached, decode: decoded, encode: encoded, overFloor: middle(ratios) };
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

/** Rounds that do not count: code is compiled anew while it is new, which a run pays once. */
const FIRST_ROUNDS = 4;
/** After so long no further round is begun that does not count, and only one that does. */
const ENOUGH_MS = 10_000;

/** Something to measure, and what goes before it each time and is not measured. */
interface Work {
  readonly before: () => Promise<void>;
  readonly run: () => Promise<void>;
}

setFlagsFromString('--expose-gc');
/** Collects what is left of the work before, so that each pays for its own garbage alone. */
const collect = runInNewContext('gc') as () => void;

/** Does each work in turn, round by round; gives what each took in the rounds that count. */
async function byTurns(tiles: number, works: readonly Work[]): Promise<readonly (readonly Taken[])[]> {
  const rounds = Number(process.env['BENCH_ROUNDS'] ?? '5');
  const taken: Taken[][] = works.map(() => []);
  let spentMs = 0;
  for (let round = -FIRST_ROUNDS; round < rounds; round++) {
    if (spentMs > ENOUGH_MS && (taken[0]?.length ?? 0) > 0) break;
    const counts = round >= 0 || spentMs > ENOUGH_MS;
    for (const [n, { before, run }] of works.entries()) {
      await before();
      collect();
      const started = performance.now();
      const usage = process.cpuUsage();
      await run();
      const { user, system } = process.cpuUsage(usage);
      const cpuMs = (user + system) / 1000;
      spentMs += cpuMs;
      if (counts) taken[n]!.push({ wall: (performance.now() - started) / tiles, cpu: cpuMs / tiles });
    }
  }
  return taken;
}

/** The middle one by processor time. */
function middling(taken: readonly Taken[]): Taken {
  return taken.toSorted((a, b) => a.cpu - b.cpu)[taken.length >> 1]!;
}

function middle(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
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
