import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { isTilerError } from '../../../../src/errors.ts';
import { MemoryObjects } from '../../../../src/store/memory-objects.ts';
import type { ObjectStore } from '../../../../src/store/object-store.ts';
import { diffRecords } from '../../../../src/store/records/diff-records.ts';
import { MerkleTree, leafHash } from '../../../../src/store/records/merkle.ts';
import type { MetatileRecord } from '../../../../src/store/records/metatile-record.ts';
import { RecordsReader } from '../../../../src/store/records/records-reader.ts';
import { RecordsWriter } from '../../../../src/store/records/records-writer.ts';
import { parseRecordLine, recordToLine } from '../../../../src/store/records/record-line.ts';
import { tilePath } from '../../../../src/tms/tile.ts';
import { madeRecord } from '../../../support/made-records.ts';

const NEVER = { signal: new AbortController().signal };

/** Writes records and opens them; `reads` counts what is read. */
async function written(objects: ObjectStore, path: string, records: readonly MetatileRecord[]) {
  await using composition = await objects.compose(path, { ...NEVER, contentType: '' });
  const writer = new RecordsWriter(composition);
  for (const record of records) await writer.add(record);
  const file = { path, ...(await writer.finish()) };
  const reads: number[] = [];
  const reader = await RecordsReader.open(
    file,
    'memory',
    (offset, length, options) => {
      reads.push(offset);
      return objects.read(path, offset, length, options);
    },
    NEVER,
  );
  return { file, reader, reads };
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

describe('a Merkle tree', () => {
  const sha = (...parts: Uint8Array[]): Buffer => {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(part);
    return hash.digest();
  };
  /** RFC 6962, section 2.1, word by word. */
  const recursive = (leaves: readonly Uint8Array[]): Buffer => {
    if (leaves.length === 0) return sha();
    if (leaves.length === 1) return Buffer.from(leaves[0]!);
    const half = 2 ** Math.floor(Math.log2(leaves.length - 1));
    return sha(Uint8Array.of(1), recursive(leaves.slice(0, half)), recursive(leaves.slice(half)));
  };

  test('has the hash of RFC 6962 for any number of leaves', () => {
    const tree = new MerkleTree();
    const leaves: Buffer[] = [];
    for (let count = 0; count < 70; count++) {
      expect(tree.root().toString('hex')).toBe(recursive(leaves).toString('hex'));
      leaves.push(leafHash(`leaf ${count}`));
      tree.add(leaves.at(-1)!);
    }
  });

  test('has the test vectors of Certificate Transparency', () => {
    const tree = new MerkleTree();
    expect(tree.root().toString('hex')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    tree.add(leafHash(new Uint8Array()));
    expect(tree.root().toString('hex')).toBe('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d');
    tree.add(leafHash(Uint8Array.of(0)));
    expect(tree.root().toString('hex')).toBe('fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125');
  });
});

describe('a line', () => {
  test('gives the record back', () => {
    const record = { ...madeRecord(7), failed: [{ tileId: 5, code: 'ASSET_CORRUPT' }] };
    expect(parseRecordLine(recordToLine(record), 'made')).toStrictEqual(record);
  });

  test.each([
    ['{', /JSON/],
    ['[]', /expected an object/],
    [recordToLine(madeRecord(1)).replace('"index":1', '"index":-1'), /found -1, expected a whole number/],
    [recordToLine(madeRecord(1)).replace('"tiles":[[', '"tiles":[[1,'), /expected a list of 3/],
    [recordToLine(madeRecord(1)).replace('"empty":["9/', '"empty":["99/'), /does not exist/],
    [recordToLine(madeRecord(1)).replace(/"signature":"../, '"signature":"zz'), /expected 32 hex digits/],
  ])('that is broken says what is wrong: %#', (line, message) => {
    expect(() => parseRecordLine(line, 'made')).toThrow(message);
  });
});

describe('a records file', () => {
  const indices = [0, 1, 255, 256, 700, 70_000];
  const records = indices.map((index) => madeRecord(index));

  test('is found block by block, and read by any gzip', async () => {
    const objects: ObjectStore = new MemoryObjects();
    const { file, reader, reads } = await written(objects, 'r.gz', records);
    expect(reader.blocks.map(({ block, metatiles }) => [block, metatiles])).toStrictEqual([
      [0, 3],
      [1, 1],
      [2, 1],
      [273, 1],
    ]);
    expect(file).toMatchObject({ metatiles: 6, tiles: 18, empty: 6, tileBytes: 18_000 });
    for (const record of records) expect(await reader.recordAt(record.index, NEVER)).toStrictEqual(record);
    expect(await reader.recordAt(2, NEVER)).toBeNull();
    expect(await reader.recordAt(300_000, NEVER)).toBeNull();
    expect(reads).toHaveLength(5);
    expect(await all(reader.records(NEVER))).toStrictEqual(records);
    const lines = gunzipSync((await objects.get('r.gz', NEVER))!)
      .toString()
      .trimEnd()
      .split('\n');
    expect(JSON.parse(lines[0]!)).toStrictEqual({
      v: 1,
      metatiles: 6,
      root: file.root,
      indexOffset: file.indexOffset,
      indexLength: file.indexLength,
    });
    expect(lines.slice(1, 7)).toStrictEqual(records.map(recordToLine));
    expect(JSON.parse(lines[1]!)).toMatchObject({ index: 0, tiles: [['9/0/1', 1_000, expect.any(String)], {}, {}] });
  });

  test('is the same if blocks of another are taken over', async () => {
    const objects: ObjectStore = new MemoryObjects();
    const { reader } = await written(objects, 'old.gz', records);
    const changed = records.map((record) => (record.index === 256 ? madeRecord(256, 9) : record));
    const { file } = await written(objects, 'new.gz', changed);
    await using composition = await objects.compose('update.gz', { ...NEVER, contentType: '' });
    const copied: number[] = [];
    const writer = new RecordsWriter({
      write: (bytes) => composition.write(bytes),
      copy: async (place, length) => {
        copied.push(length);
        await composition.copy(place, length);
      },
      finish: (head, tail) => composition.finish(head, tail),
      [Symbol.asyncDispose]: () => composition[Symbol.asyncDispose](),
    });
    for (const block of reader.blocks) {
      if (block.block === 1) await writer.add(madeRecord(256, 9));
      else await writer.copyBlock('old.gz', block);
    }
    expect({ ...(await writer.finish()), path: 'new.gz' }).toStrictEqual(file);
    expect(await objects.get('update.gz', NEVER)).toStrictEqual(await objects.get('new.gz', NEVER));
    // The last two lie one behind the other: a stretch.
    const [first = 0, , third = 0, fourth = 0] = reader.blocks.map(({ length }) => length);
    expect(copied).toStrictEqual([first, third + fourth]);
  });

  test('takes no record before another', async () => {
    await expect(written(new MemoryObjects(), 'r.gz', [madeRecord(3), madeRecord(3)])).rejects.toThrow(
      /Adding the record 3: found it after the record 3/,
    );
  });

  test('finds a bit that was flipped in any block or in the index', async () => {
    const objects: ObjectStore = new MemoryObjects();
    const { file } = await written(objects, 'r.gz', records);
    const whole = (await objects.get('r.gz', NEVER))!;
    for (let at = 16_384; at < whole.length; at += 37) {
      const damaged = Uint8Array.from(whole);
      damaged[at]! ^= 1 << (at % 8);
      const open = async (): Promise<unknown> => {
        const reader = await RecordsReader.open(
          file,
          'memory',
          async (offset, length) => await Promise.resolve(damaged.subarray(offset, offset + length)),
          NEVER,
        );
        return await all(reader.records(NEVER));
      };
      // Flags and times of gzip headers are of no meaning.
      const outcome = await open().catch((error: unknown) => (isTilerError(error) ? error.code : error));
      expect(['ARCHIVE_INVALID', records]).toContainEqual(outcome);
    }
  });

  test('of no metatile at all is one too', async () => {
    const { file, reader } = await written(new MemoryObjects(), 'r.gz', []);
    expect(file.metatiles).toBe(0);
    expect(await all(reader.records(NEVER))).toStrictEqual([]);
  });
});

describe('the difference of two versions', () => {
  test('is told tile by tile, and blocks without one are not read', async () => {
    const objects: ObjectStore = new MemoryObjects();
    const old = [0, 1, 256, 700].map((index) => madeRecord(index));
    const emptied: MetatileRecord = {
      ...madeRecord(1),
      tiles: [],
      empty: [...old[1]!.empty, old[1]!.tiles[0]!.tileId],
    };
    const from = await written(objects, 'a.gz', old);
    const to = await written(objects, 'b.gz', [old[0]!, emptied, old[2]!, madeRecord(700, 1), madeRecord(900)]);
    const changes = await all(diffRecords(from.reader, to.reader, NEVER));
    expect(changes.map(({ tile, kind }) => `${tilePath(tile)} ${kind}`)).toStrictEqual([
      expect.stringMatching(/ emptied$/),
      expect.stringMatching(/ removed$/),
      expect.stringMatching(/ removed$/),
      ...[1, 2, 3].map(() => expect.stringMatching(/ changed$/) as string),
      ...[1, 2, 3].map(() => expect.stringMatching(/ added$/) as string),
    ]);
    expect([from.reads.length, to.reads.length]).toStrictEqual([3, 4]);
  });
});
