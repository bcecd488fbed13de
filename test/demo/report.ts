import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** The counts of a finished tileset, from the manifest beside its tiles. */
export interface TilesetCounts {
  readonly tiles: number;
  readonly rendered: number;
  readonly empty: number;
  readonly failed: number;
}

/** Reads what `tilewright render` says of a tileset. */
export async function readCounts(folder: string): Promise<TilesetCounts> {
  const manifest = JSON.parse(await readFile(join(folder, 'tilewright.json'), 'utf8')) as {
    readonly counts?: TilesetCounts;
  };
  if (manifest.counts === undefined) throw new Error(`${folder} holds no finished tileset`);
  return manifest.counts;
}

/** The PNG files beneath a folder, and their bytes. */
export async function countTiles(folder: string): Promise<{ readonly files: number; readonly bytes: number }> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.png'));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return { files: names.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** A count with commas between thousands. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** Bytes in MB, 1 MB = 1e6 bytes. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Lines of a name and a value, the values below each other. */
export function table(rows: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n');
}
