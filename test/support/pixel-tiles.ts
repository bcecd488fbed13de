import sharp from 'sharp';
import { MemoryObjects } from '../../src/store/memory-objects.ts';
import type { Bbox } from '../../src/geo/bbox.ts';
import { ObjectTiles } from '../../src/store/verify/object-tiles.ts';

/** Pixels along each side of the tiles here. */
export const PIXELS = 64;

/** Brightness and alpha of a pixel of the world of a zoom, by column and row from the north-west. */
export type World = (column: number, row: number, z: number) => { readonly light: number; readonly alpha: number };

/** Hills that go on over every edge, opaque. */
export const HILLS: World = (column, row) => {
  const light = 128 + 50 * Math.sin(column / 9) + 40 * Math.cos(row / 7) + ((column * 7 + row * 13) % 11);
  return { light, alpha: 255 };
};

/** A tile of a world as a picture. */
async function tileOf(
  world: World,
  [z, x, y]: readonly [number, number, number],
  format: 'png' | 'jpeg' = 'png',
): Promise<Buffer> {
  const data = Buffer.alloc(PIXELS * PIXELS * 4);
  for (let i = 0; i < PIXELS * PIXELS; i++) {
    const { light, alpha } = world(x * PIXELS + (i % PIXELS), y * PIXELS + Math.floor(i / PIXELS), z);
    data.set([light, light, light, alpha], i * 4);
  }
  const image = sharp(data, { raw: { width: PIXELS, height: PIXELS, channels: 4 } });
  return format === 'png' ? await image.png().toBuffer() : await image.flatten().jpeg({ quality: 90 }).toBuffer();
}

export interface PixelTilesOptions {
  readonly world?: World;
  /** Tiles `z/x/y` that are left out. */
  readonly without?: readonly string[];
  readonly bbox?: Bbox | null;
  readonly format?: 'png' | 'jpeg';
  /** First and last column and row of zoom `maxzoom`; those of lower zooms hold them. */
  readonly range: readonly [number, number];
  readonly minzoom: number;
  readonly maxzoom: number;
}

/** A square of tiles of some zooms, in memory. */
export async function pixelTiles(options: PixelTilesOptions): Promise<ObjectTiles> {
  const { world = HILLS, without = [], bbox = null, format = 'png', range, minzoom, maxzoom } = options;
  const objects = new MemoryObjects();
  const { signal } = new AbortController();
  for (let z = minzoom; z <= maxzoom; z++) {
    const [first, last] = range.map((at) => at >> (maxzoom - z)) as [number, number];
    for (let x = first; x <= last; x++) {
      for (let y = first; y <= last; y++) {
        if (without.includes(`${z}/${x}/${y}`)) continue;
        const bytes = await tileOf(world, [z, x, y], format);
        await objects.put(`${z}/${x}/${y}.${format}`, bytes, { signal });
      }
    }
  }
  return new ObjectTiles(objects, { extension: format, bbox });
}
