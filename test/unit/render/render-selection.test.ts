import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { TilerError } from '../../../src/errors.ts';
import { createLeftOutTally, NOTHING_LEFT_OUT } from '../../../src/render/left-out.ts';
import { createTileRenderer } from '../../../src/render/render-metatile.ts';
import type { MetatileReport, RenderOptions } from '../../../src/render/tile-renderer.ts';
import { createMemoryMosaic, gridScene } from '../../support/memory-mosaic.ts';
import { workOf } from '../../support/metatile-work.ts';
import type { GridScene, MemoryMosaic, MemoryScene } from '../../support/memory-mosaic.ts';
import { PLAIN_OPTIONS } from '../../support/render-options.ts';

const NEVER = { signal: new AbortController().signal };
const METATILE = { z: 5, x: 4, y: 5, size: 2 };
const NW = { z: 5, x: 8, y: 10 };
const OPTIONS: RenderOptions = PLAIN_OPTIONS;

function scene(id: string, values: readonly number[], grid: Partial<GridScene> = {}): MemoryScene {
  return gridScene({ id, ...NW, columns: 2, rows: 2, bands: () => values, ...grid });
}

/** Red, green, blue and alpha of the first pixel of the north-western tile. */
async function firstPixel(scenes: readonly MemoryScene[], options: Partial<RenderOptions>): Promise<readonly number[]> {
  await using mosaic = createMemoryMosaic(scenes);
  const encoded = await createTileRenderer({ ...mosaic, options: { ...OPTIONS, ...options } }).renderTile(NW, NEVER);
  const { data } = await sharp(encoded!.bytes)
    .toColourspace('srgb')
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return [...data.subarray(0, 4)];
}

describe('a tile by each pixel selection', () => {
  const scenes = [scene('a', [10, 200, 30]), scene('b', [20, 100, 33]), scene('c', [60, 90, 30])];

  test.each<[Partial<RenderOptions>, readonly number[]]>([
    [{ pixelSelection: 'first' }, [10, 200, 30, 255]],
    [{ pixelSelection: 'highest' }, [10, 200, 30, 255]],
    [{ pixelSelection: 'highest', bandRule: 'band' }, [60, 200, 33, 255]],
    [{ pixelSelection: 'lowest' }, [20, 100, 33, 255]],
    [{ pixelSelection: 'mean' }, [30, 130, 31, 255]],
    [{ pixelSelection: 'median' }, [20, 100, 30, 255]],
    [{ pixelSelection: 'stdev', rescale: [[0, 255]] }, [22, 50, 1, 255]],
    [{ pixelSelection: 'sum', rescale: [[0, 765]] }, [30, 130, 31, 255]],
    [{ pixelSelection: 'count', rescale: [[0, 255]] }, [3, 3, 3, 255]],
    [{ pixelSelection: 'lastBandHigh', bidx: [1, 2] }, [10, 10, 10, 255]],
    [{ pixelSelection: 'lastBandLow', bidx: [1, 2] }, [60, 60, 60, 255]],
  ])('%j', async (options, expected) => {
    expect(await firstPixel(scenes, options)).toEqual(expected);
  });

  test.each(['stdev', 'sum', 'count'] as const)('%s without rescale says what is missing', async (pixelSelection) => {
    await expect(firstPixel(scenes, { pixelSelection })).rejects.toThrow(/without rescale/);
  });

  test('a last band that is the only one is an error of the request, whatever assets may be skipped', async () => {
    const grey = [scene('a', [1]), scene('b', [2])];
    await expect(firstPixel(grey, { pixelSelection: 'lastBandHigh', onAssetError: 'skip' })).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
  });
});

