import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { DATES } from './passes.ts';
import type { SceneRecord } from './scenes.ts';

const ENTRY = fileURLToPath(new URL('scene-process.ts', import.meta.url));

/** Two minutes for what takes a quarter of one; a machine may be busy. */
const SCENES_TIMEOUT_MS = 120_000;

/** Runs one process that writes the scenes of some dates; `node` is started as this process was, so it knows TypeScript. */
async function runProcess(folder: string, dateIndexes: readonly number[], signal: AbortSignal) {
  const child = fork(ENTRY, [folder, ...dateIndexes.map(String)], { signal, timeout: SCENES_TIMEOUT_MS });
  return await new Promise<readonly SceneRecord[]>((resolve, reject) => {
    let records: readonly SceneRecord[] | null = null;
    child.once('message', (message) => {
      records = message as readonly SceneRecord[];
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0 && records !== null) resolve(records);
      else reject(new Error(`Making the scenes of dates ${dateIndexes.join(', ')} ended with ${code}`));
    });
  });
}

/** Writes the scenes of all dates into a folder, one process per core, and gives what their STAC items say, by ID. */
export async function makeScenes(folder: string, signal: AbortSignal): Promise<readonly SceneRecord[]> {
  const count = Math.min(DATES.length, availableParallelism());
  const shares = Array.from({ length: count }, (_, share) =>
    DATES.map((_date, index) => index).filter((index) => index % count === share),
  );
  const records = await Promise.all(shares.map((share) => runProcess(folder, share, signal)));
  return records.flat().sort((a, b) => (a.id < b.id ? -1 : 1));
}
