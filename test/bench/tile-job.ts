import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Tile } from '../../src/tms/tile.ts';
import { runMeasured } from './measured-run.ts';

/** Tiles for a rival to render, as its Python script takes them. */
export interface TilesJob {
  /** With the files that touch each, first = on top. */
  readonly tiles: readonly (Tile & { readonly files: readonly string[] })[];
  readonly tileSize: number;
  readonly kernel: string;
  readonly format: 'PNG' | 'JPEG' | 'WEBP';
  readonly nodata: number | null;
  readonly rescale: readonly [number, number] | null;
  readonly selection: 'first' | 'mean';
  /** Tiles are mosaicked even where one file touches them. */
  readonly isMosaic: boolean;
  /** Folder for the tiles; null = they are thrown away. */
  readonly output: string | null;
  /** Rounds over all tiles, of which the one with the least processor time counts. */
  readonly rounds: number;
}

/** What the tiles of a job took. */
export interface TilesResult {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly bytes: number;
  /** Tiles that had something in them. */
  readonly written: number;
  readonly way: string;
}

/** Has a rival render tiles on one core. `script` lies beside this file and is given as text, so that a chroot will do. */
export async function runTilesJob(
  python: readonly string[],
  script: 'rio_tiler_tiles.py' | 'gdal_tiles.py',
  job: TilesJob,
): Promise<TilesResult> {
  const source = await readFile(fileURLToPath(new URL(script, import.meta.url)), 'utf8');
  const { stdout } = await runMeasured([...python, '-c', source], { input: JSON.stringify(job) });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as TilesResult;
}
