import { digestOf } from '../../src/digest.ts';
import { FOOTER_BYTES, parseSegment, segmentToBytes } from '../../src/store/pmtiles/segment.ts';
import type { Segment } from '../../src/store/pmtiles/segment.ts';
import type { MetatileRecord } from '../../src/store/records/metatile-record.ts';
import type { StagedMetatile } from '../../src/store/tile-store.ts';
import { tileFromTileId } from '../../src/tms/tile-id.ts';
import type { IdentifiedTile } from './memory-archive.ts';

/** What became of a metatile: its tiles, and the IDs of those that are empty. */
export interface MadeMetatile {
  readonly index: number;
  readonly tiles: readonly IdentifiedTile[];
  readonly empty: readonly number[];
}

/** The record of a metatile, of no scene. */
export function recordOf({ index, tiles, empty }: MadeMetatile): MetatileRecord {
  const sorted = [...tiles].sort((a, b) => a.tileId - b.tileId);
  return {
    index,
    inputs: { signature: digestOf(String(index)), scenes: [], children: [] },
    tiles: sorted.map(({ tileId, bytes }) => ({ tileId, length: bytes.length, digest: digestOf(bytes) })),
    empty: [...empty].sort((a, b) => a - b),
    failed: [],
  };
}

/** The object that a metatile stages, and what is read of it. */
export function stage(
  metatile: MadeMetatile,
  kind: 'rendered' | 'kept',
): { readonly object: Uint8Array; readonly segment: Segment } {
  const staged: StagedMetatile = { kind, record: recordOf(metatile) };
  const object = segmentToBytes(kind === 'kept' ? [] : metatile.tiles, staged);
  return { object, segment: segmentOf(object) };
}

/** Reads the object of a segment. */
export function segmentOf(object: Uint8Array): Segment {
  const footer = object.subarray(-FOOTER_BYTES);
  const view = Buffer.from(footer.buffer, footer.byteOffset, footer.length);
  const body = view.readUInt32LE(4) + view.readUInt32LE(8);
  const end = object.length - FOOTER_BYTES;
  return parseSegment(object.subarray(end - body, end), footer, 'made');
}

/** The square of 2^depth by 2^depth tiles, in bands of `depth` zooms, that metatiles of all tiles would have. */
export function squareOf(tileId: number, depth: number): string {
  const { z, x, y } = tileFromTileId(tileId);
  const top = Math.floor(z / depth) * depth;
  return `${top}/${Math.floor(x / 2 ** (z - top))}/${Math.floor(y / 2 ** (z - top))}`;
}
