import { createHash } from 'node:crypto';
import type { Content } from './archive-index.ts';

/** Larger tiles are hardly ever the same: those of one colour, which are, take some hundred bytes. */
export const MAX_SHARED_BYTES = 4_096;

/** Contents that are kept: 64 MiB at most. Later ones are written as often as they come. */
const MAX_CONTENTS = 16_384;

/** A content, and whether it was made just now. */
export interface Placed {
  readonly content: Content;
  readonly isNew: boolean;
}

interface Known {
  readonly content: Content;
  readonly bytes: Uint8Array;
}

/**
 * Small contents of an archive, so that the same one is written once. What is the same is found by SHA-256 and then
 * compared byte by byte. Asked in the order of the tile IDs, it depends on the tiles alone which contents are shared.
 */
export class ContentTable {
  private readonly known = new Map<string, Known>();

  /**
   * The content of some bytes: the one that holds the same already, else the one that `create` makes, which is kept if it
   * is small and there is room.
   */
  place(bytes: Uint8Array, create: () => Content): Placed {
    if (bytes.length > MAX_SHARED_BYTES) return { content: create(), isNew: true };
    const digest = createHash('sha256').update(bytes).digest('base64');
    const found = this.known.get(digest);
    if (found !== undefined && Buffer.compare(found.bytes, bytes) === 0)
      return { content: found.content, isNew: false };
    const content = create();
    if (found === undefined && this.known.size < MAX_CONTENTS)
      this.known.set(digest, { content, bytes: bytes.slice() });
    return { content, isNew: true };
  }
}
