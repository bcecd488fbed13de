import { argv } from 'node:process';
import { createIoCounters } from '../../src/observe.ts';
import { openTileStore } from '../../src/store/open-store.ts';
import type { TileStore } from '../../src/store/tile-store.ts';
import { endRun, finishedRun } from './archive-runs.ts';

const NEVER = { signal: new AbortController().signal };

/** Opens an output as a process that ends a run does; in S3 with settings of the environment. */
export async function openArchiveOutput(output: string): Promise<TileStore> {
  const s3 = { forcePathStyle: true };
  const options = { extension: 'png', contentType: 'image/png', ...s3, counters: createIoCounters() };
  return await openTileStore(output, options, NEVER);
}

/** Ends a run whose metatiles are all staged. @returns the ID of the version */
export async function endRunOf(store: TileStore, generation: number, metatiles: number): Promise<string> {
  const baseline = (await store.versions(NEVER))?.versions.find((one) => one.generation < generation) ?? null;
  return (await endRun(store, finishedRun(generation, metatiles, { baseline }), NEVER)).id;
}

// As a process of its own: OUTPUT GENERATION METATILES.
const [, script = '', output, generation = '', metatiles = ''] = argv;
if (/archive-assembler\.[jt]s$/.test(script) && output !== undefined) {
  await using store = await openArchiveOutput(output);
  process.stdout.write('begun\n');
  process.stdout.write(`${await endRunOf(store, Number(generation), Number(metatiles))}\n`);
}
