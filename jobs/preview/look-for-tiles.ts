import { union, WORLD_BBOX } from '../../src/geo/bbox.ts';
import type { Bbox } from '../../src/geo/bbox.ts';
import type { ObjectStore } from '../../src/store/object-store.ts';
import type { StoreCallOptions } from '../../src/store/tile-store.ts';
import { isValid } from '../../src/tms/tile.ts';
import type { Tile } from '../../src/tms/tile.ts';
import { tileBbox } from '../../src/tms/web-mercator-quad.ts';
import { lookAtPicture } from './picture.ts';

/** What tiles without any document turn out to be. */
export interface FoundTileset {
  readonly minzoom: number;
  readonly maxzoom: number;
  readonly bbox: Bbox;
  readonly extension: string;
  readonly tileSize: number;
  readonly description?: undefined;
  readonly attribution?: undefined;
}

/** What is needed of a store. */
type Objects = Pick<ObjectStore, 'get' | 'list'>;

const MAX_ZOOM = 30;

/** Paths of a zoom that are looked at: enough for the area of a country at the lowest zoom. */
const MAX_PATHS = 4_096;

const TILE_PATH = /^(0|[1-9]\d{0,9})\/(0|[1-9]\d{0,9})\/(0|[1-9]\d{0,9})\.(png|jpe?g|webp|avif|pbf|mvt)$/;

/**
 * Looks which zooms have tiles named `z/x/y`, with row 0 at the top, and of what kind; the area is that of the lowest zoom's
 * tiles. Bounded: some thousand paths, and one tile. Null if there are none.
 */
export async function lookForTiles(objects: Objects, options: StoreCallOptions): Promise<FoundTileset | null> {
  let first: FoundTile | null = null;
  let maxzoom = 0;
  for (let z = 0; z <= MAX_ZOOM; z++) {
    for await (const tile of tilesOfZoom(objects, z, options)) {
      if (first !== null && tile.extension !== first.extension) continue;
      first ??= tile;
      maxzoom = z;
      break;
    }
  }
  if (first === null) return null;
  const { z: minzoom, path, extension } = first;
  const bytes = await objects.get(path, options);
  const picture = bytes === null ? null : await lookAtPicture(bytes);
  const bbox = await areaOf(objects, first, options);
  return { minzoom, maxzoom, bbox, extension, tileSize: picture?.tileSize ?? 256 };
}

interface FoundTile extends Tile {
  readonly path: string;
  readonly extension: string;
}

async function* tilesOfZoom(
  objects: Objects,
  zoom: number,
  options: StoreCallOptions,
): AsyncGenerator<FoundTile, void, undefined> {
  let count = 0;
  const enters = (name: string): boolean => /^[0-9]+$/.test(name);
  for await (const path of objects.list(String(zoom), { ...options, enters })) {
    if (++count > MAX_PATHS) return;
    const [, z, x, y, extension] = TILE_PATH.exec(path) ?? [];
    const tile = { z: Number(z), x: Number(x), y: Number(y) };
    if (extension !== undefined && tile.z === zoom && isValid(tile)) yield { ...tile, path, extension };
  }
}

/** The box around the tiles of the zoom of one; the world if there are too many to be sure. */
async function areaOf(objects: Objects, { z, extension }: FoundTile, options: StoreCallOptions): Promise<Bbox> {
  let count = 0;
  let bbox: Bbox | null = null;
  for await (const tile of tilesOfZoom(objects, z, options)) {
    if (tile.extension !== extension) continue;
    if (++count === MAX_PATHS) return WORLD_BBOX;
    const own = tileBbox(tile);
    bbox = union(bbox === null ? [own] : [bbox, own]);
  }
  return bbox ?? WORLD_BBOX;
}
