import { access } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { EARTH_HEIGHT, EARTH_RESOLUTION, EARTH_WIDTH, loadEarth } from './earth.ts';

const TILE_SIZE = 256;
/** Zoom whose tiles make the picture of the world: 4 × 4 of them. */
export const PICTURE_ZOOM = 2;
const PICTURE_SIZE = TILE_SIZE << PICTURE_ZOOM;

/** Rows of the picture that are shown: from 81° north to 66° south. */
const SHOWN = { top: 104, height: 664 } as const;
const DIVIDER_WIDTH = 4;

/** RGBA, pixel-interleaved, `PICTURE_SIZE × PICTURE_SIZE × 4`; transparent where there is no tile. */
export type WorldPicture = Uint8Array;

/** Puts the tiles of zoom 2 in a folder together. */
export async function worldPicture(folder: string): Promise<WorldPicture> {
  const count = 1 << PICTURE_ZOOM;
  const tiles: { input: string; left: number; top: number }[] = [];
  for (let x = 0; x < count; x += 1) {
    for (let y = 0; y < count; y += 1) {
      const input = join(folder, String(PICTURE_ZOOM), String(x), `${y}.png`);
      const exists = await access(input).then(
        () => true,
        () => false,
      );
      if (exists) tiles.push({ input, left: x * TILE_SIZE, top: y * TILE_SIZE });
    }
  }
  const background = { r: 0, g: 0, b: 0, alpha: 0 };
  const canvas = sharp({ create: { width: PICTURE_SIZE, height: PICTURE_SIZE, channels: 4, background } });
  return await canvas.composite(tiles).raw().toBuffer();
}

/** The ground without clouds, on the grid of the picture; RGB, pixel-interleaved. */
export async function clearPicture(): Promise<Uint8Array> {
  const { ground } = await loadEarth();
  const step = EARTH_WIDTH / PICTURE_SIZE;
  const clear = new Uint8Array(PICTURE_SIZE * PICTURE_SIZE * 3);
  for (let row = 0; row < PICTURE_SIZE; row += 1) {
    const lat = (Math.atan(Math.sinh(Math.PI * (1 - (2 * (row + 0.5)) / PICTURE_SIZE))) * 180) / Math.PI;
    const from = Math.min(EARTH_HEIGHT - 1, Math.floor((90 - lat) / EARTH_RESOLUTION));
    for (let col = 0; col < PICTURE_SIZE; col += 1) {
      const pixel = from * EARTH_WIDTH + Math.floor((col + 0.5) * step);
      for (let band = 0; band < 3; band += 1) {
        clear[(row * PICTURE_SIZE + col) * 3 + band] = ground[pixel * 3 + band]!;
      }
    }
  }
  return clear;
}

/** What is seen in a picture of the world, in percent of all its pixels. */
export interface Seen {
  /** Pixels that hold data. */
  readonly covered: number;
  /** Pixels much brighter than the ground is: clouds. Over snow none are seen. */
  readonly cloudy: number;
}

/** A pixel that is brighter than the clear ground by this much, of 255, shows a cloud. */
const CLOUD_BRIGHTNESS = 48;

/** Compares a picture of the world with the ground without clouds. */
export function whatIsSeen(picture: WorldPicture, clear: Uint8Array): Seen {
  const pixels = PICTURE_SIZE * PICTURE_SIZE;
  let covered = 0;
  let cloudy = 0;
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    if (picture[pixel * 4 + 3]! < 128) continue;
    covered += 1;
    let brighter = 0;
    for (let band = 0; band < 3; band += 1) brighter += picture[pixel * 4 + band]! - clear[pixel * 3 + band]!;
    if (brighter / 3 > CLOUD_BRIGHTNESS) cloudy += 1;
  }
  return { covered: (covered / pixels) * 100, cloudy: (cloudy / pixels) * 100 };
}

/** Writes one picture of the world from two: the west of the first, the east of the second, and a line between. */
export async function writeBeforeAfter(before: WorldPicture, after: WorldPicture, path: string): Promise<void> {
  const raw = { width: PICTURE_SIZE, height: PICTURE_SIZE, channels: 4 } as const;
  const half = PICTURE_SIZE / 2;
  const [west, east] = await Promise.all([
    sharp(before, { raw }).extract({ left: 0, top: SHOWN.top, width: half, height: SHOWN.height }).png().toBuffer(),
    sharp(after, { raw }).extract({ left: half, top: SHOWN.top, width: half, height: SHOWN.height }).png().toBuffer(),
  ]);
  const line = { width: DIVIDER_WIDTH, height: SHOWN.height, channels: 3, background: '#ffffff' } as const;
  const divider = await sharp({ create: line }).png().toBuffer();
  const canvas = { width: PICTURE_SIZE, height: SHOWN.height, channels: 3, background: '#0b0f14' } as const;
  await sharp({ create: canvas })
    .composite([
      { input: west, left: 0, top: 0 },
      { input: east, left: half, top: 0 },
      { input: divider, left: half - DIVIDER_WIDTH / 2, top: 0 },
    ])
    .png({ compressionLevel: 9 })
    .toFile(path);
}
