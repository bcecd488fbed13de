import { basename } from 'node:path';
import type { Bbox } from '../src/geo/bbox.ts';
import { normalisePolygon } from '../src/geo/polygon.ts';
import type {
  TilesetDescription,
  TilesetDocumentsInput,
  UsedScene,
} from '../src/store/documents/tileset-description.ts';
import type { TilesetVersion } from '../src/store/versions.ts';
import { parseStoreLocation } from '../src/store/open-store.ts';
import { createRequestEncoder } from './open-output.ts';
import type { TilesetRequest } from './request/tileset-request.ts';

export interface FinishedDescription {
  /** Of the plan. */
  readonly bbox: Bbox;
  readonly requestHash: string;
  /** Null if tiles failed. */
  readonly version: TilesetVersion | null;
  /** Of Tilewright. */
  readonly softwareVersion: string;
  /** See `usedScenes`. */
  readonly scenes: AsyncIterable<UsedScene> | Iterable<UsedScene>;
}

/** What a request says of its tileset. */
function describeTileset(request: TilesetRequest, bbox: Bbox): TilesetDescription {
  const { name = 'tileset', description, attribution, minzoom, maxzoom, tileSize, area } = request;
  const { extension, contentType } = createRequestEncoder(request);
  const geometry = 'geometry' in area ? normalisePolygon(area.geometry) : null;
  return {
    name,
    description,
    attribution,
    minzoom,
    maxzoom,
    bbox,
    geometry,
    extension,
    contentType,
    tileSize,
  };
}

/** What `tilesetDocuments` needs to know of the tileset of a request. */
export function documentsInputOf(request: TilesetRequest, finished: FinishedDescription): TilesetDocumentsInput {
  const { bbox, requestHash, version, softwareVersion, scenes } = finished;
  const { archive } = parseStoreLocation(request.output);
  const datetime = request.mosaic.query['datetime'];
  return {
    tileset: describeTileset(request, bbox),
    place: { archive: archive === undefined ? null : basename(archive), publicUrl: request.publicUrl ?? null },
    version,
    origin: {
      requestHash,
      stacUrl: request.mosaic.url,
      datetime: typeof datetime === 'string' ? datetime : null,
      softwareVersion,
      scenes,
    },
  };
}
