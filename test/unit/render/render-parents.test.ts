import { createHash } from 'node:crypto';
import sharp from 'sharp';
import { describe, expect, test, vi } from 'vitest';
import { createPlan } from '../../../jobs/plan-jobs.ts';
import type { PlanRequest, TilesetPlan } from '../../../jobs/plan-jobs.ts';
import { renderOneTile } from '../../../jobs/render-one-tile.ts';
import { TilerError } from '../../../src/errors.ts';
import { createTileRenderer } from '../../../src/render/render-metatile.ts';
import type { RenderOptions, TileFailure, TileRenderer } from '../../../src/render/tile-renderer.ts';
import { createMemoryStore } from '../../../src/store/memory-store.ts';
import type { TileStore } from '../../../src/store/tile-store.ts';
import { allTilesOf } from '../../../src/tms/metatile.ts';
import { children, tilePath } from '../../../src/tms/tile.ts';
import type { Tile } from '../../../src/tms/tile.ts';
import { createMemoryMosaic, gridFootprint, gridScene } from '../../support/memory-mosaic.ts';
import type { GridScene, MemoryMosaic } from '../../support/memory-mosaic.ts';
import { PLAIN_OPTIONS } from '../../support/render-options.ts';

const NEVER = { signal: new AbortController().signal };
const OPTIONS: RenderOptions = { ...PLAIN_OPTIONS, resampling: 'average' };

/** Two scenes of zoom 6 that overlap, side by side around a metatile's edge, with holes of nodata. */
const LEFT: GridScene = { id: 'left', z: 6, x: 30, y: 20, columns: 3, rows: 3, bands: valueAt(7) };
const RIGHT: GridScene = { id: 'right', z: 6, x: 32, y: 21, columns: 3, rows: 2, bands: valueAt(13) };
const SPLIT = 6;

function valueAt(seed: number): GridScene['bands'] {
  return (_, col, row) => {
    const value = (col * seed + row * 31 + ((col * row) >> 4)) & 0xff;
    return value < 60 ? [0, 0, 0] : [value, (value * 3) & 0xff || 1, 255 - (value >> 1)];
  };
}

const [west, south] = gridFootprint(LEFT);
const [, , east, north] = gridFootprint({ ...RIGHT, y: 20 });
const AREA: PlanRequest = {
  area: { bbox: [west, south, east, north] },
  minzoom: 0,
  maxzoom: SPLIT,
  metatileSize: 4,
  sourceMinzoom: SPLIT,
};

const SCENES = [gridScene(LEFT), gridScene(RIGHT)];

// Encoded by the hundred, on machines that do other things too.
vi.setConfig({ testTimeout: 60_000 });

function newMosaic(): MemoryMosaic {
  return createMemoryMosaic(SCENES);
}

/** Every tile and its bytes, as text that is compared fast. */
function digestsOf(tiles: Rendered['tiles']): readonly string[] {
  return [...tiles]
    .map(([name, bytes]) => `${name} ${bytes === null ? 'empty' : createHash('sha256').update(bytes).digest('hex')}`)
    .sort();
}

interface Rendered {
  readonly tiles: ReadonlyMap<string, Uint8Array | null>;
  readonly failures: readonly TileFailure[];
}

function rendererOf(mosaic: MemoryMosaic, handedOn: TileStore, options: Partial<RenderOptions> = {}): TileRenderer {
  return createTileRenderer({ ...mosaic, options: { ...OPTIONS, ...options }, handedOn });
}

async function renderAll(plan: TilesetPlan, renderer: TileRenderer): Promise<Rendered> {
  const tiles = new Map<string, Uint8Array | null>();
  const failures: TileFailure[] = [];
  for (const work of plan.works()) {
    const report = await renderer.renderMetatile(
      work,
      async (tile, encoded) => {
        expect(tiles.has(tilePath(tile))).toBe(false);
        tiles.set(tilePath(tile), encoded?.bytes ?? null);
        await Promise.resolve();
      },
      NEVER,
    );
    expect(report.rendered + report.empty + report.failures.length).toBe(allTilesOf(work).length);
    failures.push(...report.failures);
  }
  return { tiles, failures };
}

