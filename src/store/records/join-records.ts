import { TilerError } from '../../errors.ts';
import type { StagedMetatile, StoreCallOptions } from '../tile-store.ts';
import type { MetatileRecord } from './metatile-record.ts';
import type { RecordsReader } from './records-reader.ts';
import { BLOCK_INDICES } from './records-format.ts';
import type { RecordsBlock } from './records-format.ts';
import type { RecordsWriter, WrittenRecords } from './records-writer.ts';

/** Where the records of a finished tileset come from. */
export interface RecordsSource {
  /** Indices of all metatiles with work, ascending; asked for without a baseline only. */
  readonly indices: () => Iterable<number>;
  readonly stagedIndices: () => AsyncIterable<number>;
  readonly staged: (index: number) => Promise<StagedMetatile | null>;
  /** Has the records of metatiles that staged nothing; null = all must have staged something. */
  readonly baseline: RecordsReader | null;
}

/** Staged objects read at a time: each is one request. */
const READS_AT_ONCE = 16;

/**
 * Writes the records of a tileset: of what its metatiles have staged and, in an update, of the version before it, of which
 * blocks without a change are taken over as they are.
 *
 * @throws TilerError `ARCHIVE_INVALID` if a metatile has staged nothing, or nothing whole; and those of the store
 */
export async function joinRecords(
  source: RecordsSource,
  writer: RecordsWriter,
  options: StoreCallOptions,
): Promise<WrittenRecords> {
  const { baseline } = source;
  if (baseline === null) await addStaged(source.indices(), source, writer, options);
  else await mergeStaged(baseline, source, writer, options);
  return await writer.finish();
}

async function addStaged(
  indices: Iterable<number>,
  source: RecordsSource,
  writer: RecordsWriter,
  { signal }: StoreCallOptions,
): Promise<void> {
  const add = async (chunk: readonly number[]): Promise<void> => {
    signal.throwIfAborted();
    for (const record of await stagedRecords(chunk, source)) await writer.add(record);
  };
  let chunk: number[] = [];
  for (const index of indices) {
    chunk.push(index);
    if (chunk.length < READS_AT_ONCE) continue;
    await add(chunk);
    chunk = [];
  }
  await add(chunk);
}

async function mergeStaged(
  baseline: RecordsReader,
  source: RecordsSource,
  writer: RecordsWriter,
  options: StoreCallOptions,
): Promise<void> {
  const changed = new Map<number, number[]>();
  for await (const index of source.stagedIndices()) {
    const block = Math.floor(index / BLOCK_INDICES);
    changed.set(block, [...(changed.get(block) ?? []), index]);
  }
  const known = new Map<number, RecordsBlock>(baseline.blocks.map((block) => [block.block, block]));
  for (const number of [...new Set([...known.keys(), ...changed.keys()])].sort((a, b) => a - b)) {
    options.signal.throwIfAborted();
    const [block, indices] = [known.get(number), changed.get(number)];
    if (indices === undefined) {
      if (block !== undefined) await writer.copyBlock(baseline.path, block);
      continue;
    }
    const records = new Map<number, MetatileRecord>();
    // Where all have staged something, the block may as well be damaged.
    const isReplaced = block === undefined || indices.length >= block.metatiles;
    for (const record of isReplaced ? [] : await baseline.recordsOf(block, options)) {
      records.set(record.index, record);
    }
    for (let at = 0; at < indices.length; at += READS_AT_ONCE) {
      const chunk = indices.slice(at, at + READS_AT_ONCE);
      for (const record of await stagedRecords(chunk, source)) records.set(record.index, record);
    }
    for (const record of [...records.values()].sort((a, b) => a.index - b.index)) await writer.add(record);
  }
}

/** Read side by side and looked at in their order: of several that staged nothing, the first one is named. */
async function stagedRecords(indices: readonly number[], source: RecordsSource): Promise<MetatileRecord[]> {
  const read = await Promise.all(indices.map(async (index) => [index, await source.staged(index)] as const));
  return read.map(([index, staged]) => expectRecord(index, staged));
}

function expectRecord(index: number, staged: StagedMetatile | null): MetatileRecord {
  if (staged !== null && staged.kind !== 'begun' && staged.record.index === index) return staged.record;
  const found = staged === null ? 'staged nothing' : staged.kind === 'begun' ? 'is not done' : 'staged another record';
  throw new TilerError(
    'ARCHIVE_INVALID',
    `Joining the records: the metatile ${index} ${found}, expected its record; --force begins anew`,
  );
}
