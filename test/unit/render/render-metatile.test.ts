import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { TilerError } from '../../../src/errors.ts';
import { NOTHING_LEFT_OUT } from '../../../src/render/left-out.ts';
import { createTileRenderer, DEFAULT_RENDER_LIMITS } from '../../../src/render/render-metatile.ts';
import type { RenderLimits } from '../../../src/render/render-metatile.ts';
import type { EncodedTile, MetatileReport, RenderOptions, TileRenderer } from '../../../src/render/tile-renderer.ts';
import { metatileTiles } from '../../../src/tms/metatile.ts';
import type { Metatile } from '../../../src/tms/metatile.ts';
import type { Tile } from '../../../src/tms/tile.ts';
import { createMemoryMosaic, gridCog, gridScene } from '../../support/memory-mosaic.ts';
import { workOf } from '../../support/metatile-work.ts';
import type { GridScene, MemoryMosaic } from '../../support/memory-mosaic.ts';
import { PLAIN_OPTIONS } from '../../support/render-options.ts';

const NEVER = { signal: new AbortController().signal };
const Z = 5;
const METATILE: Metatile = { z: Z, x: 4, y: 5, size: 2 };
/** North-west tile of the metatile. */
const NW = { z: Z, x: 8, y: 10 };
const OPTIONS: RenderOptions = PLAIN_OPTIONS;

/** A grey scene over the metatile's 2x2 tiles, or a part of them; value 0 is nodata. */
function scene(id: string, value: number, grid: Partial<GridScene> = {}): ReturnType<typeof gridScene> {
  return gridScene({ id, ...NW, columns: 2, rows: 2, bands: () => [value], ...grid });
}

interface Rendered {
  readonly tiles: ReadonlyMap<string, EncodedTile | null>;
  readonly report: MetatileReport;
}

function rendererOf(
  mosaic: MemoryMosaic,
  options: Partial<RenderOptions> = {},
  limits?: Partial<RenderLimits>,
): TileRenderer {
  const { backend, cogs, counters } = mosaic;
  return createTileRenderer({
    backend,
    cogs,
    counters,
    options: { ...OPTIONS, ...options },
    limits: { ...DEFAULT_RENDER_LIMITS, ...limits },
  });
}

const nameOf = ({ z, x, y }: Tile): string => `${z}/${x}/${y}`;

async function render(renderer: TileRenderer, metatile = METATILE): Promise<Rendered> {
  const tiles = new Map<string, EncodedTile | null>();
  const work = workOf(metatile);
  const sink = async (tile: Tile, encoded: EncodedTile | null): Promise<void> => {
    expect(tiles.has(nameOf(tile))).toBe(false);
    tiles.set(nameOf(tile), encoded);
    await Promise.resolve();
  };
  const report = await renderer.renderMetatile(work, sink, NEVER);
  expect(report.rendered + report.empty + report.failures.length).toBe(work.tiles.length);
  return { tiles, report };
}

/** Value of the first band and alpha of a pixel. */
async function pixel({ tiles }: Rendered, tile: Tile, col: number, row: number): Promise<[number, number]> {
  const bytes = tiles.get(nameOf(tile))?.bytes;
  if (bytes === undefined) throw new Error(`${nameOf(tile)} was not rendered`);
  const { data } = await sharp(bytes).toColourspace('srgb').ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return [data[(row * 256 + col) * 4]!, data[(row * 256 + col) * 4 + 3]!];
}

