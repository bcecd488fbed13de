import { describe, expect, test } from 'vitest';
import { createTileRenderer } from '../../../src/render/render-metatile.ts';
import type { RenderOptions } from '../../../src/render/tile-renderer.ts';
import type { Metatile } from '../../../src/tms/metatile.ts';
import type { Tile } from '../../../src/tms/tile.ts';
import { tileTransform } from '../../../src/tms/web-mercator-quad.ts';
import { createMemoryMosaic, gridScene } from '../../support/memory-mosaic.ts';
import type { GridScene, MemoryScene } from '../../support/memory-mosaic.ts';
import { workOf } from '../../support/metatile-work.ts';
import { PLAIN_OPTIONS } from '../../support/render-options.ts';

const NEVER = { signal: new AbortController().signal };
const OPTIONS: RenderOptions = { ...PLAIN_OPTIONS, resampling: 'bilinear' };
/** The first read of a file. */
const HEADER = 64 * 1024;
/** A block of 256 × 256 pixels of one band, not compressed. */
const BLOCK = 256 * 256;
const METATILE: Metatile = { z: 8, x: 34, y: 22, size: 4 };
const FIRST: Tile = { z: 8, x: 136, y: 88 };

/** A scene over the 4 × 4 tiles of the metatile, or a part of them. Value 0 is nodata. */
function scene(id: string, grid: Partial<GridScene> = {}): MemoryScene {
  const bands = (i: number): number[] => [1 + ((i * 31) % 250)];
  return gridScene({ id, ...FIRST, columns: 4, rows: 4, bands, ...grid, file: { compression: 'none', ...grid.file } });
}

function start(scenes: readonly MemoryScene[], options: Partial<RenderOptions> = {}) {
  const mosaic = createMemoryMosaic(scenes);
  const { backend, cogs, counters } = mosaic;
  const renderer = createTileRenderer({ backend, cogs, counters, options: { ...OPTIONS, ...options } });
  const render = async (metatile = METATILE): Promise<void> => {
    const { failures } = await renderer.renderMetatile(workOf(metatile), async () => await Promise.resolve(), NEVER);
    expect(failures).toEqual([]);
  };
  return { counters, renderer, render, opens: mosaic.opens };
}

describe('a scene on the grid of the tiles', () => {
  test('one tile is two requests: the header, and its block', async () => {
    const { counters, renderer } = start([scene('a')]);
    await renderer.renderTile({ z: 8, x: 137, y: 90 }, NEVER);
    expect(counters).toMatchObject({
      searches: 1,
      readRequests: 2,
      bytesRead: HEADER + BLOCK,
      blocksDecoded: 1,
    });
    await renderer.renderTile({ z: 8, x: 137, y: 90 }, NEVER);
    expect(counters).toMatchObject({ searches: 2, readRequests: 2, bytesRead: HEADER + BLOCK, blocksDecoded: 1 });
  });

  test('a metatile is one search, the header, and all blocks in one range', async () => {
    const { counters, render } = start([scene('a')], { resampling: 'lanczos' });
    await render();
    expect(counters).toMatchObject({
      searches: 1,
      readRequests: 2,
      bytesRead: HEADER + 16 * BLOCK,
      blocksDecoded: 16,
    });
  });

  test('a metatile of the zoom above reads the overview and nothing of the full size', async () => {
    const { counters, render } = start([scene('a', { file: { overviews: 1 } })]);
    await render({ z: 7, x: 17, y: 11, size: 4 });
    expect(counters).toMatchObject({ readRequests: 2, bytesRead: HEADER + 4 * BLOCK, blocksDecoded: 4 });
  });
});

