import pLimit from 'p-limit';
import type { MetatileWork } from '../tms/metatile.ts';
import { tilePath } from '../tms/tile.ts';
import type { Tile } from '../tms/tile.ts';
import { childInputOf } from './make-inputs.ts';
import type { ChildInput } from './metatile-inputs.ts';
import { digestOfPart } from './part.ts';
import type { PartStore } from './tile-renderer.ts';

/** Bytes of parts that were looked at and are kept for the rendering of their metatile. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;

/** Parts read at the same time. */
const CONCURRENT_READS = 8;

/** The tiles that others handed on to one metatile. What was read for a look at all of them is not read again. */
export class ChildParts {
  private readonly children: readonly Tile[];
  private readonly store: PartStore;
  private readonly kept = new Map<string, Uint8Array>();

  constructor({ children }: Pick<MetatileWork, 'children'>, store: PartStore) {
    this.children = children ?? [];
    this.store = store;
  }

  /** What was handed on, of every child. @throws TilerError those of `PartStore` */
  async inputs({ signal }: { readonly signal: AbortSignal }): Promise<readonly ChildInput[]> {
    const limit = pLimit(CONCURRENT_READS);
    let keptBytes = 0;
    const look = async (child: Tile): Promise<ChildInput> => {
      signal.throwIfAborted();
      const bytes = await this.store.getPart(child, { signal });
      if (bytes !== null && keptBytes + bytes.length <= MAX_KEPT_BYTES) {
        keptBytes += bytes.length;
        this.kept.set(tilePath(child), bytes);
      }
      return childInputOf(child, bytes === null ? null : digestOfPart(bytes));
    };
    return await Promise.all(this.children.map((child) => limit(look, child)));
  }

  /** The part of a child, once; null = there is none. @throws TilerError those of `PartStore` */
  async take(child: Tile, { signal }: { readonly signal: AbortSignal }): Promise<Uint8Array | null> {
    const key = tilePath(child);
    const kept = this.kept.get(key);
    this.kept.delete(key);
    return kept ?? (await this.store.getPart(child, { signal }));
  }
}
