import { loadSharp } from '../../cog/codec/load-sharp.ts';

/** The pixels of a tile as far as holes and seams are about them; row by row. */
export interface TilePicture {
  /** Pixels along each side. */
  readonly size: number;
  /** 1 = covered, 0 = nothing to be seen there; null = every pixel is covered. */
  readonly covered: Uint8Array | null;
  /** True where coverage was guessed from colour, for want of an alpha band. */
  readonly isGuessed: boolean;
  /** Brightness, 0 to 255. */
  readonly light: Uint8Array;
}

/** Pixels of a tile that are decoded at most: 4096 by 4096. */
const MAX_PIXELS = 4_096 ** 2;

/** JPEG has no alpha, and its black is not quite black near other colours: no band is above this. */
const MAX_BLACK = 16;

/**
 * Decodes a tile. A pixel is covered if its alpha is at least three quarters of the largest one of the tile, so that half
 * transparent seams count as such and half transparent layers do not; a picture without alpha is covered wholly, except for a
 * JPEG, in which black is taken for nothing.
 *
 * @returns null for what is no square picture
 */
export async function decodeTile(bytes: Uint8Array): Promise<TilePicture | null> {
  const sharp = await loadSharp();
  let decoded;
  try {
    const options = { limitInputPixels: MAX_PIXELS, failOn: 'warning' } as const;
    decoded = await sharp(bytes, options).raw().toBuffer({ resolveWithObject: true });
  } catch {
    return null;
  }
  const { data, info } = decoded;
  const { width: size, height, channels } = info;
  if (size !== height || size === 0) return null;
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  const hasAlpha = channels === 2 || channels === 4;
  const covered = hasAlpha ? coveredByAlpha(data, channels) : isJpeg ? coveredByColour(data, channels) : null;
  return { size, covered, isGuessed: isJpeg, light: lightOf(data, channels) };
}

function coveredByAlpha(data: Uint8Array, channels: number): Uint8Array | null {
  let [least, most] = [255, 0];
  for (let at = channels - 1; at < data.length; at += channels) {
    const alpha = data[at]!;
    if (alpha < least) least = alpha;
    if (alpha > most) most = alpha;
  }
  if (most > 0 && least * 4 >= most * 3) return null;
  const covered = new Uint8Array(data.length / channels);
  if (most === 0) return covered;
  for (let i = 0, at = channels - 1; i < covered.length; i++, at += channels)
    covered[i] = data[at]! * 4 >= most * 3 ? 1 : 0;
  return covered;
}

function coveredByColour(data: Uint8Array, channels: number): Uint8Array | null {
  const covered = new Uint8Array(data.length / channels);
  let count = 0;
  for (let i = 0, at = 0; i < covered.length; i++) {
    let most = 0;
    for (let band = 0; band < channels; band++) most = Math.max(most, data[at++]!);
    if (most <= MAX_BLACK) continue;
    covered[i] = 1;
    count++;
  }
  return count === covered.length ? null : covered;
}

function lightOf(data: Uint8Array, channels: number): Uint8Array {
  const light = new Uint8Array(data.length / channels);
  if (channels < 3) for (let i = 0; i < light.length; i++) light[i] = data[i * channels]!;
  else
    for (let i = 0, at = 0; i < light.length; i++, at += channels)
      light[i] = (data[at]! + 2 * data[at + 1]! + data[at + 2]!) >> 2;
  return light;
}

/** A quadrant of a tile by column and row, 0 or 1 each. */
export interface Quadrant {
  readonly column: number;
  readonly row: number;
}

/** How near to the edges of a quadrant pixels may be that its tile need not have: kernels and overviews spread that far. */
const QUADRANT_MARGIN = 4;

/** True if a quadrant has a covered pixel that is not within 4 pixels of its edges. */
export function isQuadrantCovered({ size, covered }: TilePicture, { column, row }: Quadrant): boolean {
  if (covered === null) return true;
  const half = size / 2;
  const inner = Math.max(1, half - 2 * QUADRANT_MARGIN);
  const left = column * half + (half - inner) / 2;
  const top = row * half + (half - inner) / 2;
  for (let y = Math.floor(top); y < top + inner; y++) {
    const from = y * size + Math.floor(left);
    if (covered.subarray(from, from + inner).includes(1)) return true;
  }
  return false;
}
