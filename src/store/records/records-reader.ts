import { TilerError, isAbortError } from '../../errors.ts';
import type { StoreCallOptions } from '../tile-store.ts';
import type { RecordsFile } from '../versions.ts';
import { MerkleTree, leafHash } from './merkle.ts';
import type { MetatileRecord } from './metatile-record.ts';
import { parseRecordLine } from './record-line.ts';
import { BLOCK_INDICES, linesOf } from './records-format.ts';
import type { RecordsBlock } from './records-format.ts';

/** Reads bytes of a records file; fewer only where it ends. Null = there is none. */
export type ReadRecordBytes = (offset: number, length: number, options: StoreCallOptions) => Promise<Uint8Array | null>;

/** Blocks kept: metatiles are asked for along a curve, so that the next is nearly always in the same one. */
const MAX_KEPT = 4;

/** Reads the records of a version. Every line is checked against the root of its block, and the blocks against that of all. */
export class RecordsReader {
  /** In the store of the tileset. */
  readonly path: string;
  /** Ascending. */
  readonly blocks: readonly RecordsBlock[];
  private readonly label: string;
  private readonly read: ReadRecordBytes;
  private readonly kept = new Map<number, Promise<readonly MetatileRecord[]>>();

  private constructor(path: string, label: string, read: ReadRecordBytes, blocks: readonly RecordsBlock[]) {
    this.path = path;
    this.label = label;
    this.read = read;
    this.blocks = blocks;
  }

  /**
   * Opens the records of a version: one request, for the index of the blocks.
   *
   * @param label - of the store, for messages
   * @throws TilerError `ARCHIVE_INVALID` if they are gone, cut off or do not have the root of the version
   */
  static async open(
    file: RecordsFile,
    label: string,
    read: ReadRecordBytes,
    options: StoreCallOptions,
  ): Promise<RecordsReader> {
    const name = `${label}/${file.path}`;
    const bytes = await read(file.indexOffset, file.indexLength, options);
    if (bytes?.length !== file.indexLength) throw invalid(name, 'its index is not there');
    const blocks = linesOf(bytes, name).map((line) => parseBlock(line, name));
    const tree = new MerkleTree();
    for (const { root } of blocks) tree.add(Buffer.from(root, 'hex'));
    if (tree.root().toString('hex') !== file.root)
      throw invalid(name, 'its index does not match the root of the version');
    return new RecordsReader(file.path, name, read, blocks);
  }

  /** Null if there is no metatile of that index. @throws TilerError `ARCHIVE_INVALID`, and those of the store */
  async recordAt(index: number, options: StoreCallOptions): Promise<MetatileRecord | null> {
    const block = this.blockOf(index);
    if (block === null) return null;
    const records = await this.recordsOf(block, options);
    return records.find((record) => record.index === index) ?? null;
  }

  /** All records, ascending by index. @throws TilerError `ARCHIVE_INVALID`, and those of the store */
  async *records(options: StoreCallOptions): AsyncGenerator<MetatileRecord, void, undefined> {
    for (const block of this.blocks) yield* await this.recordsOf(block, options);
  }

  /** The block that has an index; null if none does. */
  blockOf(index: number): RecordsBlock | null {
    const wanted = Math.floor(index / BLOCK_INDICES);
    let [low, high] = [0, this.blocks.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.blocks[middle]?.block ?? Infinity) < wanted) low = middle + 1;
      else high = middle;
    }
    const found = this.blocks[low];
    return found?.block === wanted ? found : null;
  }

  /** The records of a block. @throws TilerError `ARCHIVE_INVALID`, and those of the store */
  async recordsOf(block: RecordsBlock, options: StoreCallOptions): Promise<readonly MetatileRecord[]> {
    const known = this.kept.get(block.block);
    const reading = known ?? this.readBlock(block, options);
    // Last in the map = most recently used.
    this.kept.delete(block.block);
    this.kept.set(block.block, reading);
    const [oldest] = this.kept.keys();
    if (this.kept.size > MAX_KEPT && oldest !== undefined) this.kept.delete(oldest);
    try {
      return await reading;
    } catch (error) {
      this.kept.delete(block.block);
      // Another caller, whose call was ended, had begun the reading.
      if (isAbortError(error) && !options.signal.aborted) return await this.recordsOf(block, options);
      throw error;
    }
  }

  private async readBlock(block: RecordsBlock, options: StoreCallOptions): Promise<readonly MetatileRecord[]> {
    const bytes = await this.read(block.offset, block.length, options);
    if (bytes?.length !== block.length) throw invalid(this.label, `its block ${block.block} is not there`);
    const lines = linesOf(bytes, this.label);
    const tree = new MerkleTree();
    for (const line of lines) tree.add(leafHash(line));
    if (tree.root().toString('hex') !== block.root) {
      throw invalid(this.label, `its block ${block.block} does not match its root`);
    }
    return lines.map((line) => parseRecordLine(line, this.label));
  }
}

const BLOCK_NUMBERS = ['block', 'offset', 'length', 'metatiles', 'tiles', 'empty', 'bytes'] as const;

function parseBlock(line: string, label: string): RecordsBlock {
  try {
    const block = JSON.parse(line) as Record<string, unknown>;
    const isBlock = BLOCK_NUMBERS.every((key) => Number.isSafeInteger(block[key]) && Number(block[key]) >= 0);
    if (isBlock && /^[0-9a-f]{64}$/.test(String(block['root']))) return block as unknown as RecordsBlock;
  } catch {
    // Said below.
  }
  throw invalid(label, `found ${line.slice(0, 80)} in its index, expected a block`);
}

function invalid(label: string, found: string): TilerError {
  return new TilerError('ARCHIVE_INVALID', `Reading the records ${label}: ${found}`);
}
