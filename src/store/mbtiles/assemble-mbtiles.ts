import { setImmediate as nextTurn } from 'node:timers/promises';
import { digestOf } from '../../digest.ts';
import { TilerError } from '../../errors.ts';
import { firstTileId, tileFromTileId, zoomOfTileId } from '../../tms/tile-id.ts';
import { loadChunks } from '../pmtiles/load-chunks.ts';
import type { Segment, SegmentTile } from '../pmtiles/segment.ts';
import type { MetatileRecord, TileRecord } from '../records/metatile-record.ts';
import type { StoreCallOptions } from '../tile-store.ts';
import type { MbtilesWriter } from './mbtiles-writer.ts';

/** What an MBTiles file is made of: the records of all metatiles, and the tiles that they tell of. */
export interface MbtilesSource {
  /** Of the whole tileset, in any order. */
  readonly records: () => AsyncIterable<MetatileRecord>;
  readonly recordAt: (index: number) => Promise<MetatileRecord | null>;
  /** What a metatile has staged; null = nothing, and its tiles are those of the file before. */
  readonly segment: (index: number) => Promise<Segment | null>;
  /** Bytes of the object of a segment. */
  readonly read: (index: number, offset: number, length: number) => Promise<Uint8Array | null>;
  /** A tile of the file before, by its tile ID. */
  readonly tileBefore: (tileId: number) => Uint8Array | null;
}

/** A tile on its way. */
interface ReadTile {
  readonly tileId: number;
  readonly bytes: Uint8Array;
}

/** Metatiles being read ahead of the one that is written. */
const READ_AHEAD = 4;

/** Tiles that are inserted or read from the file before at a time, each some microseconds. */
const TILES_AT_ONCE = 128;

/**
 * Writes the tiles of a tileset by ascending tile ID, each compared with its record. Keeps 16 bytes for each zoom of each
 * metatile, and the tiles of some metatiles. The caller finishes the file.
 *
 * @throws TilerError `ARCHIVE_INVALID` if a tile is not there, is not the one of its record, or is there twice
 */
export async function assembleMbtiles(
  source: MbtilesSource,
  writer: MbtilesWriter,
  options: StoreCallOptions,
): Promise<void> {
  const stretches = await findStretches(source, options);
  const ahead: Promise<readonly ReadTile[]>[] = [];
  for (let at = 0; at < stretches.length; at++) {
    while (ahead.length < READ_AHEAD && at + ahead.length < stretches.length) {
      const reading = readStretch(stretches[at + ahead.length]!, source, options);
      // Whoever awaits it learns of its failure; nobody may come to that.
      reading.catch(() => {});
      ahead.push(reading);
    }
    await addTiles((await ahead.shift()) ?? [], writer, options);
  }
}

/** The tiles of one zoom of one metatile: their tile IDs lie between those of others. */
interface Stretch {
  readonly index: number;
  readonly firstId: number;
}

async function findStretches({ records }: MbtilesSource, { signal }: StoreCallOptions): Promise<readonly Stretch[]> {
  const stretches: Stretch[] = [];
  for await (const { index, tiles } of records()) {
    signal.throwIfAborted();
    let zoomEnd = 0;
    for (const { tileId } of tiles) {
      if (tileId < zoomEnd) continue;
      stretches.push({ index, firstId: tileId });
      zoomEnd = firstTileId(zoomOfTileId(tileId) + 1);
    }
  }
  return stretches.sort((a, b) => a.firstId - b.firstId);
}

async function readStretch(
  { index, firstId }: Stretch,
  source: MbtilesSource,
  options: StoreCallOptions,
): Promise<readonly ReadTile[]> {
  const z = zoomOfTileId(firstId);
  const [zoomStart, zoomEnd] = [firstTileId(z), firstTileId(z + 1)];
  const ofZoom = <T extends { readonly tileId: number }>(tiles: readonly T[]): readonly T[] =>
    tiles.filter(({ tileId }) => tileId >= zoomStart && tileId < zoomEnd);
  const segment = await source.segment(index);
  const rendered = segment?.staged.kind === 'rendered' ? segment.staged.record : null;
  const record = rendered ?? (await source.recordAt(index));
  if (record === null) throw invalid(`the metatile ${index}`, 'found no record of it');
  const expected = ofZoom(record.tiles);
  const found =
    segment !== null && rendered !== null
      ? await readSegmentTiles(index, ofZoom(segment.tiles), source)
      : await readTilesBefore(expected, source, options);
  checkTiles(index, found, expected);
  return found;
}

/** Tiles of one zoom lie one behind the other, except contents that several have. */
async function readSegmentTiles(
  index: number,
  tiles: readonly SegmentTile[],
  { read }: MbtilesSource,
): Promise<readonly ReadTile[]> {
  const lengths = new Map(tiles.map(({ offset, length }) => [offset, length]));
  const chunks = [...lengths]
    .sort(([a], [b]) => a - b)
    .map(([offset, length]) => ({ place: { path: '', offset }, length }));
  const total = chunks.reduce((sum, { length }) => sum + length, 0);
  const bytes = await loadChunks(chunks, total, async ({ offset }, length) => {
    const found = await read(index, offset, length);
    if (found?.length !== length) throw invalid(`the metatile ${index}`, 'what it has staged is gone, or cut off');
    return found;
  });
  const contents = new Map<number, Uint8Array>();
  let at = 0;
  for (const { place, length } of chunks) contents.set(place.offset, bytes.subarray(at, (at += length)));
  return tiles.map(({ tileId, offset }) => ({ tileId, bytes: contents.get(offset) ?? new Uint8Array() }));
}

async function readTilesBefore(
  tiles: readonly TileRecord[],
  { tileBefore }: MbtilesSource,
  { signal }: StoreCallOptions,
): Promise<readonly ReadTile[]> {
  const found: ReadTile[] = [];
  for (const { tileId } of tiles) {
    if (found.length % TILES_AT_ONCE === 0) await nextTurn(undefined, { signal });
    const bytes = tileBefore(tileId);
    if (bytes === null) throw invalid(nameOf(tileId), 'it is not in the file before');
    found.push({ tileId, bytes });
  }
  return found;
}

function checkTiles(index: number, found: readonly ReadTile[], expected: readonly TileRecord[]): void {
  if (found.length !== expected.length) {
    throw invalid(`the metatile ${index}`, `found ${found.length} tiles, its record has ${expected.length}`);
  }
  for (const [at, { tileId, bytes }] of found.entries()) {
    const record = expected[at]!;
    const digest = digestOf(bytes);
    if (record.tileId === tileId && record.digest === digest) continue;
    throw invalid(nameOf(tileId), `its digest is ${digest}, expected ${record.digest} of ${nameOf(record.tileId)}`);
  }
}

async function addTiles(
  tiles: readonly ReadTile[],
  writer: MbtilesWriter,
  { signal }: StoreCallOptions,
): Promise<void> {
  for (let at = 0; at < tiles.length; at++) {
    const { tileId, bytes } = tiles[at]!;
    if (at % TILES_AT_ONCE === 0) await nextTurn(undefined, { signal });
    writer.add(tileId, bytes);
  }
}

function nameOf(tileId: number): string {
  const { z, x, y } = tileFromTileId(tileId);
  return `the tile ${z}/${x}/${y}`;
}

function invalid(what: string, found: string): TilerError {
  return new TilerError('ARCHIVE_INVALID', `Assembling an MBTiles file, ${what}: ${found}; --force begins anew`);
}