describe('a metatile', () => {
  test('costs one search, one open and each block once', async () => {
    await using mosaic = createMemoryMosaic([scene('a', 100)]);
    const { report, tiles } = await render(rendererOf(mosaic));
    expect(report).toMatchObject({ rendered: 4, empty: 0, failures: [], leftOut: NOTHING_LEFT_OUT });
    expect(mosaic.searches).toEqual([METATILE]);
    expect(mosaic.opens).toEqual(['a/data']);
    expect(mosaic.counters.blocksDecoded).toBe(4);
    // The header, and the four blocks in one coalesced range.
    expect(mosaic.counters.readRequests).toBe(2);
    expect(tiles.get('5/8/10')?.scenes).toEqual(['memory/a']);
  });

  test('copies pixels of an aligned source exactly', async () => {
    await using mosaic = createMemoryMosaic([scene('a', 0, { bands: (_, col, row) => [1 + ((col + 3 * row) % 255)] })]);
    const rendered = await render(rendererOf(mosaic));
    for (const [col, row] of [
      [0, 0],
      [255, 0],
      [17, 201],
      [255, 255],
    ] as const) {
      expect(await pixel(rendered, NW, col, row)).toEqual([1 + ((col + 3 * row) % 255), 255]);
      expect((await pixel(rendered, { ...NW, x: 9, y: 11 }, col, row))[0]).toBe(
        1 + ((col + 256 + 3 * (row + 256)) % 255),
      );
    }
  });

  test('never opens a scene under a full one', async () => {
    await using mosaic = createMemoryMosaic([scene('top', 100), scene('below', 50)]);
    await render(rendererOf(mosaic));
    expect(mosaic.opens).toEqual(['top/data']);
  });

  test('looks under a scene where it has holes, and there only', async () => {
    const holed = scene('top', 0, { bands: (_, col, row) => [col < 256 && row < 256 && col >= 128 ? 0 : 100] });
    await using mosaic = createMemoryMosaic([holed, scene('below', 50), scene('bottom', 25)]);
    const rendered = await render(rendererOf(mosaic));
    expect(mosaic.opens).toEqual(['top/data', 'below/data']);
    expect(await pixel(rendered, NW, 127, 9)).toEqual([100, 255]);
    expect(await pixel(rendered, NW, 128, 9)).toEqual([50, 255]);
    expect(rendered.tiles.get('5/8/10')?.scenes).toEqual(['memory/top', 'memory/below']);
    expect(rendered.tiles.get('5/9/10')?.scenes).toEqual(['memory/top']);
    // Of the lower scene only the block under the hole; one pixel of slack may touch its neighbours.
    expect(mosaic.counters.blocksDecoded).toBeLessThanOrEqual(8);
  });

  test('gives null for empty tiles: outside every footprint, and nodata inside one', async () => {
    const west = scene('west', 0, { columns: 1, bands: (_, __, row) => [row < 256 ? 100 : 0] });
    await using mosaic = createMemoryMosaic([west]);
    const { report, tiles } = await render(rendererOf(mosaic));
    expect(report).toMatchObject({ rendered: 1, empty: 3, failures: [], leftOut: NOTHING_LEFT_OUT });
    expect(
      [...tiles]
        .filter(([, tile]) => tile === null)
        .map(([name]) => name)
        .sort(),
    ).toEqual(['5/8/11', '5/9/10', '5/9/11']);
  });

  test('with nothing in the catalog opens nothing', async () => {
    await using mosaic = createMemoryMosaic([]);
    expect((await render(rendererOf(mosaic))).report).toMatchObject({
      rendered: 0,
      empty: 4,
      failures: [],
      leftOut: NOTHING_LEFT_OUT,
    });
  });
});

describe('bytes do not depend on the metatile', () => {
  const scenes = [
    scene('one', 0, { bands: (i, col, row) => [(col + row) % 300 < 150 ? 0 : 1 + (i % 200)] }),
    scene('two', 0, { x: NW.x + 1, columns: 1, bands: (i) => [(i % 3) * 90] }),
    scene('three', 0, { rows: 1, bands: (_, col) => [col % 255] }),
  ];

  test.each([
    { resampling: 'nearest', limits: {} },
    { resampling: 'bilinear', limits: {} },
    { resampling: 'bilinear', limits: { maxOpenBytes: 1 } },
    { resampling: 'bilinear', limits: { maxOpenBytes: 6 * 65_536, maxPrefetchBytes: 1, maxEncoding: 1 } },
  ] as const)('$resampling with $limits', async ({ resampling, limits }) => {
    await using mosaic = createMemoryMosaic(scenes);
    const { tiles } = await render(rendererOf(mosaic, { resampling }, limits));
    await using other = createMemoryMosaic(scenes);
    const single = rendererOf(other, { resampling });
    for (const tile of metatileTiles(METATILE)) {
      const alone = await single.renderTile(tile, NEVER);
      const together = tiles.get(nameOf(tile));
      expect(together?.scenes).toEqual(alone?.scenes);
      expect(Buffer.compare(together!.bytes, alone!.bytes)).toBe(0);
    }
    const { tiles: wider } = await render(rendererOf(other, { resampling }), { z: Z, x: 1, y: 1, size: 8 });
    for (const [name, tile] of tiles) expect(Buffer.compare(wider.get(name)!.bytes, tile!.bytes)).toBe(0);
  });
});

