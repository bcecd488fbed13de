import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { assertExit, runCli } from './processes.ts';
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
