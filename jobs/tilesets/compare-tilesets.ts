import type { TileChange } from '../../src/store/records/diff-records.ts';
import { openRecords } from '../../src/store/records/write-records.ts';
import type { StoreCallOptions } from '../../src/store/tile-store.ts';
import { diffTilesets } from '../../src/store/verify/diff-tilesets.ts';
import type { ComparedTileset } from '../../src/store/verify/diff-tilesets.ts';
import type { FoundTiles, TilesetTiles } from '../../src/store/verify/tileset-tiles.ts';
import { openTileset } from './open-tileset.ts';
import type { OpenTileset, OpenTilesetOptions } from './open-tileset.ts';
import { openTiles } from './open-tiles.ts';

/**
 * Tiles that differ between two tilesets, each named as `openTileset` takes it.
 *
 * @throws TilerError those of `openTileset`, `openTiles` and `diffTilesets`
 */
export async function* compareTilesets(
  [one, other]: readonly [string, string],
  options: OpenTilesetOptions,
): AsyncGenerator<TileChange, void, undefined> {
  await using from = await openTileset(one, options);
  await using to = await openTileset(other, options);
  // Records alone may tell, and then no tile is looked at.
  await using before = tilesLater(from);
  await using after = tilesLater(to);
  yield* diffTilesets(await comparedOf(from, before, options), await comparedOf(to, after, options), options);
}

async function comparedOf(
  { version, objects }: OpenTileset,
  tiles: TilesetTiles,
  options: StoreCallOptions,
): Promise<ComparedTileset> {
  return {
    tiles,
    records: version === null ? null : await openRecords(objects, version, options),
    requestHash: version?.requestHash ?? null,
  };
}

/** Tiles that are opened once they are asked for. */
function tilesLater(tileset: OpenTileset): TilesetTiles {
  let opening: Promise<TilesetTiles | null> | null = null;
  const open = async (options: StoreCallOptions): Promise<TilesetTiles | null> =>
    await (opening ??= openTiles(tileset, options));
  const archive = tileset.version?.archive ?? tileset.archive;
  return {
    label: archive === null ? tileset.label : `${tileset.objects.label}/${archive}`,
    bbox: null,
    async *tiles(options): AsyncGenerator<FoundTiles> {
      yield* (await open(options))?.tiles(options) ?? [];
    },
    find: async (tileId, options) => (await (await open(options))?.find(tileId, options)) ?? null,
    read: async (tile, options) => (await (await open(options))?.read(tile, options)) ?? null,
    async [Symbol.asyncDispose]() {
      await (await opening)?.[Symbol.asyncDispose]();
    },
  };
}
