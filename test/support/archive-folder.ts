import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIoCounters } from '../../src/observe.ts';
import { ArchiveStore } from '../../src/store/archive-store.ts';
import { FileObjects } from '../../src/store/file-objects.ts';
import type { ObjectStore } from '../../src/store/object-store.ts';
import { tileFromTileId } from '../../src/tms/tile-id.ts';
import { finishedRun, madeMetatiles, wholeRun } from './archive-runs.ts';

const NEVER = { signal: new AbortController().signal };

/** Metatiles of the runs of an `ArchiveFolder`. */
export const METATILES = 5;
const [FIRST] = madeMetatiles(1, 0)[0]!.tiles;
const TILE = tileFromTileId(FIRST!.tileId);

/** A folder with an archive `world.pmtiles`, gone when it is disposed of. */
export class ArchiveFolder implements AsyncDisposable {
  readonly path: string;
  readonly objects: FileObjects;

  private constructor(path: string) {
    this.path = path;
    this.objects = new FileObjects(path, createIoCounters());
  }

  static async make(): Promise<ArchiveFolder> {
    return new ArchiveFolder(await mkdtemp(join(tmpdir(), 'archive-folder-')));
  }

  open(on: ObjectStore = this.objects): ArchiveStore {
    return new ArchiveStore(on, { path: 'world.pmtiles', extension: 'png' });
  }

  /** All that is there and not hidden. */
  async files(): Promise<readonly string[]> {
    const entries = await readdir(this.path, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.path.length + 1))
      .filter((path) => !/(^|\/)\./.test(path))
      .sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

/** One run after the other, from generation 1 on, each with a seed of its own. @returns the IDs of the versions */
export async function runSeeds(
  store: ArchiveStore,
  seeds: readonly number[],
  keepVersions = 3,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const seed of seeds) {
    const finished = finishedRun(ids.length + 1, METATILES, { keepVersions });
    ids.push((await wholeRun(store, madeMetatiles(METATILES, seed), finished, NEVER)).id);
  }
  return ids;
}

/** The seed of the tiles that a store gives, by the first one. */
export async function seedIn(store: ArchiveStore): Promise<number | undefined> {
  return (await store.get(TILE, NEVER))?.[0];
}
