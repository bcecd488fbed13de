import type { StoreCallOptions } from '../tile-store.ts';
import type { TileIdRuns } from './tile-id-runs.ts';
import { decodeTile } from './tile-picture.ts';
import type { TilePicture } from './tile-picture.ts';
import type { FoundTiles, TilesetTiles } from './tileset-tiles.ts';

/** Tiles being read and decoded at a time. */
const CONCURRENCY = 8;

/** Contents of which the picture is kept: seas and blanks are the same bytes over and over. */
const MAX_KEPT = 16;

/** A tile with its pixels; null if it is gone, or no square picture. */
interface ReadPicture {
  readonly tileId: number;
  readonly picture: TilePicture | null;
}

/**
 * Reads and decodes the chosen tiles of a tileset, eight at a time, and gives them by ascending tile ID.
 *
 * @throws TilerError those of the tileset
 */
export async function* readPictures(
  tileset: TilesetTiles,
  chosen: TileIdRuns,
  options: StoreCallOptions,
): AsyncGenerator<ReadPicture, void, undefined> {
  const known = new Map<number, Promise<TilePicture | null>>();
  const under: { readonly tileId: number; readonly picture: Promise<TilePicture | null> }[] = [];
  const pictureOf = (tiles: FoundTiles): Promise<TilePicture | null> => {
    const kept = tiles.offset === null ? undefined : known.get(tiles.offset);
    const picture = kept ?? read(tileset, tiles, options);
    if (kept === undefined) {
      // Whoever waits for it is told of a failure; nobody may wait any more.
      picture.catch(() => {});
      if (tiles.offset !== null) known.set(tiles.offset, picture);
      const [oldest] = known.keys();
      if (known.size > MAX_KEPT && oldest !== undefined) known.delete(oldest);
    }
    return picture;
  };
  for await (const tiles of tileset.tiles(options)) {
    for (const { first, last } of chosen.within(tiles.tileId, tiles.tileId + tiles.runLength - 1)) {
      for (let tileId = first; tileId <= last; tileId++) {
        options.signal.throwIfAborted();
        const oldest = under.length === CONCURRENCY ? under.shift() : undefined;
        if (oldest !== undefined) yield { tileId: oldest.tileId, picture: await oldest.picture };
        under.push({ tileId, picture: pictureOf(tiles) });
      }
    }
  }
  for (const { tileId, picture } of under) yield { tileId, picture: await picture };
}

async function read(tileset: TilesetTiles, tiles: FoundTiles, options: StoreCallOptions): Promise<TilePicture | null> {
  const bytes = await tileset.read(tiles, options);
  return bytes === null ? null : await decodeTile(bytes);
}
