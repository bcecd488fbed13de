import { setImmediate as nextTurn } from 'node:timers/promises';
import pLimit, { type LimitFunction } from 'p-limit';
import { TilerError, isAbortError, isTilerError } from '../errors.ts';
import { NO_STAGES, timed } from '../observe.ts';
import type { IoCounters, StageMeter } from '../observe.ts';
import { codecOf } from './codec/registry.ts';
import type { BlockCache, PendingBlock } from './block-cache.ts';
import { decodeBlock, sparseBlock, type DecodedBlock } from './decode-block.ts';
import type { ImageLayout } from './image-layout.ts';
import type { CogLimits } from './limits.ts';
import { planRanges, type Coalescing, type PlannedRange } from './plan-blocks.ts';
import type { RangeSource } from './range-source.ts';
import { runWithin } from '../retry.ts';

/** One block of one directory. */
export interface BlockRef {
  readonly image: ImageLayout;
  readonly block: number;
  /** True for the block's bytes as the file has them, which come as its one plane; none for a sparse block. */
  readonly isStored?: boolean;
}

/** Ranges of one COG that are read at the same time; each holds up to `maxRangeBytes`. */
const CONCURRENT_RANGES = 4;

/**
 * Blocks of one load that are decoded at the same time where that happens on other threads: as many as Node has by
 * default. While one is decoded the band planes of another are made here, and a processor that is idle helps.
 */
const CONCURRENT_DECODES = 4;

export interface BlockReaderOptions {
  /** The file, then its sidecars: as `ImageLayout.file` counts them. */
  readonly sources: readonly RangeSource[];
  readonly cache: BlockCache;
  readonly counters: IoCounters;
  readonly stages?: StageMeter | undefined;
  readonly limits: CogLimits;
  readonly coalescing: Coalescing;
  readonly nodata: number | null;
  readonly onChanged: () => void;
}

interface BlockRead {
  readonly ref: BlockRef;
  readonly pending: PendingBlock;
  readonly offset: number;
  readonly length: number;
}

let nextReader = 0;

/** Fetches and decodes the blocks of one open COG through the cache of the process. */
export class BlockReader {
  /** Distinguishes the COG in the cache. A file that is opened again gets a new one: it may have changed meanwhile. */
  readonly keyPrefix: string;
  readonly #options: BlockReaderOptions;

  constructor(options: BlockReaderOptions) {
    this.#options = options;
    this.keyPrefix = `${nextReader}/`;
    nextReader += 1;
  }

  isPresent(ref: BlockRef): boolean {
    return this.#options.cache.has(this.#keyOf(ref));
  }

