import { TilerError } from '../../errors.ts';
import { compressAside } from '../gzip.ts';
import { FIRST_READ_BYTES } from '../pmtiles/header.ts';
import type { Composition } from '../object-store.ts';
import type { RecordsFile } from '../versions.ts';
import { MerkleTree, leafHash } from './merkle.ts';
import type { MetatileRecord } from './metatile-record.ts';
import { recordToLine } from './record-line.ts';
import { BLOCK_INDICES, headToBytes } from './records-format.ts';
import type { RecordsBlock } from './records-format.ts';

/** What a records file came to. */
export interface WrittenRecords extends Omit<RecordsFile, 'path'> {
  readonly tiles: number;
  readonly empty: number;
  /** Of all tiles. */
  readonly tileBytes: number;
}

/**
 * Writes a records file from records by ascending index, or from blocks of another one. Keeps the records of one block, and
 * about 200 bytes for each block before it. The same records give the same bytes, however they came.
 */
export class RecordsWriter {
  private readonly sink: Composition;
  private readonly blocks: RecordsBlock[] = [];
  private lines: string[] = [];
  private tree = new MerkleTree();
  private current = emptyBlock(-1);
  private lastIndex = -1;
  private offset = FIRST_READ_BYTES;
  /** Blocks that lie one behind the other are copied as one stretch: S3 copies nothing below 5 MiB. */
  private stretch: { readonly path: string; readonly offset: number; length: number } | null = null;

  constructor(sink: Composition) {
    this.sink = sink;
  }

  /** @throws TilerError `ARCHIVE_INVALID` unless its index is above all before, and those of the sink */
  async add(record: MetatileRecord): Promise<void> {
    const block = Math.floor(record.index / BLOCK_INDICES);
    this.assertAscending(record.index);
    if (block !== this.current.block) {
      await this.closeBlock();
      this.current = emptyBlock(block);
    }
    const line = recordToLine(record);
    this.lines.push(line);
    this.tree.add(leafHash(line));
    this.current.metatiles++;
    this.current.tiles += record.tiles.length;
    this.current.empty += record.empty.length;
    for (const { length } of record.tiles) this.current.bytes += length;
    this.lastIndex = record.index;
  }

  /** Takes over a block of a records file of the same store as it is. */
  async copyBlock(path: string, block: RecordsBlock): Promise<void> {
    this.assertAscending(block.block * BLOCK_INDICES);
    await this.closeBlock();
    const { stretch } = this;
    if (stretch?.path === path && stretch.offset + stretch.length === block.offset) {
      stretch.length += block.length;
    } else {
      await this.copyStretch();
      this.stretch = { path, offset: block.offset, length: block.length };
    }
    this.blocks.push({ ...block, offset: this.offset });
    this.offset += block.length;
    this.lastIndex = (block.block + 1) * BLOCK_INDICES - 1;
  }

  async finish(): Promise<WrittenRecords> {
    await this.closeBlock();
    await this.copyStretch();
    const tree = new MerkleTree();
    for (const { root } of this.blocks) tree.add(Buffer.from(root, 'hex'));
    const root = tree.root().toString('hex');
    const index = await pack(this.blocks.map((block) => JSON.stringify(block)));
    const sum = (key: 'metatiles' | 'tiles' | 'empty' | 'bytes'): number =>
      this.blocks.reduce((total, block) => total + block[key], 0);
    const placed = { metatiles: sum('metatiles'), root, indexOffset: this.offset, indexLength: index.length };
    await this.sink.finish(headToBytes({ v: 1, ...placed }), [index]);
    const bytes = this.offset + index.length;
    return { ...placed, bytes, tiles: sum('tiles'), empty: sum('empty'), tileBytes: sum('bytes') };
  }

  private assertAscending(index: number): void {
    if (index > this.lastIndex) return;
    throw new TilerError('ARCHIVE_INVALID', `Adding the record ${index}: found it after the record ${this.lastIndex}`);
  }

  private async copyStretch(): Promise<void> {
    const { stretch } = this;
    this.stretch = null;
    if (stretch !== null) await this.sink.copy({ path: stretch.path, offset: stretch.offset }, stretch.length);
  }

  private async closeBlock(): Promise<void> {
    if (this.lines.length === 0) return;
    const bytes = await pack(this.lines);
    await this.copyStretch();
    await this.sink.write(bytes);
    const root = this.tree.root().toString('hex');
    this.blocks.push({ ...this.current, offset: this.offset, length: bytes.length, root });
    this.offset += bytes.length;
    this.lines = [];
    this.tree = new MerkleTree();
  }
}

function emptyBlock(block: number) {
  return { block, offset: 0, length: 0, root: '', metatiles: 0, tiles: 0, empty: 0, bytes: 0 };
}

/** Lines as one gzip member. Not on this thread: a block may be a megabyte. */
async function pack(lines: readonly string[]): Promise<Uint8Array> {
  return await compressAside(lines.map((line) => `${line}\n`).join(''), { level: 6 });
}
