import { TilerError } from '../errors.ts';
import type { Tile } from './tile.ts';

/** A tile as a base-4 string, one digit a zoom: 0 top left, 1 top right, 2 bottom left, 3 bottom right; empty at zoom 0. */
export function quadkeyFromTile({ z, x, y }: Tile): string {
  let quadkey = '';
  for (let bit = z - 1; bit >= 0; bit--) {
    quadkey += String(((x >> bit) & 1) + 2 * ((y >> bit) & 1));
  }
  return quadkey;
}

/**
 * The tile of a quadkey.
 *
 * @throws TilerError `REQUEST_INVALID` if the text is not of 0 to 30 digits 0 to 3
 */
export function tileFromQuadkey(quadkey: string): Tile {
  if (!/^[0-3]{0,30}$/.test(quadkey)) {
    throw new TilerError('REQUEST_INVALID', `Quadkey ${JSON.stringify(quadkey)}: expected 0 to 30 digits from 0 to 3`);
  }
  let [x, y] = [0, 0];
  for (const digit of quadkey) {
    x = x * 2 + (Number(digit) & 1);
    y = y * 2 + (Number(digit) >> 1);
  }
  return { z: quadkey.length, x, y };
}