/** RGBA of a tile as another decoder reads it; nothing = all transparent. */
async function pixelsOf(bytes: Uint8Array | null | undefined): Promise<Uint8Array> {
  if (bytes === null || bytes === undefined) return new Uint8Array(256 * 256 * 4);
  return await sharp(bytes).toColourspace('srgb').ensureAlpha().raw().toBuffer();
}

/** The mean of the four pixels below one, weighed by alpha, from decoded tiles. */
function madeOf(below: readonly Uint8Array[]): Uint8Array {
  const made = new Uint8Array(256 * 256 * 4);
  for (let row = 0; row < 256; row++) {
    for (let col = 0; col < 256; col++) {
      const source = below[(row >> 7) * 2 + (col >> 7)]!;
      const at = [0, 1, 256, 257].map((step) => (((row * 2) & 255) * 256 + ((col * 2) & 255) + step) * 4);
      const weight = at.reduce((sum, i) => sum + source[i + 3]!, 0);
      const mean = (b: number): number =>
        Math.floor(at.reduce((sum, i) => sum + source[i + b]! * source[i + 3]!, 0) / weight + 0.5);
      if (weight === 0) continue;
      made.set([mean(0), mean(1), mean(2), Math.max(1, (weight + 2) >> 2)], (row * 256 + col) * 4);
    }
  }
  return made;
}

describe('tiles below sourceMinzoom', () => {
  test('are the means of the tiles below them, without a look at a scene', async () => {
    await using mosaic = newMosaic();
    const plan = createPlan(AREA);
    const { tiles, failures } = await renderAll(plan, rendererOf(mosaic, createMemoryStore()));
    expect(failures).toEqual([]);
    expect(mosaic.searches.map(({ z }) => z)).toEqual(Array(mosaic.searches.length).fill(SPLIT));
    expect(mosaic.searches.length).toBe(plan.counts().perZoom.find(({ z }) => z === SPLIT)?.metatiles);
    const parents = [...tiles.keys()].map(tileOf).filter(({ z }) => z < SPLIT);
    expect(parents.length).toBeGreaterThan(8);
    for (const parent of parents) {
      const below = await Promise.all(children(parent).map((child) => pixelsOf(tiles.get(tilePath(child)))));
      expect(Buffer.compare(await pixelsOf(tiles.get(tilePath(parent))), madeOf(below))).toBe(0);
    }
  });

  test('do not depend on the size of metatiles', async () => {
    let expected: readonly string[] | null = null;
    for (const metatileSize of [1, 2, 4, 8, 16] as const) {
      await using mosaic = newMosaic();
      const plan = createPlan({ ...AREA, metatileSize });
      const { tiles, failures } = await renderAll(plan, rendererOf(mosaic, createMemoryStore()));
      expect(failures).toEqual([]);
      expected ??= digestsOf(tiles);
      expect(digestsOf(tiles)).toStrictEqual(expected);
    }
  });

  test('are rendered one by one with the same bytes', async () => {
    await using mosaic = newMosaic();
    const plan = createPlan(AREA);
    const { tiles } = await renderAll(plan, rendererOf(mosaic, createMemoryStore()));
    const ones = new Map<string, Uint8Array | null>();
    for (const name of tiles.keys()) {
      const renderer = rendererOf(mosaic, createMemoryStore());
      const one = await renderOneTile(tileOf(name), { renderer, plan, sourceMinzoom: SPLIT, ...NEVER });
      ones.set(name, one?.bytes ?? null);
    }
    expect(digestsOf(ones)).toStrictEqual(digestsOf(tiles));
  });

  test('with nearest show one of the pixels below', async () => {
    await using mosaic = newMosaic();
    const { tiles } = await renderAll(
      createPlan(AREA),
      rendererOf(mosaic, createMemoryStore(), { resampling: 'nearest' }),
    );
    const [child, parent] = await Promise.all([pixelsOf(tiles.get('6/31/21')), pixelsOf(tiles.get('5/15/10'))]);
    // Pixel (10, 20) of the upper left child, which is lower right of four.
    const at = (col: number, row: number): number => (row * 256 + col) * 4;
    expect([...parent.subarray(at(128 + 5, 128 + 10), at(128 + 6, 128 + 10))]).toEqual([
      ...child.subarray(at(11, 21), at(12, 21)),
    ]);
  });
});

