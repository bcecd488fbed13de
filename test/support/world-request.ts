import { parseTilesetRequest } from '../../jobs/request/tileset-request.ts';
import type { TilesetRequest } from '../../jobs/request/tileset-request.ts';

/** A request for the whole world, a metatile for each tile, of a catalog that nobody asks. @param fields - go over it */
export function worldRequest(fields: Readonly<Record<string, unknown>>): TilesetRequest {
  return parseTilesetRequest({
    mosaic: { type: 'stac', url: 'http://127.0.0.1:1/search' },
    area: { bbox: [-180, -85, 180, 85] },
    minzoom: 0,
    maxzoom: 4,
    metatileSize: 1,
    assets: ['visual'],
    ...fields,
  });
}
