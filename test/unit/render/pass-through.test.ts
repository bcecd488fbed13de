import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { TilerError } from '../../../src/errors.ts';
import { createTileRenderer } from '../../../src/render/render-metatile.ts';
import type { EncodedTile, RenderOptions } from '../../../src/render/tile-renderer.ts';
import type { Tile } from '../../../src/tms/tile.ts';
import { tilePath } from '../../../src/tms/tile.ts';
import { tileBbox, tileTransform } from '../../../src/tms/web-mercator-quad.ts';
import { createMemoryMosaic, gridFootprint } from '../../support/memory-mosaic.ts';
import type { MemoryScene } from '../../support/memory-mosaic.ts';
import { withPictures } from '../../support/picture-blocks.ts';
import { writeCog } from '../../support/synthetic-cog.ts';
import type { SyntheticCog } from '../../support/synthetic-cog.ts';

const NEVER = { signal: new AbortController().signal };
const SIZE = 256;
const FIRST: Tile = { z: 10, x: 540, y: 360 };
const METATILE = { z: 10, x: 270, y: 180, size: 2 };
const TILES: readonly Tile[] = [0, 1, 2, 3].map((n) => ({ z: 10, x: 540 + (n % 2), y: 360 + (n >> 1) }));
const OPTIONS: RenderOptions = {
  tileSize: SIZE,
  bidx: null,
  nodata: null,
  rescale: null,
  pixelSelection: 'first',
  resampling: 'bilinear',
  format: 'jpeg',
};

/** 2 × 2 tiles of soft colours in JPEG; the blocks of full size are given too. */
async function jpegScene(id: string, seed: number, change: Partial<SyntheticCog> = {}, grid = { columns: 2, rows: 2 }) {
  const [width, height] = [grid.columns * SIZE, grid.rows * SIZE];
  const bands = [seed, seed + 5, seed + 9].map((n) =>
    Uint8Array.from({ length: width * height }, (_, i) => 128 + 100 * Math.sin((i % width) / n + i / width / 40)),
  );
  const shape = { width, height, bands, epsg: 3857, transform: tileTransform(FIRST, SIZE), blockSize: SIZE };
  const cog = await withPictures({ ...shape, ...change }, { format: 'jpeg' });
  const footprint = gridFootprint({ id, ...FIRST, ...grid, bands: () => [] });
  const scene: MemoryScene = { id, footprint, assets: { data: writeCog(cog) } };
  return { scene, scans: cog.pictures!.blocks[0]!.map(scanOf) };
}

/** The entropy-coded part of a JPEG. */
function scanOf(jpeg: Uint8Array): Buffer {
  const bytes = Buffer.from(jpeg);
  return bytes.subarray(bytes.indexOf(Buffer.of(0xff, 0xda)));
}

async function render(
  scenes: readonly MemoryScene[],
  {
    options = {},
    parents = [] as readonly Tile[],
  }: { options?: Partial<RenderOptions>; parents?: readonly Tile[] } = {},
) {
  const mosaic = createMemoryMosaic(scenes);
  const { backend, cogs, counters } = mosaic;
  const renderer = createTileRenderer({ backend, cogs, counters, options: { ...OPTIONS, ...options } });
  const tiles = new Map<string, EncodedTile>();
  const work = { index: 0, metatile: METATILE, children: null, tiles: TILES, parents, handedOn: null };
  const run = async () => {
    return await renderer.renderMetatile(
      work,
      async (tile, encoded) => {
        if (encoded !== null) tiles.set(tilePath(tile), encoded);
        await Promise.resolve();
      },
      NEVER,
    );
  };
  return { mosaic, tiles, run };
}

/** Which tiles hold the scan of the block that lies on them. */
function passedOf(tiles: ReadonlyMap<string, EncodedTile>, scans: readonly Buffer[]): readonly boolean[] {
  return TILES.map((tile, n) => scanOf(tiles.get(tilePath(tile))!.bytes).equals(scans[n]!));
}

