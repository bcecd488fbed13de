import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { Affine } from '../../src/geo/affine.ts';
import type { Bbox } from '../../src/geo/bbox.ts';
import { createTileRenderer } from '../../src/render/render-metatile.ts';
import type { RenderOptions } from '../../src/render/tile-renderer.ts';
import { tileAt } from '../../src/tms/web-mercator-quad.ts';
import type { Tile } from '../../src/tms/tile.ts';
import { compareWithGolden } from '../support/golden.ts';
import { createMemoryMosaic } from '../support/memory-mosaic.ts';
import type { MemoryScene } from '../support/memory-mosaic.ts';
import { writeCog } from '../support/synthetic-cog.ts';

const NEVER = { signal: new AbortController().signal };
const OPTIONS: RenderOptions = {
  tileSize: 256,
  bidx: null,
  nodata: null,
  rescale: null,
  pixelSelection: 'first',
  resampling: 'bilinear',
  format: 'png',
};

/** Renders a tile and compares it; `null` = it is the committed one. */
async function differenceFromGolden(
  name: string,
  scenes: readonly MemoryScene[],
  tile: Tile,
  options: Partial<RenderOptions> = {},
): Promise<string | null> {
  await using mosaic = createMemoryMosaic(scenes);
  const renderer = createTileRenderer({ ...mosaic, options: { ...OPTIONS, ...options } });
  const encoded = await renderer.renderTile(tile, NEVER);
  return encoded === null ? `${name} is empty` : await compareWithGolden(name, encoded.bytes);
}

/** Hills: smooth in both directions, with edges of a few pixels so that a shift shows. */
function hills(width: number, height: number, seed: number, top: number): number[] {
  return Array.from({ length: width * height }, (_, i) => {
    const col = i % width;
    const row = Math.floor(i / width);
    const wave = Math.sin(col / (9 + seed)) + Math.cos(row / (13 - seed)) + ((col >> 4) + (row >> 4) + seed) % 2;
    return Math.max(1, Math.round(((wave + 2) / 5) * top));
  });
}

/** A Sentinel-2-like scene in UTM 33N: 16-bit, 60 m, with a slanted edge of nodata as at the side of a swath. */
function utmScene(id: string, east: number, seed: number, footprint: Bbox, keep: (col: number, row: number) => boolean): MemoryScene {
  const size = 512;
  const bands = [0, 1, 2].map((b) =>
    Uint16Array.from(hills(size, size, seed + b, 3500), (value, i) => (keep(i % size, Math.floor(i / size)) ? value : 0)),
  );
  const transform: Affine = [60, 0, east, 0, -60, 5_100_000];
  const file = writeCog({ width: size, height: size, bands, epsg: 32_633, transform, nodata: 0, predictor: 2, overviews: 2 });
  return { id, footprint, assets: { visual: file } };
}

const UTM_WEST = utmScene('west', 500_000, 1, [14.9, 45.7, 15.5, 46.1], (col, row) => col + row / 3 < 440);
const UTM_EAST = utmScene('east', 518_000, 3, [15.1, 45.7, 15.7, 46.1], (col, row) => col + row / 3 > 120);

/** The whole world in plate carrée, as the demonstration's scenes are; `alpha` fades out to the east. */
function worldScene(id: string, seed: number, alpha?: (col: number) => number): MemoryScene {
  const [width, height] = [720, 360];
  const bands = [0, 1, 2].map((b) => Uint8Array.from(hills(width, height, seed + b, 250)));
  const file = writeCog({
    width,
    height,
    bands,
    epsg: 4326,
    transform: [0.5, 0, -180, 0, -0.5, 90],
    overviews: 2,
    ...(alpha === undefined ? {} : { alpha: Uint8Array.from({ length: width * height }, (_, i) => alpha(i % width)) }),
  });
  return { id, footprint: [-180, -90, 180, 90], assets: { visual: file } };
}

describe('golden tiles', () => {
  const tile = tileAt(15.3, 45.95, 10);
  const rescale = { rescale: [[0, 3500]] } as const;

  test.each(['nearest', 'bilinear'] as const)('two UTM scenes with slanted nodata edges, %s', async (resampling) => {
    expect(await differenceFromGolden(`utm-pair-${resampling}`, [UTM_WEST, UTM_EAST], tile, { ...rescale, resampling })).toBeNull();
  });

  test('the edge of the UTM scenes, from an overview', async () => {
    expect(await differenceFromGolden('utm-pair-overview', [UTM_WEST, UTM_EAST], tileAt(15.3, 45.95, 8), rescale)).toBeNull();
  });

  test('one band as grey, its own range', async () => {
    expect(await differenceFromGolden('utm-grey', [UTM_EAST], tile, { rescale: [[500, 3000]], bidx: [2] })).toBeNull();
  });

  test.each([
    ['z0', { z: 0, x: 0, y: 0 }],
    ['z3', { z: 3, x: 4, y: 2 }],
  ])('a world in plate carrée at %s', async (name, address) => {
    expect(await differenceFromGolden(`world-${name}`, [worldScene('world', 2)], address)).toBeNull();
  });

  test('alpha that fades, over an opaque scene', async () => {
    const faded = worldScene('faded', 5, (col) => Math.max(0, Math.min(255, 500 - col)));
    expect(await differenceFromGolden('world-alpha', [faded, worldScene('world', 2)], { z: 1, x: 1, y: 0 })).toBeNull();
  });

  test('alpha that fades, over nothing, at 512 pixels', async () => {
    const faded = worldScene('faded', 5, (col) => Math.max(0, Math.min(255, 500 - col)));
    expect(await differenceFromGolden('world-alpha-512', [faded], { z: 1, x: 1, y: 0 }, { tileSize: 512 })).toBeNull();
  });
});

describe('pixel selections', () => {
  const tile = tileAt(15.3, 45.95, 10);
  const rescale = { rescale: [[0, 3500]] } as const;

  test('the mean of two UTM scenes where they overlap', async () => {
    const options = { ...rescale, pixelSelection: 'mean' } as const;
    expect(await differenceFromGolden('utm-pair-mean', [UTM_WEST, UTM_EAST], tile, options)).toBeNull();
  });

  test('the one whose last band is highest, its other band as grey', async () => {
    const options = { ...rescale, pixelSelection: 'lastBandHigh', bidx: [1, 3] } as const;
    expect(await differenceFromGolden('utm-pair-last-band-high', [UTM_WEST, UTM_EAST], tile, options)).toBeNull();
  });
});

describe('the comparison', () => {
  const black = { create: { width: 256, height: 256, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 1 } } } as const;

  test('finds a tile that is another', async () => {
    const png = await sharp(black).png().toBuffer();
    const update = process.env['UPDATE_GOLDEN'];
    delete process.env['UPDATE_GOLDEN'];
    try {
      expect(await compareWithGolden('world-z0', png)).toMatch(/^world-z0: \d+ pixels differ, by up to \d+/);
      expect(await compareWithGolden('no such tile', png)).toMatch(/there is no committed tile/);
    } finally {
      if (update !== undefined) process.env['UPDATE_GOLDEN'] = update;
    }
  });
});