describe('scenes that are left out', () => {
  async function report(mosaic: MemoryMosaic, options: Partial<RenderOptions> = {}): Promise<MetatileReport> {
    const work = workOf(METATILE);
    const renderer = createTileRenderer({ ...mosaic, options: { ...OPTIONS, onAssetError: 'skip', ...options } });
    return await renderer.renderMetatile(work, async () => {}, NEVER);
  }

  test('are reported with the number of tiles, rendered or empty, that are without them', async () => {
    const half = scene('half', [7], { columns: 1 });
    await using mosaic = createMemoryMosaic([scene('lost', [5]), scene('gone', [6], { rows: 1 }), half]);
    mosaic.onRead = (name) => {
      if (name === 'lost/data') throw new TilerError('ASSET_FORBIDDEN', 'Reading: 403');
      if (name === 'gone/data') throw new TilerError('ASSET_NOT_FOUND', 'Reading: 404');
    };
    const made = await report(mosaic);
    expect(made.inputs.scenes.map(({ leftOut = false, files }) => [leftOut, files.length])).toEqual([
      [true, 0],
      [true, 0],
      [false, 1],
    ]);
    expect(made).toMatchObject({
      rendered: 2,
      empty: 2,
      failures: [],
      leftOut: {
        tiles: 4,
        scenes: [
          { scene: 'memory/gone', code: 'ASSET_NOT_FOUND', message: 'Reading: 404', tiles: 2 },
          { scene: 'memory/lost', code: 'ASSET_FORBIDDEN', message: 'Reading: 403', tiles: 4 },
        ],
      },
    });
  });

  test('are not reported of a tile that failed anyway', async () => {
    await using mosaic = createMemoryMosaic([scene('lost', [5]), scene('deep', [1000], { dtype: 'uint16' })]);
    mosaic.onRead = (name) => {
      if (name === 'lost/data') throw new TilerError('ASSET_NOT_FOUND', 'Reading: 404');
    };
    const { failures, leftOut } = await report(mosaic);
    expect(failures).toHaveLength(4);
    expect(leftOut).toEqual(NOTHING_LEFT_OUT);
  });

  test('of the other scenes every pixel is as if they had never been in the catalog', async () => {
    const rest = [scene('one', [0], { bands: (i) => [i % 3] }), scene('two', [0], { bands: (i) => [1 + (i % 200)] })];
    await using mosaic = createMemoryMosaic([scene('lost', [5]), ...rest]);
    mosaic.onRead = (name) => {
      if (name === 'lost/data') throw new TilerError('ASSET_NOT_FOUND', 'Reading: 404');
    };
    const options = { ...OPTIONS, pixelSelection: 'mean', onAssetError: 'skip' } as const;
    const without = await createTileRenderer({ ...mosaic, options }).renderTile(NW, NEVER);
    await using intact = createMemoryMosaic(rest);
    const expected = await createTileRenderer({ ...intact, options }).renderTile(NW, NEVER);
    expect(Buffer.compare(without!.bytes, expected!.bytes)).toBe(0);
    expect(without!.scenes).toEqual(expected!.scenes);
  });
});

describe('adding up what was left out', () => {
  const line = (scene: string, tiles: number, message = 'm') =>
    ({ scene, code: 'ASSET_CORRUPT', message, tiles }) as const;

  test('gives the same in every order: sums, the first message, sorted', () => {
    const parts = [
      { tiles: 2, scenes: [line('b', 2, 'block 7')] },
      { tiles: 3, scenes: [line('a', 1), line('b', 3, 'block 12')] },
      { tiles: 1, scenes: [{ ...line('b', 1), code: 'ASSET_NOT_FOUND' as const }] },
    ];
    for (const order of [parts, parts.toReversed()]) {
      const tally = createLeftOutTally();
      order.forEach((part) => tally.add(part));
      expect(tally.total()).toEqual({
        tiles: 6,
        scenes: [line('a', 1), line('b', 5, 'block 12'), { ...line('b', 1), code: 'ASSET_NOT_FOUND' }],
      });
    }
  });

  test('keeps the lines that come first, with their whole counts, whatever the order', () => {
    const names = ['d', 'a', 'c', 'a', 'b', 'd', 'a', 'b'];
    for (const order of [names, names.toReversed(), names.toSorted()]) {
      const tally = createLeftOutTally(2);
      for (const name of order) tally.add({ tiles: 1, scenes: [line(name, 1)] });
      expect(tally.total()).toEqual({ tiles: 8, scenes: [line('a', 3), line('b', 2)] });
    }
  });

  test('cuts long messages', () => {
    const tally = createLeftOutTally();
    tally.add({ tiles: 1, scenes: [line('a', 1, 'x'.repeat(10_000))] });
    expect(tally.total().scenes[0]?.message).toHaveLength(500);
  });
});
