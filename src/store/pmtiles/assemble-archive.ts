import { TilerError } from '../../errors.ts';
import { tileFromTileId } from '../../tms/tile-id.ts';
import type { ArchiveDescription, ArchiveSummary, ArchiveWriter } from './archive-writer.ts';
import type { Segment, SegmentTile } from './segment.ts';

/** What an archive is made of. `Place` says where bytes lie, to whoever copies them. */
export interface SegmentSource<Place> {
  /** Names of all segments, in any order. */
  list(): AsyncIterable<string>;
  /** @throws TilerError `ARCHIVE_INVALID`, and those of the store */
  read(name: string): Promise<Segment>;
  place(name: string, offset: number): Place;
}

/** Tiles of one zoom of one segment: their tile IDs lie between those of others. */
interface Stretch {
  readonly name: string;
  readonly z: number;
  readonly firstId: number;
  /** All of them, if they are large and nothing of them is needed but where they lie; 12 bytes a tile. */
  readonly placed: { readonly tileIds: Float64Array; readonly lengths: Uint32Array; readonly offset: number } | null;
  /** All of them, if some are small and there was room to keep these; otherwise they are read again. */
  readonly tiles: readonly SegmentTile[] | null;
}

/** Segments read at a time: each is one request. */
const READS_AT_ONCE = 16;

/** Bytes of small tiles that are kept from the first reading on. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/**
 * Joins segments to an archive. Every index is read once, and once more for each zoom with small tiles that could not be
 * kept; large tiles are never read here but copied where they lie, as long stretches as there are.
 *
 * @param expected - tiles that there must be, so that a lost segment is not a hole
 * @throws TilerError `ARCHIVE_INVALID` for segments that overlap, are damaged, or have not as many tiles; and those of the
 * source and of the sink
 */
export async function assembleArchive<Place>(
  source: SegmentSource<Place>,
  writer: ArchiveWriter<Place>,
  description: ArchiveDescription,
  { expected, signal }: { readonly expected: number; readonly signal: AbortSignal },
): Promise<ArchiveSummary> {
  const { stretches, tiles } = await findStretches(source, signal);
  if (tiles !== expected) {
    throw new TilerError(
      'ARCHIVE_INVALID',
      `Assembling an archive: found ${tiles} tiles in its segments, expected ${expected}; --force begins anew`,
    );
  }
  for (const { name, z, placed, tiles: kept } of stretches) {
    signal.throwIfAborted();
    const placeAt = (offset: number): Place => source.place(name, offset);
    if (placed !== null) await writer.addPlaced(placed.tileIds, placed.lengths, placeAt(placed.offset));
    else await addTiles(kept ?? tilesOfZoom(await source.read(name), z), writer, placeAt);
  }
  return await writer.finish(description);
}

async function findStretches<Place>(
  source: SegmentSource<Place>,
  signal: AbortSignal,
): Promise<{ readonly stretches: readonly Stretch[]; readonly tiles: number }> {
  const stretches: Stretch[] = [];
  let tiles = 0;
  let keptBytes = 0;
  const look = async (name: string): Promise<void> => {
    const segment = await source.read(name);
    tiles += segment.tiles.length;
    for (const z of new Set(segment.tiles.map(({ tileId }) => tileFromTileId(tileId).z))) {
      const stretch = stretchOf(name, z, tilesOfZoom(segment, z), MAX_KEPT_BYTES - keptBytes);
      for (const { bytes } of stretch.tiles ?? []) keptBytes += bytes?.length ?? 0;
      stretches.push(stretch);
    }
  };
  let names: string[] = [];
  for await (const name of source.list()) {
    signal.throwIfAborted();
    names.push(name);
    if (names.length < READS_AT_ONCE) continue;
    await Promise.all(names.map(look));
    names = [];
  }
  await Promise.all(names.map(look));
  return { stretches: stretches.sort((a, b) => a.firstId - b.firstId), tiles };
}

/** @param roomBytes - for small tiles */
function stretchOf(name: string, z: number, tiles: readonly SegmentTile[], roomBytes: number): Stretch {
  const [first] = tiles;
  const common = { name, z, firstId: first?.tileId ?? 0 };
  const smallBytes = tiles.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0);
  if (first !== undefined && tiles.every(({ bytes }) => bytes === null)) {
    const tileIds = Float64Array.from(tiles, ({ tileId }) => tileId);
    const lengths = Uint32Array.from(tiles, ({ length }) => length);
    return { ...common, placed: { tileIds, lengths, offset: first.offset ?? 0 }, tiles: null };
  }
  if (smallBytes > roomBytes) return { ...common, placed: null, tiles: null };
  // Copies, as what was read with them is not needed.
  const kept = tiles.map((tile) => (tile.bytes === null ? tile : { ...tile, bytes: tile.bytes.slice() }));
  return { ...common, placed: null, tiles: kept };
}

function tilesOfZoom({ tiles }: Segment, zoom: number): readonly SegmentTile[] {
  return tiles.filter(({ tileId }) => tileFromTileId(tileId).z === zoom);
}

/** Adds tiles in their order: large ones that follow each other together. */
async function addTiles<Place>(
  tiles: readonly SegmentTile[],
  writer: ArchiveWriter<Place>,
  placeAt: (offset: number) => Place,
): Promise<void> {
  let from = 0;
  while (from < tiles.length) {
    const first = tiles[from]!;
    if (first.bytes !== null) {
      await writer.add(first.tileId, first.bytes);
      from++;
      continue;
    }
    let to = from + 1;
    while (to < tiles.length && tiles[to]!.bytes === null) to++;
    const group = tiles.slice(from, to);
    await writer.addPlaced(
      group.map(({ tileId }) => tileId),
      group.map(({ length }) => length),
      placeAt(first.offset),
    );
    from = to;
  }
}
