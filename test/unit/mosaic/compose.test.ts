import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { composeTiles } from '../../../src/mosaic/compose.ts';
import type { ComposeOptions } from '../../../src/mosaic/compose.ts';
import type { TileMosaic } from '../../../src/mosaic/tile-state.ts';
import type { Raster } from '../../../src/raster/raster.ts';
import { metatileTiles } from '../../../src/tms/metatile.ts';
import type { Tile } from '../../../src/tms/tile.ts';
import { tileBbox, tileBounds } from '../../../src/tms/web-mercator-quad.ts';
import { createMemoryMosaic, gridScene } from '../../support/memory-mosaic.ts';
import type { MemoryMosaic } from '../../support/memory-mosaic.ts';

const METATILE = { z: 5, x: 4, y: 5, size: 2 };
const NW = { z: 5, x: 8, y: 10 };

function hashOf({ bands, mask }: Raster): string {
  const hash = createHash('sha256');
  for (const band of [...bands, mask]) hash.update(band);
  return hash.digest('hex');
}

async function compose(
  mosaic: MemoryMosaic,
  options: Partial<ComposeOptions> = {},
  onTile: () => void = () => {},
): Promise<[string, TileMosaic][]> {
  const signal = new AbortController().signal;
  const scenes = await mosaic.backend.assetsForMetatile(METATILE, { signal });
  const tiles = await Promise.all(
    metatileTiles(METATILE).map(async (tile) => ({
      tile,
      grid: { bounds: tileBounds(tile), width: 256, height: 256 },
      scenes: await mosaic.backend.assetsForBbox(tileBbox(tile), { signal }),
    })),
  );
  const finished: [string, TileMosaic][] = [];
  const sink = async ({ z, x, y }: Tile, result: TileMosaic): Promise<void> => {
    onTile();
    finished.push([`${z}/${x}/${y}`, result]);
    await Promise.resolve();
  };
  const defaults = {
    bidx: null,
    nodata: 0,
    resampling: 'nearest',
    pixelSelection: 'first',
    bandRule: 'pixel',
    onAssetError: 'fail',
    maxPrefetchBytes: 1e7,
    maxOpenBytes: 1e8,
  } as const;
  await composeTiles(scenes, tiles, sink, {
    ...defaults,
    cogs: mosaic.cogs,
    counters: mosaic.counters,
    signal,
    ...options,
  });
  return finished;
}

describe('composing tiles', () => {
  test('hands a tile over when it is full, before later scenes are read', async () => {
    const west = gridScene({ id: 'west', ...NW, columns: 1, rows: 2, bands: () => [1] });
    const all = gridScene({ id: 'all', ...NW, columns: 2, rows: 2, bands: () => [2] });
    await using mosaic = createMemoryMosaic([west, all]);
    const finished = await compose(mosaic);
    expect(finished.map(([name]) => name.split('/')[1])).toEqual(['8', '8', '9', '9']);
    const scenes = finished.map(([, result]) =>
      result.kind === 'mosaic' ? result.scenes.map(({ itemId }) => itemId) : [],
    );
    expect(scenes).toEqual([['west'], ['west'], ['all'], ['all']]);
  });

  test('lets the event loop turn between tiles that are finished together', async () => {
    await using mosaic = createMemoryMosaic([gridScene({ id: 'all', ...NW, columns: 2, rows: 2, bands: () => [2] })]);
    let turns = 0;
    let counting = setImmediate(function count() {
      turns++;
      counting = setImmediate(count);
    });
    const turnsAtTile: number[] = [];
    // With a mean no tile is finished before the last scene is in.
    await compose(mosaic, { pixelSelection: 'mean' }, () => turnsAtTile.push(turns));
    clearImmediate(counting);
    expect(turnsAtTile).toHaveLength(4);
    expect(new Set(turnsAtTile).size).toBe(4);
  });

  test('keeps the dtype of the source, and the scenes that gave pixels', async () => {
    const top = gridScene({
      id: 'top',
      ...NW,
      columns: 2,
      rows: 2,
      dtype: 'uint16',
      bands: (_, col) => [col % 2 === 0 ? 0 : 40_000],
    });
    const hidden = gridScene({
      id: 'hidden',
      ...NW,
      columns: 2,
      rows: 2,
      dtype: 'uint16',
      bands: (_, col) => [col % 2 === 0 ? 0 : 1],
    });
    const below = gridScene({ id: 'below', ...NW, columns: 2, rows: 2, dtype: 'uint16', bands: () => [50_000] });
    await using mosaic = createMemoryMosaic([top, hidden, below]);
    for (const [, result] of await compose(mosaic)) {
      const mosaic = result.kind === 'mosaic' ? result : null;
      expect(mosaic?.raster.dtype).toBe('uint16');
      expect(Array.from(mosaic?.raster.bands[0]?.subarray(0, 4) ?? [])).toEqual([50_000, 40_000, 50_000, 40_000]);
      expect(mosaic?.scenes.map(({ itemId }) => itemId)).toEqual(['top', 'below']);
    }
  });

  test.each([1, 70_000, 150_000, 1e9])(
    'gives the same with %i source bytes fetched ahead',
    async (maxPrefetchBytes) => {
      const scene = gridScene({ id: 'a', ...NW, columns: 2, rows: 2, bands: (i) => [1 + (i % 255)] });
      await using reference = createMemoryMosaic([scene]);
      await using mosaic = createMemoryMosaic([scene]);
      const hashes = (finished: readonly [string, TileMosaic][]): string[][] =>
        finished.map(([name, result]) => [name, result.kind === 'mosaic' ? hashOf(result.raster) : result.kind]);
      expect(hashes(await compose(mosaic, { maxPrefetchBytes }))).toEqual(hashes(await compose(reference)));
      expect(mosaic.counters.blocksDecoded).toBe(4);
    },
  );

  test('lets the event loop turn for each tile', async () => {
    await using mosaic = createMemoryMosaic([gridScene({ id: 'a', ...NW, columns: 2, rows: 2, bands: () => [1] })]);
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns++;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    const turnsAtTiles: number[] = [];
    await compose(mosaic, {}, () => turnsAtTiles.push(turns));
    isOver = true;
    // No two tiles in one turn.
    expect(new Set(turnsAtTiles).size).toBe(4);
  });

  test('of tiles that no scene touches says at once that they are empty', async () => {
    await using mosaic = createMemoryMosaic([]);
    expect((await compose(mosaic)).map(([, { kind }]) => kind)).toEqual(['empty', 'empty', 'empty', 'empty']);
    expect(mosaic.opens).toEqual([]);
  });
});
