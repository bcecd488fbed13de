import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { composeTiles } from '../../../src/mosaic/compose.ts';
import type { ComposeOptions } from '../../../src/mosaic/compose.ts';
import { PIXEL_SELECTION_NAMES } from '../../../src/mosaic/pixel-selection/registry.ts';
import type { TileMosaic } from '../../../src/mosaic/tile-state.ts';
import { TilerError } from '../../../src/errors.ts';
import { metatileTiles } from '../../../src/tms/metatile.ts';
import type { Tile } from '../../../src/tms/tile.ts';
import { tileBbox, tileBounds } from '../../../src/tms/web-mercator-quad.ts';
import { createMemoryMosaic, gridScene } from '../../support/memory-mosaic.ts';
import type { GridScene, MemoryMosaic, MemoryScene } from '../../support/memory-mosaic.ts';

const METATILE = { z: 5, x: 4, y: 5, size: 2 };
const NW = { z: 5, x: 8, y: 10 };
const PIXELS = 256 * 256;

function scene(id: string, grid: Pick<GridScene, 'bands'> & Partial<GridScene>): MemoryScene {
  return gridScene({ id, ...NW, columns: 2, rows: 2, ...grid });
}

async function compose(
  mosaic: MemoryMosaic,
  options: Partial<ComposeOptions> = {},
  onTile: () => void = () => {},
): Promise<ReadonlyMap<string, TileMosaic>> {
  const signal = new AbortController().signal;
  const scenes = await mosaic.backend.assetsForMetatile(METATILE, { signal });
  const tiles = await Promise.all(
    metatileTiles(METATILE).map(async (tile) => ({
      tile,
      grid: { bounds: tileBounds(tile), width: 256, height: 256 },
      scenes: await mosaic.backend.assetsForBbox(tileBbox(tile), { signal }),
    })),
  );
  const finished = new Map<string, TileMosaic>();
  const sink = async ({ z, x, y }: Tile, result: TileMosaic): Promise<void> => {
    expect(finished.has(`${z}/${x}/${y}`)).toBe(false);
    onTile();
    finished.set(`${z}/${x}/${y}`, result);
    await Promise.resolve();
  };
  await composeTiles(scenes, tiles, sink, {
    bidx: null,
    nodata: 0,
    resampling: 'nearest',
    pixelSelection: 'first',
    bandRule: 'pixel',
    onAssetError: 'fail',
    maxPrefetchBytes: 1e7,
    maxOpenBytes: 1e8,
    cogs: mosaic.cogs,
    counters: mosaic.counters,
    signal,
    ...options,
  });
  return finished;
}

/** The first pixels of the bands of every tile. */
function valuesOf(finished: ReadonlyMap<string, TileMosaic>, count = 1): readonly (readonly number[][])[] {
  return [...finished]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, mosaic]) =>
      mosaic.kind === 'mosaic' ? mosaic.raster.bands.map((band) => [...band.subarray(0, count)]) : [],
    );
}

/** Everything of a tile, its pixels as a digest. */
function digestOf(tile: TileMosaic): unknown {
  if (tile.kind !== 'mosaic') throw new Error(`a tile is ${tile.kind}`);
  const { bands, mask, ...shape } = tile.raster;
  const hash = createHash('sha256');
  for (const samples of [...bands, mask]) hash.update(new Uint8Array(samples.buffer));
  return { ...shape, pixels: hash.digest('hex'), scenes: tile.scenes.map(({ itemId }) => itemId) };
}

