import { parseTilesetRequest } from '../../jobs/request/tileset-request.ts';
import type { TilesetRequestInput } from '../../jobs/request/tileset-request.ts';
import { isTilerError } from '../../src/errors.ts';

/** A request in which nothing is wrong. */
export const REQUEST: TilesetRequestInput = {
  mosaic: { type: 'stac', url: 'http://127.0.0.1:7822/search', query: { collections: ['sentinel-2-l2a'] } },
  area: { bbox: [15, 45.06, 16.46, 46.96] },
  minzoom: 6,
  maxzoom: 11,
  assets: ['red', 'green', 'blue'],
  output: 'out/s2-33TW',
};

/** The problems that a request has, a line each; none if it is right. */
export function problemsOf(input: unknown): readonly string[] {
  try {
    parseTilesetRequest(input);
    return [];
  } catch (error) {
    if (!isTilerError(error) || error.code !== 'REQUEST_INVALID') {
      throw error;
    }
    const [, ...lines] = error.message.split('\n');
    return lines.map((line) => line.trim());
  }
}
