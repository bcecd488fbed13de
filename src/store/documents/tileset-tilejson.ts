import { createTileJson } from '../tilejson.ts';
import type { TileJson } from '../tilejson.ts';
import type { TilesetVersion } from '../versions.ts';
import type { TilesetDescription } from './tileset-description.ts';

/**
 * The TileJSON document of a tileset.
 *
 * @param links.tiles - template of the tiles
 */
export function tileJsonOf(
  tileset: Omit<TilesetDescription, 'geometry'>,
  links: { readonly tiles: string; readonly version: TilesetVersion | null },
): TileJson {
  const { name, description, attribution, minzoom, maxzoom, bbox, extension, tileSize } = tileset;
  const version = links.version === null ? undefined : semanticVersion(links.version);
  const { tiles } = links;
  return createTileJson({
    name,
    description,
    attribution,
    version,
    minzoom,
    maxzoom,
    bbox,
    extension,
    tileSize,
    tiles,
  });
}

/** TileJSON wants semantic versioning, with a new minor version whenever tiles change: `1.{generation}.0+{ID}`. */
export function semanticVersion({ generation, id }: TilesetVersion): string {
  return `1.${generation}.0+${id}`;
}
