import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { BlockCache } from '../../src/cog/block-cache.ts';
import { openCog } from '../../src/cog/open-cog.ts';
import { planRead } from '../../src/cog/plan-read.ts';
import { readPlan } from '../../src/cog/read-raster.ts';
import { createFileSource } from '../../src/cog/source-file.ts';
import { CRS84, transformerBetween } from '../../src/geo/crs.ts';
import { createIoCounters } from '../../src/observe.ts';
import { createRaster, type Raster } from '../../src/raster/raster.ts';
import type { Resampling } from '../../src/raster/resample.ts';
import { checkPicture, type Picture } from '../../src/render/encode/check-picture.ts';
import { PngWriter } from '../../src/render/encode/png/png-writer.ts';
import { tileAt, tileBounds } from '../../src/tms/web-mercator-quad.ts';
import { NATURES, pictureOf } from '../support/pictures.ts';
import { findRealData } from '../support/real-data.ts';

const ROUNDS = 15;

interface RealTiles {
  readonly file: string;
  readonly zooms: readonly number[];
  readonly resampling: Resampling;
  /** Turns a sample into what is shown, band by band. */
  readonly show?: (value: number, band: number) => number;
}

/** A colour of its own for each class. */
const classColour = (value: number, band: number): number => (value * [37, 91, 151][band]!) & 255;

const REAL: readonly RealTiles[] = [
  { file: 'world-mosaic/world_5000_5000.tif', zooms: [3, 4, 5, 6], resampling: 'bilinear' },
  { file: 'world-mosaic/world_15000_0.tif', zooms: [3, 4, 5, 6], resampling: 'bilinear' },
  { file: 'rgb/20200307aC0853900w361030n.tif', zooms: [16, 17, 18], resampling: 'bilinear' },
  { file: 'rgb/cogeo.tif', zooms: [6, 7, 8], resampling: 'cubic' },
  {
    file: 's2-29RKH/B05.tif',
    zooms: [9, 10, 11],
    resampling: 'bilinear',
    show: (value) => Math.min(255, Math.floor(value / 24)),
  },
  {
    file: 'dem/Copernicus_DSM_COG_10_N00_00_E006_00_DEM.tif',
    zooms: [9, 10, 11, 12],
    resampling: 'bilinear',
    show: (value, band) => (value * [3, 2, 5][band]!) & 255,
  },
  {
    file: 'palette/ESA_WorldCover_10m_2021_v200_N00E006_Map.tif',
    zooms: [8, 9, 10, 11, 12],
    resampling: 'nearest',
    show: classColour,
  },
  { file: 'palette/cog_cmap.tif', zooms: [9, 10, 11], resampling: 'nearest', show: classColour },
];

/**
 * Milliseconds and bytes of a PNG tile, ours beside sharp's default (level 6, no filter), of made pictures of each nature
 * and of tiles rendered from real data where there are any. Median of 15 rounds, the two in turns.
 */
export async function benchPng(): Promise<void> {
  process.stdout.write(
    '\n| tiles of 256 px unless said | n | ours ms | sharp ms | ours bytes | sharp bytes | bytes |\n',
  );
  process.stdout.write('| --- | --- | --- | --- | --- | --- | --- |\n');
  const writer = new PngWriter();
  for (const size of [256, 512]) {
    for (const nature of NATURES) {
      for (const bandCount of [3, 1] as const) {
        const pictures = [1, 2, 3].map((seed) => checkPicture(pictureOf(nature, size, size, bandCount, seed)));
        await report(
          `${nature}, ${bandCount === 3 ? 'RGB' : 'grey'}${size === 512 ? ', 512 px' : ''}`,
          pictures,
          writer,
        );
      }
    }
  }
  const data = findRealData();
  for (const tiles of data === null ? [] : REAL) {
    const pictures = await renderAround(join(data!, tiles.file), tiles);
    if (pictures.length > 0) await report(`${tiles.file}, ${tiles.resampling}`, pictures, writer);
  }
}

