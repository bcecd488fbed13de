import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { DirectoriesCase, MeasuredDirectories } from './directories-case.ts';

const MIB = 1024 * 1024;
const SCRIPT = fileURLToPath(new URL('directories-case.ts', import.meta.url));

/**
 * Directories of archives of 1 and 20 million tiles: from entries alone, and whole assemblings from metatiles of 64 tiles
 * without their bytes, in memory, with a temporary file, and with one metatile in a thousand that is new. Each in a process
 * of its own.
 */
export async function benchDirectories(): Promise<void> {
  process.stdout.write(
    '\n| what | tiles | s | tiles/s | bytes of directories a tile | memory, MiB | bytes a tile | copies |\n',
  );
  process.stdout.write('| --- | --- | --- | --- | --- | --- | --- | --- |\n');
  const folder = await mkdtemp(join(tmpdir(), 'bench-directories-'));
  const keep = join(folder, 'before');
  for (const tiles of [1_000_000, 20_000_000]) {
    const assemble = { kind: 'assemble', tiles, memoryBytes: null, before: null, keep: null } as const;
    await measure('directories alone', { ...assemble, kind: 'directories' });
    await measure('assembling, in memory', { ...assemble, keep });
    await measure('assembling, 64 MiB of memory', { ...assemble, memoryBytes: 64 * MIB });
    await measure('assembling, one metatile in 1,000 is new', { ...assemble, before: keep });
  }
  await rm(folder, { recursive: true });
}

async function measure(what: string, wanted: DirectoriesCase): Promise<void> {
  const args = [...process.execArgv, SCRIPT, JSON.stringify(wanted)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { ms, bytes, memory, copies } = JSON.parse(stdout) as MeasuredDirectories;
  const { tiles } = wanted;
  const cells = [
    what,
    tiles.toLocaleString('en'),
    (ms / 1000).toFixed(2),
    Math.round((tiles / ms) * 1000).toLocaleString('en'),
    (bytes / tiles).toFixed(2),
    (memory / MIB).toFixed(0),
    (memory / tiles).toFixed(1),
    copies.toLocaleString('en'),
  ];
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}
