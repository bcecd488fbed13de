import { directoryToBytes, packDirectory } from './directory.ts';
import { EntryList } from './entries.ts';
import type { EntryLog } from './entry-log.ts';
import { MAX_ROOT_BYTES } from './header.ts';
import { PieceList } from './piece-list.ts';
import { VarintWriter } from './varint.ts';
import type { Spill } from './spill.ts';

/** Up to so many entries are tried without leaves. */
const MAX_ENTRIES_OF_ROOT = 16_384;
const MIN_ENTRIES_OF_LEAF = 4_096;

/** Leaves that a root holds in any case: their entries take 4 to 5 bytes, compressed. */
const LEAVES_OF_ROOT = 3_500;
const LEAF_GROWTH = 1.2;

/** Leaves that are compressed at a time: zlib works on threads of its own. */
const LEAVES_AT_ONCE = 4;

/** The directories of an archive, compressed. */
export interface Directories {
  /** At most `MAX_ROOT_BYTES`. */
  readonly root: Uint8Array;
  /** One behind the other; none if the root holds all entries. */
  readonly leaves: PieceList;
}

/**
 * Lays the entries of an archive out: in the root if they fit, else in leaves of one level, all of the same number of
 * entries, which grows until the root that points to them fits.
 */
export async function layOutDirectories(entries: EntryLog, spill: Spill): Promise<Directories> {
  if (entries.count < MAX_ENTRIES_OF_ROOT) {
    const table = new EntryList(entries.count);
    entries.copyTo(table, 0, entries.count);
    const root = directoryToBytes(table);
    if (root.length <= MAX_ROOT_BYTES) return { root, leaves: new PieceList(spill) };
  }
  for (let size = Math.max(MIN_ENTRIES_OF_LEAF, entries.count / LEAVES_OF_ROOT); ; size *= LEAF_GROWTH) {
    const found = await withLeaves(entries, Math.ceil(size), spill);
    if (found.root.length <= MAX_ROOT_BYTES) return found;
  }
}

async function withLeaves(entries: EntryLog, size: number, spill: Spill): Promise<Directories> {
  const pointers = new EntryList(Math.ceil(entries.count / size));
  // One for all leaves: what is thrown away stays in memory for long, as it is not on the heap.
  const table = new EntryList(size);
  const writers = Array.from({ length: LEAVES_AT_ONCE }, () => new VarintWriter(size * 8));
  const leaves = new PieceList(spill);
  const underWay: { readonly firstId: number; readonly packed: Promise<Uint8Array> }[] = [];
  const takeOne = async (): Promise<void> => {
    const next = underWay.shift();
    if (next === undefined) return;
    const leaf = await next.packed;
    pointers.push(next.firstId, leaves.bytes, leaf.length, 0);
    leaves.push(leaf);
  };
  for (let from = 0; from < entries.count; from += size) {
    entries.copyTo(table, from, Math.min(entries.count, from + size));
    const writer = writers[(from / size) % LEAVES_AT_ONCE]!;
    underWay.push({ firstId: table.tileIds[0]!, packed: packDirectory(table, writer) });
    if (underWay.length >= LEAVES_AT_ONCE) await takeOne();
  }
  while (underWay.length > 0) await takeOne();
  return { root: directoryToBytes(pointers), leaves };
}
