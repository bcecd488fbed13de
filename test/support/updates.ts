import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { MultiPolygon } from 'geojson';
import { readManifest } from '../../jobs/manifest.ts';
import { createPlan } from '../../jobs/plan-jobs.ts';
import type { TilesetPlan } from '../../jobs/plan-jobs.ts';
import { dirtyMetatiles } from '../../src/mosaic/dirty-metatiles.ts';
import { createIoCounters } from '../../src/observe.ts';
import { createFileStore } from '../../src/store/file-store.ts';
import { meetsRanges, unionRanges } from '../../src/tms/index-ranges.ts';
import { boxPolygon } from './stac-items.ts';
import { SCENES, filesOf, sceneBbox } from './small-world.ts';

/** What `--json` says last of a run. */
export interface UpdateSummary {
  readonly run: string;
  readonly state: string;
  readonly total: number;
  readonly rendered: number;
  readonly empty: number;
  readonly failed: number;
  readonly metatiles: number;
  readonly unchanged?: number;
  readonly version?: string;
  readonly io: { readonly searches: number; readonly readRequests: number; readonly writeRequests: number };
}

export function summaryOf(stdout: string): UpdateSummary {
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as UpdateSummary;
}

/** Path and digest of every tile of a folder. */
export async function tilesIn(folder: string): Promise<readonly string[]> {
  return (await filesOf(folder)).filter((file) => file.includes('.png'));
}

/** The plan of what a folder holds, as its manifest has it. */
export async function planIn(folder: string): Promise<TilesetPlan> {
  const store = createFileStore(folder, { extension: 'png', counters: createIoCounters() });
  const manifest = await readManifest(store, { signal: new AbortController().signal });
  const plan = manifest?.made?.[0]?.plan;
  if (plan === undefined) throw new Error(`${folder} holds no finished tileset`);
  return createPlan(plan);
}

/** How many metatiles of a plan have to do with one of some scenes. */
export function countDirty(plan: TilesetPlan, ids: readonly string[]): number {
  const footprints = SCENES.filter(({ id }) => ids.includes(id)).map((scene): MultiPolygon => ({
    type: 'MultiPolygon',
    coordinates: [boxPolygon(sceneBbox(scene)).coordinates],
  }));
  const halo = { pixels: 2, tileSize: 256 };
  const dirty = unionRanges(...footprints.map((footprint) => dirtyMetatiles(plan.cover, footprint, halo)));
  return [...plan.works()].filter(({ index }) => meetsRanges(dirty, index, index + 1)).length;
}

/** What lies in the work folder of an output, hidden as it is. */
export async function leftIn(folder: string, part: string): Promise<readonly string[]> {
  const names = await readdir(join(folder, '.tilewright', part), { recursive: true, withFileTypes: true }).catch(
    () => [],
  );
  return names.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/** SHA-256 of a file. */
export async function digestOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}
