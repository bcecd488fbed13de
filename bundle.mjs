/*
 * The second step of `npm run build`: the two programs are put together from what tsc has made of the source, each with a
 * file for what it begins with and some more for what it imports later. A process of `tilewright render` loads 200 modules,
 * and to find, read and link them one by one takes as long as 50 tiles. Packages stay where they are.
 *
 * All of these files lie one folder below `dist`, as `ownModule` and `softwareVersion` expect of whoever asks them. What a
 * thread or a user of the library loads is the modules of tsc, which stay beside them.
 */
import { readdirSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { build } from 'esbuild';

const PROGRAMS = ['jobs/cli.ts', 'workers/main.ts'];
const CHUNKS = 'dist/chunks';

const made = new Set();
// One by one: what both have would otherwise be divided by who else has it, into twice as many files.
for (const program of PROGRAMS) {
  const { metafile } = await build({
    absWorkingDir: import.meta.dirname,
    entryPoints: [program],
    outbase: '.',
    outdir: 'dist',
    chunkNames: `${basename(CHUNKS)}/[name]-[hash]`,
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    sourcemap: true,
    sourcesContent: false,
    metafile: true,
    logLevel: 'warning',
  });
  for (const path of Object.keys(metafile.outputs)) made.add(path);
}
// Only now those of earlier builds: one that runs at the same time has made the same files, and a process may load them.
for (const name of readdirSync(`${import.meta.dirname}/${CHUNKS}`)) {
  if (!made.has(`${CHUNKS}/${name}`)) rmSync(`${import.meta.dirname}/${CHUNKS}/${name}`);
}
