import { opendir, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createIoCounters } from '../../src/observe.ts';
import { openTileStore, parseStoreLocation } from '../../src/store/open-store.ts';
import type { Config } from '../../src/config.ts';
import { readManifest } from '../manifest.ts';
import { filesByRun, localPathsOf, noneIfForeign, removeFiles } from './local-files.ts';
import type { LocalPlace } from './local-files.ts';
import { findOwner, takeOwnership } from './local-owner.ts';
import { readLocalStatus } from './local-status.ts';
import type { LocalStatus } from './local-status.ts';

export interface CleanLocalOptions {
  readonly config: Pick<Config, 's3'>;
  /** Of the last change of a run. */
  readonly olderThanMs: number;
}

/** As the folder store names what it is writing. */
const HALF_WRITTEN = /^\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d+\.tmp$/;

/**
 * Forgets the runs of an output that no process renders: their documents and journals, the parts that no run needs any
 * more, and in a folder what killed processes left half-written. Nothing is done while a process renders to the output.
 *
 * @returns the runs that are forgotten
 * @throws TilerError if what decides about something cannot be read: it is not removed then
 */
export async function cleanLocalRuns(place: LocalPlace, options: CleanLocalOptions): Promise<readonly string[]> {
  if ((await filesByRun(place)).size === 0 && (await findOwner(place)) === null) return [];
  if ((await findOwner(place))?.isAlive === true) return [];
  // Nobody begins to render meanwhile.
  const lock = await takeOwnership(place, 'clean', () => {});
  const forgotten: string[] = [];
  try {
    let isNeeded = false;
    for (const [run, files] of await filesByRun(place)) {
      const status = await readLocalStatus(localPathsOf(place, run).status).catch(noneIfForeign);
      if (Date.now() - (await lastChange(status, files)) < options.olderThanMs) {
        isNeeded ||= status?.state !== 'complete';
        continue;
      }
      await removeFiles(files);
      forgotten.push(run);
    }
    if (!isNeeded) await removeLeftovers(place, options);
  } finally {
    await lock[Symbol.asyncDispose]();
    await rmdir(place.folder).catch(() => {});
  }
  return forgotten;
}

async function lastChange(status: LocalStatus | null, files: readonly string[]): Promise<number> {
  if (status !== null) return Date.parse(status.updatedAt);
  const times = await Promise.all(files.map((file) => stat(file).then(({ mtimeMs }) => mtimeMs)));
  return Math.max(...times);
}

async function removeLeftovers({ output }: LocalPlace, { config: { s3 } }: CleanLocalOptions): Promise<void> {
  const { signal } = new AbortController();
  const unused = { extension: 'png', contentType: 'image/png', counters: createIoCounters() };
  await using store = await openTileStore(output, { ...unused, s3 }, { signal });
  // A tileset that is complete may keep its parts, for updates.
  const manifest = await readManifest(store, { signal });
  await store.deleteStaged({ signal, keepParts: manifest?.state === 'complete' && manifest.parts !== undefined });
  const location = parseStoreLocation(output);
  if (location.kind === 'folder') await removeHalfWritten(location.path, 2);
}

/** In the folder and those of its zooms and columns: nobody writes there now. */
async function removeHalfWritten(folder: string, depth: number): Promise<void> {
  for await (const entry of await opendir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isFile() && HALF_WRITTEN.test(entry.name)) await rm(path, { force: true });
    else if (depth > 0 && entry.isDirectory() && /^\d+$/.test(entry.name)) await removeHalfWritten(path, depth - 1);
  }
}
