import { digestOf } from '../../digest.ts';
import type { Content } from './archive-index.ts';

/** Larger tiles are hardly ever the same: those of one colour, which are, take some hundred bytes. */
export const MAX_SHARED_BYTES = 4_096;

/** Contents that are known: some 10 MB. Later ones are written as often as they come. */
export const MAX_CONTENTS = 65_536;

/** A content, and whether it was made just now. */
export interface Placed<C = Content> {
  readonly content: C;
  readonly isNew: boolean;
}

/**
 * Small contents of an archive, so that the same one is written once. What is the same is known by the first 128 bits of its
 * SHA-256, as records have it, so that nothing is read to compare it. Asked in the order of the tile IDs, it depends on the
 * tiles alone which contents are shared.
 */
export class ContentTable<C = Content> {
  private readonly known = new Map<string, C>();
  private readonly maxContents: number;

  constructor(maxContents = MAX_CONTENTS) {
    this.maxContents = maxContents;
  }

  /**
   * The content of some bytes: the one that holds the same already, else the one that `create` makes, which is kept if it
   * is small and there is room.
   */
  place(bytes: Uint8Array, create: () => C): Placed<C> {
    if (bytes.length > MAX_SHARED_BYTES) return { content: create(), isNew: true };
    const digest = digestOf(bytes);
    const found = this.known.get(digest);
    if (found !== undefined) return { content: found, isNew: false };
    const content = create();
    this.keep(digest, content);
    return { content, isNew: true };
  }

  /** The content of a digest, or of another key that stands for one content; undefined = not known. */
  find(digest: string): C | undefined {
    return this.known.get(digest);
  }

  /** @returns false if there is no room: it is not known then */
  keep(digest: string, content: C): boolean {
    if (this.known.size >= this.maxContents) return false;
    this.known.set(digest, content);
    return true;
  }
}
