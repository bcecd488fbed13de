import type { DecodedBlock } from './decode-block.ts';

/**
 * Decoded blocks of all open COGs of a process: the least recently used go when the bytes exceed the bound.
 *
 * Besides, it knows which blocks are being read, so that whoever needs one of them waits for that read instead of
 * reading it again. A block is in one of three states: absent, pending (from the moment someone has undertaken to read
 * it), present.
 */
export class BlockCache {
  readonly maxBytes: number;
  readonly #blocks = new Map<string, DecodedBlock>();
  readonly #pending = new Map<string, Promise<DecodedBlock>>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Bytes of the blocks that are present. */
  get sizeBytes(): number {
    return this.#bytes;
  }

  get(key: string): DecodedBlock | null {
    const block = this.#blocks.get(key);
    if (block === undefined) return null;
    this.#blocks.delete(key);
    this.#blocks.set(key, block);
    return block;
  }

  /** The read of a block that somebody else has begun; null if nobody has. */
  pending(key: string): Promise<DecodedBlock> | null {
    return this.#pending.get(key) ?? null;
  }

  has(key: string): boolean {
    return this.#blocks.has(key) || this.#pending.has(key);
  }

  /** Undertakes to read a block. Exactly one of the two functions is to be called. */
  begin(key: string): PendingBlock {
    let resolve: (block: DecodedBlock) => void = () => {};
    let reject: (error: unknown) => void = () => {};
    const promise = new Promise<DecodedBlock>((onBlock, onError) => {
      resolve = onBlock;
      reject = onError;
    });
    // A read that nobody else waits for may fail without being heard here: whoever began it hears it.
    promise.catch(() => {});
    this.#pending.set(key, promise);
    return {
      promise,
      finish: (block) => {
        this.#pending.delete(key);
        this.#set(key, block);
        resolve(block);
      },
      fail: (error) => {
        this.#pending.delete(key);
        reject(error);
      },
    };
  }

  /** Forgets the blocks whose key begins so. */
  forget(prefix: string): void {
    for (const [key, block] of this.#blocks) {
      if (!key.startsWith(prefix)) continue;
      this.#blocks.delete(key);
      this.#bytes -= block.sizeBytes;
    }
  }

  #set(key: string, block: DecodedBlock): void {
    if (block.sizeBytes > this.maxBytes || this.#blocks.has(key)) return;
    this.#blocks.set(key, block);
    this.#bytes += block.sizeBytes;
    for (const [oldest, { sizeBytes }] of this.#blocks) {
      if (this.#bytes <= this.maxBytes) break;
      this.#blocks.delete(oldest);
      this.#bytes -= sizeBytes;
    }
  }
}

export interface PendingBlock {
  readonly promise: Promise<DecodedBlock>;
  readonly finish: (block: DecodedBlock) => void;
  readonly fail: (error: unknown) => void;
}
