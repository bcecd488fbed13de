import { directoryToBytes } from './directory.ts';
import { EntryList } from './entries.ts';
import type { EntryTable } from './entries.ts';
import { MAX_ROOT_BYTES } from './header.ts';

/** Up to so many entries are tried without leaves. */
const MAX_ENTRIES_OF_ROOT = 16_384;
const MIN_ENTRIES_OF_LEAF = 4_096;

/** Leaves that a root holds in any case: their entries take 4 to 5 bytes, compressed. */
const LEAVES_OF_ROOT = 3_500;
const LEAF_GROWTH = 1.2;

/** The directories of an archive, compressed. */
export interface Directories {
  /** At most `MAX_ROOT_BYTES`. */
  readonly root: Uint8Array;
  /** One behind the other; none if the root holds all entries. */
  readonly leaves: readonly Uint8Array[];
  readonly leafBytes: number;
}

/**
 * Lays the entries of an archive out: in the root if they fit, else in leaves of one level, all of the same number of
 * entries, which grows until the root that points to them fits.
 */
export function layOutDirectories(entries: EntryTable): Directories {
  if (entries.count < MAX_ENTRIES_OF_ROOT) {
    const root = directoryToBytes(entries);
    if (root.length <= MAX_ROOT_BYTES) return { root, leaves: [], leafBytes: 0 };
  }
  for (let size = Math.max(MIN_ENTRIES_OF_LEAF, entries.count / LEAVES_OF_ROOT); ; size *= LEAF_GROWTH) {
    const found = withLeaves(entries, Math.ceil(size));
    if (found.root.length <= MAX_ROOT_BYTES) return found;
  }
}

function withLeaves(entries: EntryTable, size: number): Directories {
  const pointers = new EntryList(Math.ceil(entries.count / size));
  const leaves: Uint8Array[] = [];
  let leafBytes = 0;
  for (let from = 0; from < entries.count; from += size) {
    const leaf = directoryToBytes(entries, from, Math.min(entries.count, from + size));
    pointers.push(entries.tileIds[from]!, leafBytes, leaf.length, 0);
    leaves.push(leaf);
    leafBytes += leaf.length;
  }
  return { root: directoryToBytes(pointers), leaves, leafBytes };
}
