import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import sharp from 'sharp';

/** Both pictures are plate carrée: pixel (0, 0) is 180° west, 90° north. */
export const EARTH_WIDTH = 4096;
export const EARTH_HEIGHT = 2048;
/** Degrees. */
export const EARTH_RESOLUTION = 360 / EARTH_WIDTH;

const RADIANS = Math.PI / 180;

const PIXELS = EARTH_WIDTH * EARTH_HEIGHT;

/** The ground without clouds, and one day's clouds over it. */
export interface Earth {
  /** RGB, pixel-interleaved, `EARTH_HEIGHT × EARTH_WIDTH × 3`. */
  readonly ground: Uint8Array;
  /** 0 = clear, 255 = nothing of the ground is seen; `EARTH_HEIGHT × EARTH_WIDTH`. */
  readonly clouds: Uint8Array;
}

/** What a satellite sees on one date. Shapes as in `Earth`. */
export interface View {
  readonly rgb: Uint8Array;
  readonly clouds: Uint8Array;
}

/** How one date's weather is made from the one cloud layer: turned east and mirrored. */
interface Weather {
  /** Part of a full turn to the east. */
  readonly turn: number;
  readonly mirrorLng: boolean;
  readonly mirrorLat: boolean;
}

const WEATHER: readonly Weather[] = [
  { turn: 0.06, mirrorLng: false, mirrorLat: false },
  { turn: 0.31, mirrorLng: true, mirrorLat: true },
  { turn: 0.56, mirrorLng: false, mirrorLat: false },
  { turn: 0.81, mirrorLng: true, mirrorLat: false },
  { turn: 0.44, mirrorLng: false, mirrorLat: true },
  { turn: 0.19, mirrorLng: true, mirrorLat: false },
];

/** Clouds are this much denser in a low than in the layer, and this much of them is left in a high. */
const LOW_STRENGTH = 3.5;
const HIGH_STRENGTH = 0.06;
/** Highs and lows around a circle of latitude; they move on from date to date, so that every place has clear days. */
const LOWS = 2;

/** How dense clouds are at a place on a date, as a factor: smooth, `HIGH_STRENGTH` to `LOW_STRENGTH`. */
function strengthAt(lng: number, lat: number, dateIndex: number): number {
  const turn = (2 * Math.PI * dateIndex) / WEATHER.length;
  const bend = 1.2 * Math.sin(lat * 2 + dateIndex);
  const wave = 0.5 + 0.5 * Math.cos(LOWS * lng + turn + bend);
  const t = Math.min(1, Math.max(0, (wave - 0.42) / 0.4));
  return HIGH_STRENGTH + (LOW_STRENGTH - HIGH_STRENGTH) * t * t * (3 - 2 * t);
}

/** Light that a cloud takes from the ground beside it, at most. */
const SHADOW = 0.35;
/** Where a cloud's shadow falls, in pixels to the east and south: the sun of a morning orbit stands in the north-west. */
const SHADOW_SHIFT = 3;
/** A cloud is not quite white. */
const CLOUD_RGB = [246, 248, 250] as const;

/** Reads NASA's Blue Marble and the cloud layer from the npm package three-globe. */
export async function loadEarth(): Promise<Earth> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('three-globe')), '..', 'example');
  const [ground, clouds] = await Promise.all([
    sharp(join(folder, 'img', 'earth-blue-marble.jpg'))
      .removeAlpha()
      .raw()
      .toBuffer(),
    sharp(join(folder, 'clouds', 'clouds.png'))
      .extractChannel('alpha')
      .raw()
      .toBuffer(),
  ]);
  if (ground.length !== PIXELS * 3 || clouds.length !== PIXELS) {
    throw new Error(`three-globe's pictures are not ${EARTH_WIDTH} × ${EARTH_HEIGHT} pixels any more`);
  }
  return { ground, clouds };
}

function cloudsOf(earth: Earth, dateIndex: number): Uint8Array {
  const weather = WEATHER[dateIndex]!;
  const clouds = new Uint8Array(PIXELS);
  const shift = Math.round(weather.turn * EARTH_WIDTH);
  for (let row = 0; row < EARTH_HEIGHT; row += 1) {
    const from = (weather.mirrorLat ? EARTH_HEIGHT - 1 - row : row) * EARTH_WIDTH;
    const lat = (90 - (row + 0.5) * EARTH_RESOLUTION) * RADIANS;
    let strength = 0;
    for (let col = 0; col < EARTH_WIDTH; col += 1) {
      // The strength is smooth: one value for 16 pixels of a row will do.
      if (col % 16 === 0) strength = strengthAt((col + 8) * EARTH_RESOLUTION * RADIANS, lat, dateIndex);
      const turned = (col + shift) % EARTH_WIDTH;
      const alpha = earth.clouds[from + (weather.mirrorLng ? EARTH_WIDTH - 1 - turned : turned)]!;
      clouds[row * EARTH_WIDTH + col] = Math.min(255, Math.round(alpha * strength));
    }
  }
  return clouds;
}

/** The world on one date: the ground, under that date's clouds and beside their shadows. */
export function viewOnDate(earth: Earth, dateIndex: number): View {
  const clouds = cloudsOf(earth, dateIndex);
  const rgb = new Uint8Array(PIXELS * 3);
  for (let row = 0; row < EARTH_HEIGHT; row += 1) {
    const shadowRow = Math.max(0, row - SHADOW_SHIFT) * EARTH_WIDTH;
    for (let col = 0; col < EARTH_WIDTH; col += 1) {
      const pixel = row * EARTH_WIDTH + col;
      const cover = clouds[pixel]! / 255;
      const shadow = clouds[shadowRow + ((col - SHADOW_SHIFT + EARTH_WIDTH) % EARTH_WIDTH)]! / 255;
      const light = (1 - SHADOW * shadow) * (1 - cover);
      for (let band = 0; band < 3; band += 1) {
        const value = earth.ground[pixel * 3 + band]! * light + CLOUD_RGB[band]! * cover;
        // 0 is the scenes' nodata: what was seen is at least 1.
        rgb[pixel * 3 + band] = Math.max(1, Math.round(value));
      }
    }
  }
  return { rgb, clouds };
}
