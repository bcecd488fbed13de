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
}

/** Segments kept while their zooms take turns: one for each zoom that a metatile gives, and some more. */
const MAX_KEPT = 32;

/**
 * Joins segments to an archive. Every segment is read once to see which zooms it has, and once more for each of them; the
 * large tiles are never read here but copied where they lie, as long stretches as there are.
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
  const kept = new Map<string, Segment>();
  for (const { name, z } of stretches) {
    signal.throwIfAborted();
    const segment = kept.get(name) ?? (await source.read(name));
    kept.delete(name);
    kept.set(name, segment);
    const [oldest] = kept.keys();
    if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
    await addStretch(
      segment.tiles.filter(({ tileId }) => tileFromTileId(tileId).z === z),
      writer,
      (offset) => source.place(name, offset),
    );
  }
  return await writer.finish(description);
}

async function findStretches<Place>(
  source: SegmentSource<Place>,
  signal: AbortSignal,
): Promise<{ readonly stretches: readonly Stretch[]; readonly tiles: number }> {
  const stretches: Stretch[] = [];
  let tiles = 0;
  for await (const name of source.list()) {
    signal.throwIfAborted();
    const segment = await source.read(name);
    let zoom = -1;
    for (const { tileId } of segment.tiles) {
      const { z } = tileFromTileId(tileId);
      if (z !== zoom) stretches.push({ name, z, firstId: tileId });
      zoom = z;
    }
    tiles += segment.tiles.length;
  }
  return { stretches: stretches.sort((a, b) => a.firstId - b.firstId), tiles };
}

/** Adds tiles in their order: large ones that follow each other together. */
async function addStretch<Place>(
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