  /** The block if it is cached, or the one value that a sparse block has everywhere; null if it has to be read. */
  known(ref: BlockRef): DecodedBlock | { readonly sparse: number } | null {
    const { image, block } = ref;
    if (!isSparse(ref)) return this.#options.cache.get(this.#keyOf({ image, block }));
    return { sparse: image.isMask ? 0 : (this.#options.nodata ?? 0) };
  }

  /**
   * Gives the blocks in the order asked for: those that are cached at once, those that somebody reads already when that
   * read ends, those whose stored bytes are cached when they are decoded, and all others by as few ranges as the
   * coalescing allows. If a read fails, those already begun end first.
   */
  async load(refs: readonly BlockRef[], signal: AbortSignal): Promise<readonly DecodedBlock[]> {
    const { cache } = this.#options;
    const own: BlockRead[] = [];
    const stored: (BlockRead & { readonly bytes: Uint8Array })[] = [];
    const results = refs.map((ref): Promise<DecodedBlock> => {
      const key = this.#keyOf(ref);
      const known = cache.get(key) ?? this.#sparse(ref);
      if (known !== null) return Promise.resolve(known);
      const begun = cache.pending(key);
      if (begun !== null) return this.#join(ref, begun, signal);
      const pending = cache.begin(key);
      const read = { ref, pending, offset: ref.image.offsets[ref.block]!, length: ref.image.byteCounts[ref.block]! };
      const bytes = cache.get(this.#keyOf({ ...ref, isStored: true }))?.planes[0];
      if (bytes instanceof Uint8Array) stored.push({ ...read, bytes });
      else own.push(read);
      return pending.promise;
    });
    const settled = Promise.allSettled(results);
    for (const read of stored) await this.#decodeRead(read, read.bytes, signal);
    if (own.length > 0) await this.#read(own, signal);
    const blocks: DecodedBlock[] = [];
    for (const result of await settled) {
      if (result.status === 'rejected') throw result.reason;
      blocks.push(result.value);
    }
    return blocks;
  }

  /** Waits for another's read; if that one was aborted, but this one not, reads the block itself. */
  async #join(ref: BlockRef, begun: Promise<DecodedBlock>, signal: AbortSignal): Promise<DecodedBlock> {
    try {
      return await runWithin({ signal, timeoutMs: Number.POSITIVE_INFINITY }, () => begun);
    } catch (error) {
      if (signal.aborted || !isAbortError(error)) throw error;
      const [block] = await this.load([ref], signal);
      return block!;
    }
  }

  #sparse(ref: BlockRef): DecodedBlock | null {
    const { image, block, isStored = false } = ref;
    if (!isSparse(ref)) return null;
    return isStored ? storedBlock([]) : sparseBlock(image, block, this.#options.nodata);
  }

  async #read(own: readonly BlockRead[], signal: AbortSignal): Promise<void> {
    const readable: BlockRead[] = [];
    for (const read of own) {
      const error = this.#refuse(read);
      if (error === null) readable.push(read);
      else read.pending.fail(error);
    }
    const limit = pLimit(CONCURRENT_RANGES);
    const ranges = this.#options.sources.flatMap((_, file) =>
      planRanges(
        readable.filter(({ ref }) => ref.image.file === file),
        this.#options.coalescing,
      ),
    );
    const isThreaded = readable.some(({ ref }) => codecOf(ref.image.compression)?.isThreaded === true);
    const decoding = pLimit(isThreaded ? CONCURRENT_DECODES : 1);
    await Promise.all(ranges.map((range) => limit(() => this.#readRange(range, decoding, signal))));
  }

  async #readRange(range: PlannedRange<BlockRead>, decoding: LimitFunction, signal: AbortSignal): Promise<void> {
    let bytes: Uint8Array;
    try {
      signal.throwIfAborted();
      bytes = await this.#sourceOf(range.items[0]!.ref).read(range.offset, range.length, { signal });
    } catch (error) {
      if (isTilerError(error) && error.code === 'ASSET_CHANGED') this.#options.onChanged();
      for (const { pending } of range.items) pending.fail(error);
      return;
    }
    const decodeItem = async (item: BlockRead): Promise<void> => {
      const from = item.offset - range.offset;
      await this.#decodeRead(item, bytes.subarray(from, from + item.length), signal);
    };
    await Promise.all(range.items.map((item) => decoding(() => decodeItem(item))));
  }

  async #decodeRead(read: BlockRead, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    try {
      signal.throwIfAborted();
      read.pending.finish(await this.#decode(read, bytes));
    } catch (error) {
      read.pending.fail(error);
    }
    // Decoding mostly does not wait for anything: without a turn in between, timers and sockets would.
    if (!signal.aborted) await nextTurn();
  }

  async #decode({ ref, offset, length }: BlockRead, bytes: Uint8Array): Promise<DecodedBlock> {
    if (bytes.length < length) throw this.#fail(ref, `its ${length} bytes at ${offset} lie behind the end of the file`);
    // A copy, as the bytes of a whole range are not to be kept for one block.
    if (ref.isStored === true) return storedBlock([new Uint8Array(bytes)]);
    const { stages = NO_STAGES } = this.#options;
    const { label } = this.#sourceOf(ref);
    const block = await timed(stages, 'decode', () => decodeBlock(ref.image, ref.block, bytes, label));
    this.#options.counters.blocksDecoded += 1;
    return block;
  }

  #refuse({ ref, offset, length }: BlockRead): TilerError | null {
    const { maxBlockBytes } = this.#options.limits;
    if (length > maxBlockBytes) {
      return this.#fail(ref, `it takes ${length} bytes; allowed are ${maxBlockBytes}`, 'BYTES_LIMIT');
    }
    return Number.isSafeInteger(offset + length) ? null : this.#fail(ref, `it lies at byte ${offset}`);
  }

  #fail(ref: BlockRef, found: string, code: 'ASSET_CORRUPT' | 'BYTES_LIMIT' = 'ASSET_CORRUPT'): TilerError {
    const { label } = this.#sourceOf(ref);
    return new TilerError(code, `Reading block ${ref.block} of directory ${ref.image.index} of ${label}: ${found}`, {
      context: { href: label },
    });
  }

  #sourceOf({ image }: BlockRef): RangeSource {
    return this.#options.sources[image.file]!;
  }

  #keyOf({ image, block, isStored = false }: BlockRef): string {
    return `${this.keyPrefix}${image.file}/${image.index}/${block}${isStored ? '/stored' : ''}`;
  }
}

/** True for a block that the file does not store. */
function isSparse({ image, block }: BlockRef): boolean {
  return !(image.offsets[block]! > 0 && image.byteCounts[block]! > 0);
}

function storedBlock(planes: readonly Uint8Array[]): DecodedBlock {
  return { width: 0, rows: 0, planes, sizeBytes: planes.reduce((sum, { length }) => sum + length, 0) };
}
