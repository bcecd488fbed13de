import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Affine } from '../../src/geo/affine.ts';
import { writeCog } from '../support/synthetic-cog.ts';
import { EARTH_HEIGHT, EARTH_RESOLUTION, EARTH_WIDTH, loadEarth, viewOnDate } from './earth.ts';
import type { View } from './earth.ts';
import { framesOfDate } from './passes.ts';
import type { Frame, Position } from './passes.ts';

/** One scene that lies on disk as a COG: what its STAC item says. */
export interface SceneRecord {
  readonly id: string;
  readonly datetime: string;
  /** File name in the folder of the scenes. */
  readonly file: string;
  readonly epsg: 4326 | 3857;
  readonly width: number;
  readonly height: number;
  readonly transform: Affine;
  /** Percent of the pixels that hold data, 0 to 100, two decimals. */
  readonly cloudCover: number;
  /** Open ring in degrees. */
  readonly ring: readonly Position[];
  readonly sizeBytes: number;
}

/** A pixel counts as cloudy if its cloud hides a quarter of the ground or more. */
const CLOUDY = 64;

/** Half the length of the equator in EPSG:3857, in metres. */
const MERCATOR_HALF = 20_037_508.342_789_244;
const MERCATOR_RESOLUTION = (2 * MERCATOR_HALF) / EARTH_WIDTH;
/** Rows of the whole world at that resolution: as many as columns. */
const MERCATOR_ROWS = EARTH_WIDTH;

const BLOCK_SIZE = 256;
const OVERVIEWS = 2;

/** Which pixels of the world's grid a scene takes. Columns of both grids are the earth picture's own. */
interface Grid {
  readonly col: number;
  readonly row: number;
  readonly width: number;
  readonly height: number;
  readonly transform: Affine;
  /** Latitude of the centre of a row of the scene, in degrees. */
  latOf(row: number): number;
}

function mercatorRow(lat: number): number {
  const northing = Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / Math.PI;
  return ((1 - northing) / 2) * MERCATOR_ROWS;
}

function mercatorLatitude(row: number): number {
  return (Math.atan(Math.sinh(Math.PI * (1 - (2 * row) / MERCATOR_ROWS))) * 180) / Math.PI;
}

function gridOf(frame: Frame): Grid {
  const lngs = frame.ring.map(([lng]) => lng);
  const lats = frame.ring.map(([, lat]) => lat);
  const col = Math.max(0, Math.floor((Math.min(...lngs) + 180) / EARTH_RESOLUTION));
  const width = Math.min(EARTH_WIDTH, Math.ceil((Math.max(...lngs) + 180) / EARTH_RESOLUTION)) - col;
  const rowOf = frame.epsg === 4326 ? (lat: number) => (90 - lat) / EARTH_RESOLUTION : mercatorRow;
  const rows = frame.epsg === 4326 ? EARTH_HEIGHT : MERCATOR_ROWS;
  const row = Math.max(0, Math.floor(rowOf(Math.max(...lats))));
  const height = Math.min(rows, Math.ceil(rowOf(Math.min(...lats)))) - row;
  if (frame.epsg === 4326) {
    const r = EARTH_RESOLUTION;
    const transform: Affine = [r, 0, col * r - 180, 0, -r, 90 - row * r];
    return { col, row, width, height, transform, latOf: (n) => 90 - (row + n + 0.5) * r };
  }
  const r = MERCATOR_RESOLUTION;
  const transform: Affine = [r, 0, col * r - MERCATOR_HALF, 0, -r, MERCATOR_HALF - row * r];
  return { col, row, width, height, transform, latOf: (n) => mercatorLatitude(row + n + 0.5) };
}

/** A scene's pixels: RGB, where it has data, and how many of those are cloudy. */
interface Painted {
  readonly bands: readonly [Uint8Array, Uint8Array, Uint8Array];
  /** 255 = data, 0 = collar. */
  readonly alpha: Uint8Array;
  readonly cloudCover: number;
}

function paint(view: View, frame: Frame, grid: Grid): Painted {
  const size = grid.width * grid.height;
  const bands = [new Uint8Array(size), new Uint8Array(size), new Uint8Array(size)] as const;
  const alpha = new Uint8Array(size);
  let valid = 0;
  let cloudy = 0;
  for (let row = 0; row < grid.height; row += 1) {
    const lat = grid.latOf(row);
    const span = frame.span(lat);
    if (span === null) continue;
    // Between two rows of the picture; on one of them, where the scene's grid is the picture's.
    const at = Math.min(EARTH_HEIGHT - 1, Math.max(0, (90 - lat) / EARTH_RESOLUTION - 0.5));
    const upper = Math.floor(at);
    const lower = Math.min(EARTH_HEIGHT - 1, upper + 1);
    const weight = at - upper;
    const first = Math.max(0, Math.ceil((span[0] + 180) / EARTH_RESOLUTION - 0.5) - grid.col);
    const last = Math.min(grid.width - 1, Math.floor((span[1] + 180) / EARTH_RESOLUTION - 0.5) - grid.col);
    for (let col = first; col <= last; col += 1) {
      const to = row * grid.width + col;
      const a = upper * EARTH_WIDTH + grid.col + col;
      const b = lower * EARTH_WIDTH + grid.col + col;
      for (let band = 0; band < 3; band += 1) {
        const value = view.rgb[a * 3 + band]! * (1 - weight) + view.rgb[b * 3 + band]! * weight;
        bands[band]![to] = Math.round(value);
      }
      alpha[to] = 255;
      valid += 1;
      if (view.clouds[a]! * (1 - weight) + view.clouds[b]! * weight >= CLOUDY) cloudy += 1;
    }
  }
  return { bands, alpha, cloudCover: valid === 0 ? 0 : Math.round((cloudy / valid) * 10_000) / 100 };
}

/** Writes the COG of one frame. Scenes in EPSG:4326 say where they have data by nodata, those in EPSG:3857 by alpha. */
async function writeScene(view: View, frame: Frame, folder: string): Promise<SceneRecord> {
  const grid = gridOf(frame);
  const { width, height, transform } = grid;
  const { bands, alpha, cloudCover } = paint(view, frame, grid);
  const bytes = writeCog({
    width,
    height,
    bands,
    epsg: frame.epsg,
    transform,
    blockSize: BLOCK_SIZE,
    compression: 'deflate',
    predictor: 2,
    overviews: OVERVIEWS,
    ...(frame.epsg === 4326 ? { nodata: 0 } : { alpha }),
  });
  const file = `${frame.id}.tif`;
  await writeFile(join(folder, file), bytes);
  const { id, datetime, epsg, ring } = frame;
  return { id, datetime, file, epsg, width, height, transform, cloudCover, ring, sizeBytes: bytes.byteLength };
}

/** Writes all scenes of some dates into a folder, always the same ones. */
export async function writeScenes(dateIndexes: readonly number[], folder: string): Promise<readonly SceneRecord[]> {
  await mkdir(folder, { recursive: true });
  const earth = await loadEarth();
  const records: SceneRecord[] = [];
  for (const dateIndex of dateIndexes) {
    const view = viewOnDate(earth, dateIndex);
    for (const frame of framesOfDate(dateIndex)) records.push(await writeScene(view, frame, folder));
  }
  return records;
}