describe('a scene that is warped', () => {
  /** A third of a pixel away from the grid, in blocks of 128 pixels. */
  const transform = ((): GridScene['file'] => {
    const [a, b, west, d, e, north] = tileTransform(FIRST, 256);
    return { transform: [a, b, west - a / 3, d, e, north - e / 3], blockSize: 128 };
  })();

  test('a tile reads the blocks that its kernel touches, and hardly a byte beside', async () => {
    const { counters, renderer } = start([scene('a', { file: transform ?? {} })]);
    await renderer.renderTile({ z: 8, x: 137, y: 90 }, NEVER);
    // Two blocks a side and the one that the kernel's last pixel lies in.
    expect(counters.blocksDecoded).toBe(9);
    expect(counters.readRequests).toBeLessThanOrEqual(1 + 3);
    expect(counters.bytesRead - HEADER).toBeLessThanOrEqual(1.1 * 9 * (BLOCK / 4));
  });

  test('a metatile reads and decodes every block once', async () => {
    const { counters, render } = start([scene('a', { file: transform ?? {} })]);
    await render();
    expect(counters).toMatchObject({ searches: 1, readRequests: 2, blocksDecoded: 64 });
    expect(counters.bytesRead).toBe(HEADER + 16 * BLOCK);
  });
});

describe('a mosaic', () => {
  test('four abutting scenes: a search, four headers, each block once', async () => {
    const quarter = { columns: 2, rows: 2 };
    const scenes = [0, 1, 2, 3].map((n) =>
      scene(`quarter-${n}`, { ...quarter, x: FIRST.x + 2 * (n % 2), y: FIRST.y + 2 * (n >> 1) }),
    );
    const { counters, render } = start(scenes);
    await render();
    expect(counters).toMatchObject({
      searches: 1,
      readRequests: 4 + 4,
      bytesRead: 4 * HEADER + 16 * BLOCK,
      blocksDecoded: 16,
    });
  });

  test('under a scene with a hole in one tile, one block is read; a scene under a full one is not opened', async () => {
    const holed = scene('top', { bands: (i) => [i === 700 * 1024 + 300 ? 0 : 9] });
    const { counters, render, opens } = start([holed, scene('below'), scene('bottom')]);
    await render();
    expect(opens).toEqual(['top/data', 'below/data']);
    expect(counters).toMatchObject({
      searches: 1,
      readRequests: 2 + 2,
      bytesRead: 2 * HEADER + 17 * BLOCK,
      blocksDecoded: 17,
    });
  });

  test('the mean of two reads both, each once', async () => {
    const { counters, render } = start([scene('a'), scene('b')], { pixelSelection: 'mean', rescale: [[0, 255]] });
    await render();
    expect(counters).toMatchObject({ readRequests: 4, bytesRead: 2 * (HEADER + 16 * BLOCK), blocksDecoded: 32 });
  });

  test('the next metatile opens nothing again', async () => {
    const { counters, render, opens } = start([scene('a', { columns: 8 })]);
    await render();
    await render({ ...METATILE, x: METATILE.x + 1 });
    expect(opens).toEqual(['a/data']);
    expect(counters).toMatchObject({ searches: 2, bytesRead: HEADER + 32 * BLOCK, blocksDecoded: 32 });
    expect(counters.readRequests).toBeLessThanOrEqual(1 + 2 * 4);
  });
});

describe('a tile that shows far less than its scene has', () => {
  // 8 × 8 tiles of zoom 8 in one of zoom 5: 64 pixels for each that is shown.
  const large: Partial<GridScene> = { columns: 8, rows: 8 };
  const tile: Tile = { z: 5, x: 17, y: 11 };

  test('is counted where the scene has no overview for it', async () => {
    const { counters, renderer } = start([scene('a', large)]);
    expect(await renderer.renderTile(tile, NEVER)).not.toBeNull();
    expect(counters.overreads).toBe(1);
  });

  test('is not where it has', async () => {
    const { counters, renderer } = start([scene('a', { ...large, file: { overviews: 2 } })]);
    expect(await renderer.renderTile(tile, NEVER)).not.toBeNull();
    expect(counters.overreads).toBe(0);
  });
});