describe('failures', () => {
  const away = new TilerError('SOURCE_THROTTLED', 'Reading: 429', { retryAfterMs: 4000 });

  test('a scene that cannot be opened fails the tiles that want it, and only those', async () => {
    const top = scene('top', 100, { columns: 1 });
    await using mosaic = createMemoryMosaic([top, scene('broken', 50), scene('bottom', 25)]);
    mosaic.onRead = (name) => {
      if (name.startsWith('broken')) throw away;
    };
    const { report, tiles } = await render(rendererOf(mosaic));
    expect(report.rendered).toBe(2);
    expect(report.failures.map(({ tile }) => nameOf(tile)).sort()).toEqual(['5/9/10', '5/9/11']);
    expect(report.failures[0]).toMatchObject({ code: 'SOURCE_THROTTLED', message: 'Reading: 429', retryAfterMs: 4000 });
    expect([...tiles.keys()].sort()).toEqual(['5/8/10', '5/8/11']);
    expect(mosaic.opens).not.toContain('bottom/data');
  });

  test('a block that cannot be decoded fails the tiles that need it', async () => {
    const bytes = gridCog({ id: 'a', ...NW, columns: 2, rows: 2, bands: (i) => [1 + ((i * 7) % 250)] });
    // The last block of the file is the south-eastern one.
    bytes.fill(0xff, bytes.length - 2000);
    await using mosaic = createMemoryMosaic([{ id: 'a', footprint: scene('a', 1).footprint, assets: { data: bytes } }]);
    const { report } = await render(rendererOf(mosaic));
    const failed = report.failures.map(({ tile, code }) => [nameOf(tile), code]);
    expect(failed).toContainEqual(['5/9/11', 'ASSET_CORRUPT']);
    expect(report.rendered).toBeGreaterThan(0);
    expect(failed.every(([, code]) => code === 'ASSET_CORRUPT')).toBe(true);
  });

  test('a server that goes away in the middle fails all that it still owes, without asking for each', async () => {
    await using mosaic = createMemoryMosaic([scene('a', 100)]);
    mosaic.onRead = (_, offset) => {
      if (offset > 0) throw away;
    };
    const { report } = await render(rendererOf(mosaic));
    expect(report.failures.map(({ code }) => code)).toEqual(Array.from({ length: 4 }, () => 'SOURCE_THROTTLED'));
    expect(mosaic.counters.readRequests).toBe(2);
  });

  test('scenes of other bands fail a tile that mixes them, and both are named', async () => {
    const holed = scene('grey', 0, { bands: (_, col) => [col < 256 || col % 2 === 0 ? 100 : 0] });
    const two = scene('two', 0, { bands: () => [1, 2] });
    await using mosaic = createMemoryMosaic([holed, two]);
    const { report } = await render(rendererOf(mosaic));
    expect(report.rendered).toBe(2);
    expect(report.failures).toHaveLength(2);
    expect(report.failures[0]).toMatchObject({ code: 'MOSAIC_BANDS_DIFFER' });
    expect(report.failures[0]?.message).toMatch(/memory\/grey has 1 bands of uint8, memory\/two has 2 of uint8/);
  });

  test('a style that does not fit is a failed tile with the reason', async () => {
    await using mosaic = createMemoryMosaic([scene('a', 1000, { dtype: 'uint16' })]);
    const { report } = await render(rendererOf(mosaic));
    expect(report.failures.map(({ code }) => code)).toEqual(Array.from({ length: 4 }, () => 'REQUEST_INVALID'));
    expect(report.failures[0]?.message).toContain('uint16');
    const tile = rendererOf(mosaic).renderTile(NW, NEVER);
    await expect(tile).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  test('bidx beyond the bands names the asset', async () => {
    await using mosaic = createMemoryMosaic([scene('a', 1)]);
    const tile = rendererOf(mosaic, { bidx: [2] }).renderTile(NW, NEVER);
    await expect(tile).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: expect.stringMatching(/band 2 of asset data.*has 1/),
    });
  });

  test('a lone tile throws what failed, with its Retry-After', async () => {
    await using mosaic = createMemoryMosaic([scene('a', 100)]);
    mosaic.onRead = () => {
      throw away;
    };
    const tile = rendererOf(mosaic).renderTile(NW, NEVER);
    await expect(tile).rejects.toMatchObject({ code: 'SOURCE_THROTTLED', retry: { afterMs: 4000 } });
  });

  test('a failed search fails the call', async () => {
    await using mosaic = createMemoryMosaic([scene('a', 100)]);
    const backend = {
      ...mosaic.backend,
      assetsForMetatile: async () => await Promise.reject(new TilerError('STAC_UNAVAILABLE', 'no answer')),
    };
    await expect(render(rendererOf({ ...mosaic, backend }))).rejects.toMatchObject({ code: 'STAC_UNAVAILABLE' });
  });

  test('a fault of the program is no failed tile', async () => {
    await using mosaic = createMemoryMosaic([scene('a', 100)]);
    const cogs = { ...mosaic.cogs, open: async () => await Promise.reject(new TypeError('a fault')) };
    await expect(render(rendererOf({ ...mosaic, cogs }))).rejects.toThrow(TypeError);
  });

  test('a sink that fails ends the call, and gets nothing more', async () => {
    await using mosaic = createMemoryMosaic([scene('a', 100)]);
    let calls = 0;
    const sink = async (): Promise<void> => {
      calls++;
      await Promise.reject(new TilerError('STORE_UNAVAILABLE', 'full'));
    };
    const work = workOf(METATILE);
    const renderer = rendererOf(mosaic, {}, { maxEncoding: 1 });
    await expect(renderer.renderMetatile(work, sink, NEVER)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(calls).toBe(1);
  });

  test('an abort ends the call, unwrapped', async () => {
    await using mosaic = createMemoryMosaic([scene('a', 100)]);
    const controller = new AbortController();
    mosaic.onRead = (_, offset) => {
      if (offset > 0) controller.abort();
    };
    const work = workOf(METATILE);
    const rendering = rendererOf(mosaic).renderMetatile(work, async () => {}, { signal: controller.signal });
    await expect(rendering).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('a tile that does not exist is refused', async () => {
    await using mosaic = createMemoryMosaic([]);
    await expect(rendererOf(mosaic).renderTile({ z: 1, x: 2, y: 0 }, NEVER)).rejects.toMatchObject({
      code: 'TILE_OUT_OF_RANGE',
    });
  });
});

describe('the next scene', () => {
  /** Waits for the second scene's open before the first one's pixels arrive; without it, gives up after many turns. */
  async function isOpenedEarly(mosaic: MemoryMosaic): Promise<boolean> {
    let seen = false;
    mosaic.onRead = async (name, offset) => {
      if (name !== 'first/data' || offset === 0) return;
      for (let turn = 0; turn < 50 && !seen; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
        seen = mosaic.opens.includes('second/data');
      }
    };
    await render(rendererOf(mosaic));
    return seen;
  }

  test('is opened while the first is read, if some tile is certain to want it', async () => {
    await using mosaic = createMemoryMosaic([scene('first', 100, { columns: 1 }), scene('second', 50)]);
    expect(await isOpenedEarly(mosaic)).toBe(true);
  });

  test('is not opened early if no tile may want it', async () => {
    await using mosaic = createMemoryMosaic([scene('first', 100), scene('second', 50)]);
    expect(await isOpenedEarly(mosaic)).toBe(false);
    expect(mosaic.opens).toEqual(['first/data']);
  });

  test('its failure while the first is read is no fault, and fails its own tiles', async () => {
    await using mosaic = createMemoryMosaic([scene('first', 100, { columns: 1 }), scene('second', 50)]);
    mosaic.onRead = (name) => {
      if (name === 'second/data') throw new TilerError('ASSET_FORBIDDEN', 'Reading: 403');
    };
    const { report } = await render(rendererOf(mosaic));
    expect(report.rendered).toBe(2);
    expect(report.failures.map(({ code }) => code)).toEqual(['ASSET_FORBIDDEN', 'ASSET_FORBIDDEN']);
  });
});
