import { resolve } from 'node:path';
import { TilerError } from '../../src/errors.ts';
import type { StoreCallOptions } from '../../src/store/tile-store.ts';
import { TILEJSON_NAME, parseTileJson } from '../../src/store/tilejson.ts';
import type { TileJson } from '../../src/store/tilejson.ts';
import { ArchiveTiles } from '../../src/store/verify/archive-tiles.ts';
import { objectSource } from '../../src/store/verify/object-source.ts';
import { ObjectTiles } from '../../src/store/verify/object-tiles.ts';
import type { TilesetTiles } from '../../src/store/verify/tileset-tiles.ts';
import { readDocument } from './open-tileset.ts';
import type { OpenTileset } from './open-tileset.ts';

/** The TileJSON of a tileset; null if it has none, or one of another make. */
export async function readTileJson(tileset: OpenTileset, options: StoreCallOptions): Promise<TileJson | null> {
  const text = await readDocument(tileset, TILEJSON_NAME, options);
  return text === null ? null : parseTileJson(text);
}

/**
 * Opens the tiles of a tileset, in the version that was asked for; null for a version without any.
 *
 * @throws TilerError `REQUEST_INVALID` if there are none, `ARCHIVE_INVALID`, and those of the place
 */
export async function openTiles(tileset: OpenTileset, options: StoreCallOptions): Promise<TilesetTiles | null> {
  const { kind, objects, version, label } = tileset;
  const archive = version === null ? tileset.archive : version.archive;
  if (kind === 'folder') return await openFolder(tileset, options);
  if (archive === null) return null;
  if (kind === 'pmtiles') return await ArchiveTiles.open(objectSource(objects, archive), options);
  const { openForeignMbtiles } = await import('../../src/store/mbtiles/foreign-mbtiles.ts');
  const reader = await openForeignMbtiles(resolve(objects.label, archive), options);
  if (reader === null) throw new TilerError('REQUEST_INVALID', `Opening ${label}: it is not there`);
  const { MbtilesTiles } = await import('../../src/store/verify/mbtiles-tiles.ts');
  return new MbtilesTiles(reader);
}

async function openFolder(tileset: OpenTileset, options: StoreCallOptions): Promise<TilesetTiles | null> {
  const { objects, version, label } = tileset;
  const said = await readTileJson(tileset, options);
  // Where records say which tiles there are, no bounds are needed.
  if (said !== null) return new ObjectTiles(objects, { extension: said.format, bbox: said.bounds });
  const { lookForTiles } = await import('../preview/look-for-tiles.ts');
  const found = await lookForTiles(objects, options);
  if (found !== null) return new ObjectTiles(objects, { extension: found.extension, bbox: null });
  if (version !== null) return null;
  throw new TilerError('REQUEST_INVALID', `Opening ${label}: found no tiles named z/x/y there`);
}