describe('memory', () => {
  const scenes = [1, 2, 3, 4, 5].map((n) =>
    scene(`s${n}`, { bands: (i, col) => [(col + n) % 7 === 0 ? 0 : 1 + ((i * n) % 250)] }),
  );

  test.each(PIXEL_SELECTION_NAMES.filter((name) => !name.startsWith('last')))(
    '%s gives the same however little there is',
    async (pixelSelection) => {
      await using roomy = createMemoryMosaic(scenes);
      await using tight = createMemoryMosaic(scenes);
      const expected = await compose(roomy, { pixelSelection });
      // A median needs the mosaic and a few rows; the others hold one tile whatever it takes.
      const maxOpenBytes = pixelSelection === 'median' ? 2 * PIXELS + 5 * 2 * 256 * 100 : 1;
      const found = await compose(tight, { pixelSelection, maxOpenBytes });
      expect(found.size).toBe(4);
      for (const [name, tile] of found) expect([name, digestOf(tile)]).toEqual([name, digestOf(expected.get(name)!)]);
    },
  );

  test('tiles for which there is no room wait until the others are done, and no block is read twice', async () => {
    await using mosaic = createMemoryMosaic(scenes);
    const decoded: number[] = [];
    const onTile = (): void => void decoded.push(mosaic.counters.blocksDecoded);
    await compose(mosaic, { pixelSelection: 'count', maxOpenBytes: 2 * 3 * PIXELS }, onTile);
    expect(decoded).toEqual([10, 10, 20, 20]);
    await using roomy = createMemoryMosaic(scenes);
    await compose(roomy, { pixelSelection: 'count', maxOpenBytes: 4 * 3 * PIXELS });
    expect(roomy.counters.blocksDecoded).toBe(20);
    expect(roomy.counters.readRequests).toBeLessThan(mosaic.counters.readRequests);
  });

  test('a median without room for one row fails its tiles, and says so', async () => {
    await using mosaic = createMemoryMosaic(scenes);
    const found = await compose(mosaic, { pixelSelection: 'median', maxOpenBytes: 2 * PIXELS });
    for (const tile of found.values()) {
      expect(tile).toMatchObject({ kind: 'failed', error: { code: 'MOSAIC_TOO_MANY_ASSETS' } });
    }
  });
});

describe('a scene that cannot be read', () => {
  const top = scene('top', { columns: 1, bands: () => [9] });
  const bottom = scene('bottom', { bands: () => [3] });
  const broken = scene('broken', { bands: () => [5] });

  function mosaicWith(error: TilerError, isFailing: (offset: number) => boolean = () => true): MemoryMosaic {
    const mosaic = createMemoryMosaic([top, broken, bottom]);
    mosaic.onRead = (name, offset) => {
      if (name === 'broken/data' && isFailing(offset)) throw error;
    };
    return mosaic;
  }

  test.each(['ASSET_NOT_FOUND', 'ASSET_FORBIDDEN', 'ASSET_CORRUPT', 'ASSET_UNSUPPORTED'] as const)(
    'with %s is left out of the tiles that wanted it',
    async (code) => {
      for (const isFailing of [() => true, (offset: number) => offset > 0]) {
        await using mosaic = mosaicWith(new TilerError(code, 'Reading: no'), isFailing);
        const found = await compose(mosaic, { onAssetError: 'skip' });
        expect(valuesOf(found)).toEqual([[[9]], [[9]], [[3]], [[3]]]);
        const reasons = [...found].map(([name, tile]) => [
          name.split('/')[1],
          tile.kind === 'mosaic'
            ? tile.leftOut.map(({ scene, error }) => `${scene.itemId} ${error.code}`)
            : [tile.kind],
        ]);
        // The western tiles are full before they come to it.
        const lost = [`broken ${code}`];
        expect(reasons.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))).toEqual([
          ['8', []],
          ['8', []],
          ['9', lost],
          ['9', lost],
        ]);
      }
    },
  );

  test.each(['SOURCE_UNAVAILABLE', 'SOURCE_THROTTLED', 'ASSET_CHANGED', 'BYTES_LIMIT', 'PIXELS_LIMIT'] as const)(
    'with %s, which may pass or is a limit of the worker, fails them',
    async (code) => {
      await using mosaic = mosaicWith(new TilerError(code, 'Reading: no'));
      const found = await compose(mosaic, { onAssetError: 'skip' });
      expect([...found.values()].map(({ kind }) => kind).sort()).toEqual(['failed', 'failed', 'mosaic', 'mosaic']);
    },
  );

  test('fails them unless the request says otherwise', async () => {
    await using mosaic = mosaicWith(new TilerError('ASSET_NOT_FOUND', 'Reading: 404'));
    const found = await compose(mosaic);
    expect([...found.values()].map(({ kind }) => kind).sort()).toEqual(['failed', 'failed', 'mosaic', 'mosaic']);
  });

  test('leaves a tile empty that nothing else touches, and says why', async () => {
    await using mosaic = createMemoryMosaic([broken]);
    mosaic.onRead = () => {
      throw new TilerError('ASSET_NOT_FOUND', 'Reading: 404');
    };
    for (const tile of (await compose(mosaic, { onAssetError: 'skip' })).values()) {
      expect(tile).toMatchObject({ kind: 'empty', leftOut: [{ scene: { itemId: 'broken' } }] });
    }
    expect(mosaic.opens).toEqual(['broken/data']);
  });

  test('stays out in all passes, though it can be read meanwhile', async () => {
    await using mosaic = createMemoryMosaic([broken, bottom, top]);
    let isMissing = true;
    mosaic.onRead = (name) => {
      if (name === 'broken/data' && isMissing) throw new TilerError('ASSET_NOT_FOUND', 'Reading: 404');
      if (name === 'top/data') isMissing = false;
    };
    const maxOpenBytes = 2 * PIXELS + 3 * 2 * 256 * 100;
    const found = await compose(mosaic, { onAssetError: 'skip', pixelSelection: 'median', maxOpenBytes });
    const west = found.get('5/8/10')!;
    expect(west).toMatchObject({ kind: 'mosaic', leftOut: [{ scene: { itemId: 'broken' } }] });
    expect(west.kind === 'mosaic' && new Set(west.raster.bands[0])).toEqual(new Set([6]));
  });
});

