import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { createTileRenderer } from '../../../src/render/render-metatile.ts';
import type { EncodedTile, RenderOptions } from '../../../src/render/tile-renderer.ts';
import type { Tile } from '../../../src/tms/tile.ts';
import { createMemoryMosaic, gridCog, gridFootprint } from '../../support/memory-mosaic.ts';
import type { MemoryMosaic } from '../../support/memory-mosaic.ts';
import { writeCog } from '../../support/synthetic-cog.ts';
import { PLAIN_OPTIONS } from '../../support/render-options.ts';

const NEVER = { signal: new AbortController().signal };
const Z = 5;
const NW = { z: Z, x: 8, y: 10 };
const OPTIONS: RenderOptions = PLAIN_OPTIONS;

async function render(
  mosaic: MemoryMosaic,
  tile: Tile,
  options: Partial<RenderOptions> = {},
): Promise<EncodedTile | null> {
  return await createTileRenderer({ ...mosaic, options: { ...OPTIONS, ...options } }).renderTile(tile, NEVER);
}

describe('several assets', () => {
  const grid = { id: 's', ...NW, columns: 2, rows: 2 };
  const footprint = gridFootprint({ ...grid, bands: () => [] });

  test('are stacked in their order; a pixel is valid if any has it', async () => {
    const red = gridCog({ ...grid, bands: (_, col) => [col < 64 ? 0 : 10] });
    const green = gridCog({ ...grid, bands: (_, col) => [col < 32 ? 0 : 20] });
    const blue = gridCog({ ...grid, bands: () => [0] });
    await using mosaic = createMemoryMosaic([{ id: 's', footprint, assets: { red, green, blue } }]);
    const encoded = await render(mosaic, NW);
    const { data } = await sharp(encoded!.bytes).raw().toBuffer({ resolveWithObject: true });
    const at = (col: number): number[] => [...data.subarray(col * 4, col * 4 + 4)];
    expect([at(31), at(32), at(64)]).toEqual([
      [0, 0, 0, 0],
      [0, 20, 0, 255],
      [10, 20, 0, 255],
    ]);
  });

  test('of different resolution lie on each other', async () => {
    const fine = gridCog({ ...grid, bands: () => [10] });
    const coarse = gridCog({
      ...grid,
      z: Z - 1,
      x: 4,
      y: 5,
      columns: 1,
      rows: 1,
      bands: (_, col) => [col < 128 ? 20 : 30],
    });
    await using mosaic = createMemoryMosaic([{ id: 's', footprint, assets: { fine, coarse, again: fine } }]);
    const encoded = await render(mosaic, { z: Z, x: 9, y: 11 });
    const { data } = await sharp(encoded!.bytes).raw().toBuffer({ resolveWithObject: true });
    expect([...data.subarray(0, 3)]).toEqual([10, 30, 10]);
  });

  test('show the same as one file does, where a scene wider than the world lies on itself', async () => {
    const bands = [Uint8Array.from({ length: 380 * 20 }, (_, i) => 1 + ((i % 380) % 250))];
    const wide = writeCog({ width: 380, height: 20, bands, epsg: 4326, transform: [1, 0, -190, 0, -1, 10] });
    const everywhere = [-180, -10, 180, 10] as const;
    await using one = createMemoryMosaic([{ id: 'w', footprint: everywhere, assets: { wide } }]);
    await using three = createMemoryMosaic([
      { id: 'w', footprint: everywhere, assets: { wide, wider: wide, widest: wide } },
    ]);
    const tile = { z: 1, x: 1, y: 0 };
    const red = async (mosaic: MemoryMosaic): Promise<Buffer> => {
      const encoded = await render(mosaic, tile);
      return await sharp(encoded!.bytes).toColourspace('srgb').extractChannel(0).raw().toBuffer();
    };
    expect(Buffer.compare(await red(three), await red(one))).toBe(0);
  });

  test('of different types are refused', async () => {
    const red = gridCog({ ...grid, bands: () => [10] });
    const green = gridCog({ ...grid, dtype: 'uint16', bands: () => [20] });
    await using mosaic = createMemoryMosaic([{ id: 's', footprint, assets: { red, green } }]);
    const tile = render(mosaic, NW);
    await expect(tile).rejects.toMatchObject({
      code: 'MOSAIC_BANDS_DIFFER',
      message: expect.stringMatching(/red is uint8 and green is uint16/),
    });
  });

  test('bidx chooses bands of each', async () => {
    const rgb = gridCog({ ...grid, bands: () => [10, 20, 30] });
    await using mosaic = createMemoryMosaic([{ id: 's', footprint, assets: { rgb } }]);
    const tile = await render(mosaic, NW, { bidx: [3, 1, 1] });
    const { data } = await sharp(tile!.bytes).raw().toBuffer({ resolveWithObject: true });
    expect([...data.subarray(0, 3)]).toEqual([30, 10, 10]);
  });
});