describe('a child that fails', () => {
  test('fails what is made of it, and nothing else', async () => {
    await using mosaic = newMosaic();
    const broken = '6/34/22';
    mosaic.onRead = (name) => {
      if (name.startsWith('right')) throw new TilerError('ASSET_CORRUPT', 'broken');
    };
    const { tiles, failures } = await renderAll(createPlan(AREA), rendererOf(mosaic, createMemoryStore()));
    const failed = new Map(failures.map(({ tile, code, message }) => [tilePath(tile), { code, message }]));
    expect(failed.get(broken)?.code).toBe('ASSET_CORRUPT');
    expect(failed.get('5/17/11')).toEqual({
      code: 'TILE_CHILD_FAILED',
      message: expect.stringMatching(
        /^Making the tile 5\/17\/11 of those below it: 6\/3[45]\/2[23] failed with ASSET_CORRUPT$/,
      ) as string,
    });
    expect(failed.get('0/0/0')?.code).toBe('TILE_CHILD_FAILED');
    const above = [...tiles.keys()]
      .map(tileOf)
      .filter((tile) => [...failed.keys()].map(tileOf).some((one) => one.z > tile.z && isInside(one, tile)));
    expect(above).toEqual([]);
    expect(tiles.get('6/30/20')).not.toBeNull();
    expect(tiles.get('5/15/10')).not.toBeNull();
  });

  test('whose pixels are lost, or damaged, fails what is made of it', async () => {
    await using mosaic = newMosaic();
    await using store = createMemoryStore();
    const plan = createPlan(AREA);
    const lost: TileStore = Object.assign(Object.create(store) as TileStore, {
      async getPart(tile: Tile) {
        return tilePath(tile) === '4/7/5' ? null : ((await store.getPart(tile, NEVER))?.fill(1, 60, 61) ?? null);
      },
    });
    const { failures } = await renderAll(plan, rendererOf(mosaic, lost));
    expect(failures.length).toBeGreaterThan(0);
    expect(failures.every(({ code }) => code === 'TILE_CHILD_FAILED')).toBe(true);
    expect(failures.map(({ message }) => message).join('\n')).toContain('4/7/5');
    expect(failures.every(({ tile }) => tile.z < 4)).toBe(true);
  });

  test('that cannot be read for now fails the metatile, to be tried again', async () => {
    await using mosaic = newMosaic();
    await using store = createMemoryStore();
    const away: TileStore = Object.assign(Object.create(store) as TileStore, {
      getPart: () => Promise.reject(new TilerError('STORE_UNAVAILABLE', 'away')),
    });
    await expect(renderAll(createPlan(AREA), rendererOf(mosaic, away))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
  });
});

test('a tile of too many others is refused', async () => {
  await using mosaic = newMosaic();
  const plan = createPlan({ ...AREA, maxzoom: 12, sourceMinzoom: 12 });
  const renderer = rendererOf(mosaic, createMemoryStore());
  const rendering = renderOneTile({ z: 2, x: 1, y: 1 }, { renderer, plan, sourceMinzoom: 12, ...NEVER });
  await expect(rendering).rejects.toMatchObject({ code: 'TILE_OUT_OF_RANGE' });
});

function tileOf(name: string): Tile {
  const [z = 0, x = 0, y = 0] = name.split('/').map(Number);
  return { z, x, y };
}

function isInside(tile: Tile, above: Tile): boolean {
  const shift = tile.z - above.z;
  return tile.x >> shift === above.x && tile.y >> shift === above.y;
}
