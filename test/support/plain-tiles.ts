import { readFile, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expect } from 'vitest';
import { localRunsOf, untilRun } from './local-runs.ts';
import { assertExit, runCli, startCli } from './processes.ts';
import type { SmallWorld } from './small-world.ts';

/** The tiles that `render` writes one by one: path beneath the output, without its ending, to bytes. */
export async function renderPlainTiles(world: SmallWorld): Promise<ReadonlyMap<string, Buffer>> {
  const root = join(world.folder, 'plain');
  assertExit(await runCli(['render', await world.request(), '--output', root]), 0);
  const tiles = new Map<string, Buffer>();
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.png')) continue;
    const path = join(entry.parentPath, entry.name);
    tiles.set(path.slice(root.length + 1, -'.png'.length), await readFile(path));
  }
  return tiles;
}

/** Renders the world to one file. */
export async function renderFile(world: SmallWorld, file: string, ...more: readonly string[]): Promise<Buffer> {
  const output = join(world.folder, file);
  assertExit(await runCli(['render', await world.request(), '--output', output, ...more]), 0);
  return await readFile(output);
}

/** The same, killed each time that so many metatiles are settled, and begun again. Nothing is left of its making. */
export async function renderKilled(world: SmallWorld, file: string, kills: readonly number[]): Promise<Buffer> {
  const output = join(world.folder, file);
  const args = ['render', await world.request(), '--output', output, '--processes', '2'];
  for (const settled of kills) {
    await using running = startCli(args);
    await using runs = localRunsOf(output);
    await untilRun(runs, 'some more of it', ({ settledMetatiles }) => settledMetatiles >= settled);
    running.kill('SIGKILL');
    await running.finished;
  }
  assertExit(await runCli(args), 0);
  expect(await readdir(join(dirname(output), '.tilewright'))).not.toContain(basename(output));
  return await readFile(output);
}