async function report(name: string, pictures: readonly Picture[], writer: PngWriter): Promise<void> {
  const sum = { ours: 0, sharp: 0, oursMs: 0, sharpMs: 0 };
  for (const picture of pictures) {
    const raw = interleave(picture);
    const times: { readonly ours: number[]; readonly sharp: number[] } = { ours: [], sharp: [] };
    for (let round = -3; round < ROUNDS; round++) {
      const started = performance.now();
      const ours = writer.write(picture);
      const between = performance.now();
      const theirs = await bySharp(raw);
      const ended = performance.now();
      if (round < 0) continue;
      times.ours.push(between - started);
      times.sharp.push(ended - between);
      if (round > 0) continue;
      sum.ours += ours.length;
      sum.sharp += theirs.length;
    }
    sum.oursMs += median(times.ours);
    sum.sharpMs += median(times.sharp);
  }
  const n = pictures.length;
  const cells = [sum.oursMs / n, sum.sharpMs / n].map((ms) => ms.toFixed(2));
  const bytes = [sum.ours / n, sum.sharp / n].map((value) => value.toFixed(0));
  const share = `${((100 * sum.ours) / sum.sharp).toFixed(0)} %`;
  process.stdout.write(`| ${[name, n, ...cells, ...bytes, share].join(' | ')} |\n`);
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1]!;
}

function interleave({ width, height, bands, mask }: Picture) {
  const planes = mask.every((alpha) => alpha === 255) ? bands : [...bands, mask];
  const channels = planes.length as 1 | 2 | 3 | 4;
  const pixels = new Uint8Array(width * height * channels);
  planes.forEach((plane, p) => plane.forEach((value, i) => (pixels[i * channels + p] = value)));
  return { pixels, raw: { width, height, channels }, isGrey: bands.length === 1 };
}

async function bySharp({ pixels, raw, isGrey }: ReturnType<typeof interleave>): Promise<Buffer> {
  const image = sharp(pixels, { raw });
  const options = { compressionLevel: 6, adaptiveFiltering: false, palette: false };
  return await (isGrey ? image.toColourspace('b-w') : image).png(options).toBuffer();
}

/** The tile over the middle of a COG and its eight neighbours, in each zoom, as far as they have data. */
async function renderAround(path: string, { zooms, resampling, show }: RealTiles): Promise<readonly Picture[]> {
  const { signal } = new AbortController();
  const source = createFileSource({ path, root: dirname(path), label: path, timeoutMs: 10_000 });
  await using cog = await openCog(source, { cache: new BlockCache(2 ** 28), counters: createIoCounters(), signal });
  const { width, height } = cog.levels[0]!;
  const [a, b, c, d, e, f] = cog.transform;
  const xs = Float64Array.of(a * (width / 2) + b * (height / 2) + c);
  const ys = Float64Array.of(d * (width / 2) + e * (height / 2) + f);
  transformerBetween(cog.crs, CRS84).transform(xs, ys);
  const pictures: Picture[] = [];
  for (const z of zooms) {
    const middle = tileAt(xs[0]!, ys[0]!, z);
    for (let n = 0; n < 9; n++) {
      const tile = { z, x: middle.x - 1 + (n % 3), y: middle.y - 1 + Math.floor(n / 3) };
      const plan = planRead(cog, { bounds: tileBounds(tile), width: 256, height: 256 }, resampling);
      if (plan === null) continue;
      const bands = cog.bandCount >= 3 ? [1, 2, 3] : [1];
      const picture = createRaster(256, 256, 'uint8', show === undefined ? bands.length : 3);
      const pieces = await readPlan(cog, plan, { bands, nodata: null, signal });
      for (const { col, row, raster } of pieces) lay(picture, col, row, raster, show ?? ((value) => value));
      if (picture.mask.includes(255)) pictures.push(checkPicture(picture));
    }
  }
  return pictures;
}

function lay(on: Raster, col: number, row: number, piece: Raster, show: (value: number, band: number) => number): void {
  for (let i = 0; i < piece.mask.length; i++) {
    if (piece.mask[i] === 0) continue;
    const at = (row + Math.floor(i / piece.width)) * on.width + col + (i % piece.width);
    on.mask[at] = piece.mask[i]!;
    on.bands.forEach((band, b) => (band[at] = show((piece.bands[b] ?? piece.bands[0]!)[i]!, b)));
  }
}
