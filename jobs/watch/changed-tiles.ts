import { tilePath } from '../../src/tms/tile.ts';
import type { Tile } from '../../src/tms/tile.ts';
import { parseTile } from '../../src/tms/tile.ts';

/** What became of a tile in an update. */
export interface ChangedTile {
  readonly kind: string;
  readonly tile: Tile;
}

/** Reads the document of an update that lists its changed tiles: lines of `kind z/x/y`. */
export function* changedTilesOf(text: string): Generator<ChangedTile, void, undefined> {
  for (const line of text.split('\n')) {
    const [kind = '', address] = line.split(' ');
    if (address !== undefined) yield { kind, tile: parseTile(address) };
  }
}

/** Lines of `z/x/y`, by zoom, column and row, each once. */
export function tileLines(tiles: Iterable<Tile>): string {
  return sorted(tiles)
    .map((tile) => `${tilePath(tile)}\n`)
    .join('');
}

/**
 * Paths by which a CDN drops changed tiles from its cache, no more than so many: `/6/33/22.png`; with more tiles,
 * `/6/33/*` for whole columns, then `/6/*` for zooms, in both steps high zooms before low ones; `/*` for all at last.
 *
 * @param maxPaths - at least 1
 */
export function invalidationPaths(tiles: Iterable<Tile>, extension: string, maxPaths: number): readonly string[] {
  const zooms = new Map<number, Map<number, Tile[]>>();
  for (const tile of sorted(tiles)) {
    const columns = zooms.get(tile.z) ?? new Map<number, Tile[]>();
    zooms.set(tile.z, columns);
    const column = columns.get(tile.x) ?? [];
    columns.set(tile.x, column);
    column.push(tile);
  }
  const pathsOf: Level[] = [...zooms].map(([z, columns]) => ({
    tiles: [...columns.values()].flat().map(({ x, y }) => `/${z}/${x}/${y}.${extension}`),
    columns: [...columns.keys()].map((x) => `/${z}/${x}/*`),
    zoom: [`/${z}/*`],
  }));
  const chosen: (readonly string[])[] = pathsOf.map((level) => level.tiles);
  const count = (): number => chosen.reduce((sum, { length }) => sum + length, 0);
  for (const step of ['columns', 'zoom'] as const) {
    for (let i = pathsOf.length - 1; i >= 0 && count() > maxPaths; i--) chosen[i] = pathsOf[i]?.[step] ?? [];
  }
  return count() > maxPaths ? ['/*'] : chosen.flat();
}

interface Level {
  readonly tiles: readonly string[];
  readonly columns: readonly string[];
  readonly zoom: readonly string[];
}

function sorted(tiles: Iterable<Tile>): readonly Tile[] {
  const byPath = new Map([...tiles].map((tile) => [tilePath(tile), tile]));
  return [...byPath.values()].sort((a, b) => a.z - b.z || a.x - b.x || a.y - b.y);
}
