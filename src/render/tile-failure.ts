import { assetOf } from '../errors.ts';
import type { TilerError } from '../errors.ts';
import type { Tile } from '../tms/tile.ts';
import type { TileFailure } from './tile-renderer.ts';

/** What a report says of a tile that failed. */
export function tileFailureOf(tile: Tile, { code, message, retryAfterMs, context }: TilerError): TileFailure {
  return { tile, code, message, retryAfterMs, asset: assetOf(context) };
}