describe('blocks become tiles', () => {
  test('without being decoded; a scene under them is not opened', async () => {
    const top = await jpegScene('top', 30);
    const { scene: below } = await jpegScene('below', 60);
    const { mosaic, tiles, run } = await render([top.scene, below]);
    expect(await run()).toMatchObject({ rendered: 4, empty: 0, failures: [] });
    expect(passedOf(tiles, top.scans)).toEqual([true, true, true, true]);
    expect(tiles.get('10/540/360')!.scenes).toEqual(['memory/top']);
    expect(mosaic.opens).toEqual(['top/data']);
    expect(mosaic.counters).toMatchObject({ readRequests: 2, blocksDecoded: 0 });
  });

  test('a lone tile has the same bytes', async () => {
    const top = await jpegScene('top', 30);
    const { mosaic, tiles, run } = await render([top.scene]);
    await run();
    await using renderer = createTileRenderer({ ...mosaic, options: OPTIONS });
    const lone = await renderer.renderTile(TILES[3]!, NEVER);
    expect(lone!.bytes).toEqual(tiles.get(tilePath(TILES[3]!))!.bytes);
  });

  test('their parent is made of their pixels, which are read no second time', async () => {
    const top = await jpegScene('top', 30);
    const parent = { z: 9, x: 270, y: 180 };
    const made = await render([top.scene], { parents: [parent] });
    expect(await made.run()).toMatchObject({ rendered: 5, failures: [] });
    expect(passedOf(made.tiles, top.scans)).toEqual([true, true, true, true]);
    expect(made.mosaic.counters).toMatchObject({ readRequests: 2, blocksDecoded: 4 });
    const encoded = await render([top.scene], { parents: [parent], options: { passThrough: false } });
    await encoded.run();
    expect(made.tiles.get('9/270/180')!.bytes).toEqual(encoded.tiles.get('9/270/180')!.bytes);
    expect(passedOf(encoded.tiles, top.scans)).toEqual([false, false, false, false]);
  });
});

describe('pixels are mosaicked', () => {
  test('where the top scene has a hole, and only there', async () => {
    const mask = new Uint8Array(4 * SIZE * SIZE).fill(255);
    mask[SIZE * 2 * 3 + SIZE + 7] = 0;
    const top = await jpegScene('top', 30, { mask });
    const { scene: below } = await jpegScene('below', 60);
    const { mosaic, tiles, run } = await render([top.scene, below]);
    await run();
    expect(passedOf(tiles, top.scans)).toEqual([true, false, true, true]);
    expect(tiles.get('10/541/360')!.scenes).toEqual(['memory/top', 'memory/below']);
    // Four blocks of the mask, and the holed tile's block of either scene.
    expect(mosaic.counters.blocksDecoded).toBe(6);
  });

  test('where another scene lies above; what it leaves whole is passed', async () => {
    const half = await jpegScene('half', 60, {}, { columns: 1, rows: 2 });
    const wide = {
      ...half.scene,
      footprint: gridFootprint({ id: 'half', ...FIRST, columns: 2, rows: 2, bands: () => [] }),
    };
    const whole = await jpegScene('whole', 30);
    const { tiles, run } = await render([wide, whole.scene]);
    await run();
    expect(passedOf(tiles, whole.scans)).toEqual([false, true, false, true]);
    expect(scanOf(tiles.get('10/540/360')!.bytes).equals(half.scans[0]!)).toBe(true);
    expect(tiles.get('10/541/360')!.scenes).toEqual(['memory/whole']);
  });

  test('with the same picture as the block, but for the loss of encoding it again', async () => {
    const top = await jpegScene('top', 30);
    const passed = await render([top.scene]);
    const encoded = await render([top.scene], { options: { quality: 95 } });
    await passed.run();
    await encoded.run();
    expect(passedOf(encoded.tiles, top.scans)).toEqual([false, false, false, false]);
    const pixels = async ({ tiles }: typeof passed) => await sharp(tiles.get('10/541/361')!.bytes).raw().toBuffer();
    const [a, b] = [await pixels(passed), await pixels(encoded)];
    expect(a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length).toBeLessThan(2);
  });
});

describe('failures', () => {
  test('one that can pass fails the tiles: they would be others if they were encoded now', async () => {
    const top = await jpegScene('top', 30);
    const { mosaic, tiles, run } = await render([top.scene]);
    mosaic.onRead = (_, offset) => {
      if (offset > 0) throw new TilerError('SOURCE_UNAVAILABLE', 'it is down');
    };
    const { failures } = await run();
    expect(failures.map(({ code }) => code)).toEqual(Array.from({ length: 4 }, () => 'SOURCE_UNAVAILABLE'));
    expect(tiles.size).toBe(0);
    expect(mosaic.reads.length).toBe(2);
    mosaic.onRead = () => {};
    expect(await run()).toMatchObject({ rendered: 4 });
    expect(passedOf(tiles, top.scans)).toEqual([true, true, true, true]);
  });

  test('a damaged block is met by whoever reads its pixels, the others are passed', async () => {
    const top = await jpegScene('top', 30);
    const bytes = Buffer.from(top.scene.assets['data']!);
    const at = bytes.indexOf(top.scans[2]!);
    bytes.fill(0, at + top.scans[2]!.length - 30, at + top.scans[2]!.length);
    const { tiles, run } = await render([{ ...top.scene, assets: { data: bytes } }]);
    const { failures } = await run();
    expect(failures).toMatchObject([{ tile: TILES[2], code: 'ASSET_CORRUPT' }]);
    expect(tiles.size).toBe(3);
    expect(tileBbox(TILES[0]!)[0]).toBe(top.scene.footprint[0]);
  });
});