describe('scenes of different shape', () => {
  const grey = scene('grey', { bands: (_, col) => [col % 2 === 0 ? 40 : 0] });
  const rgb = scene('rgb', { bands: () => [1, 2, 3] });
  const deep = scene('deep', { dtype: 'uint16', bands: () => [1000] });

  test('grey and RGB give RGB, in whichever order', async () => {
    await using greyFirst = createMemoryMosaic([grey, rgb]);
    expect(valuesOf(await compose(greyFirst), 2)[0]).toEqual([
      [40, 1],
      [40, 2],
      [40, 3],
    ]);
    await using rgbFirst = createMemoryMosaic([rgb, grey]);
    expect(valuesOf(await compose(rgbFirst, { pixelSelection: 'mean' }), 2)[0]).toEqual([
      [21, 1],
      [21, 2],
      [22, 3],
    ]);
  });

  test.each([[[grey, deep]], [[deep, grey]]])('8 and 16 bits give 16', async (scenes) => {
    await using mosaic = createMemoryMosaic(scenes);
    const found = await compose(mosaic, { pixelSelection: 'highest' });
    for (const tile of found.values()) expect(tile).toMatchObject({ kind: 'mosaic', raster: { dtype: 'uint16' } });
    expect(valuesOf(found)[0]).toEqual([[1000]]);
    await using other = createMemoryMosaic(scenes);
    expect(valuesOf(await compose(other, { pixelSelection: 'lowest' }), 2)[0]).toEqual([[40, 1000]]);
  });

  test('names the scenes that gave pixels once, though a tile began anew', async () => {
    await using mosaic = createMemoryMosaic([grey, rgb, deep]);
    for (const tile of (await compose(mosaic, { pixelSelection: 'sum' })).values()) {
      const ids = tile.kind === 'mosaic' ? tile.scenes.map(({ itemId }) => itemId) : [];
      expect(ids).toEqual(['grey', 'rgb', 'deep']);
      expect(tile.kind === 'mosaic' && [...tile.raster.bands].map((band) => band[0])).toEqual([1041, 1042, 1043]);
    }
    expect(mosaic.counters.blocksDecoded).toBe(12);
  });

  test('a shape is not that of a scene without pixels, nor of one that is left out', async () => {
    const hollow = scene('hollow', { dtype: 'uint16', bands: () => [0] });
    await using mosaic = createMemoryMosaic([hollow, deep, rgb]);
    mosaic.onRead = (name, offset) => {
      if (name === 'deep/data' && offset > 0) throw new TilerError('ASSET_CORRUPT', 'Reading: no');
    };
    for (const tile of (await compose(mosaic, { onAssetError: 'skip' })).values()) {
      expect(tile).toMatchObject({ kind: 'mosaic', raster: { dtype: 'uint8' } });
    }
  });
});
