import { describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../src/store/object-store.ts';
import { FIRST_READ_BYTES } from '../../src/store/pmtiles/header.ts';
import { noise } from '../support/noise.ts';
import { addEntries, entriesOf } from '../support/put-if-writer.ts';

const signal = new AbortController().signal;
const NEVER = { signal };
const PUT = { signal, contentType: 'application/octet-stream' };
const MIB = 1024 * 1024;

async function listed(store: ObjectStore, folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const path of store.list(folder, NEVER)) paths.push(path);
  return paths.sort();
}

/** What every object store promises. `newStore` gives one that no test has used. */
export function describeObjectStore(name: string, newStore: () => Promise<ObjectStore>): void {
  describe(`object store: ${name}`, () => {
    test('gives back what was put, whole and in parts', async () => {
      await using store = await newStore();
      const bytes = noise(70_001, 1);
      await store.put('a/b/c.bin', bytes, PUT);
      expect(Buffer.compare((await store.get('a/b/c.bin', NEVER))!, bytes)).toBe(0);
      const part = async (offset: number, length: number): Promise<Buffer> =>
        Buffer.from((await store.read('a/b/c.bin', offset, length, NEVER))!);
      expect((await part(100, 50)).equals(bytes.subarray(100, 150))).toBe(true);
      expect((await part(-16, 16)).equals(bytes.subarray(-16))).toBe(true);
      expect((await part(-16, 4)).equals(bytes.subarray(-16, -12))).toBe(true);
      expect((await part(70_000, 50)).equals(bytes.subarray(70_000))).toBe(true);
      expect((await part(80_000, 50)).length).toBe(0);
      expect((await part(-100_000, 100_000)).equals(bytes)).toBe(true);
    });

    test('nothing there is null, and deleting it succeeds', async () => {
      await using store = await newStore();
      expect(await store.get('none', NEVER)).toBeNull();
      expect(await store.read('none', 0, 10, NEVER)).toBeNull();
      expect(await store.read('none', -10, 10, NEVER)).toBeNull();
      await store.delete('none', NEVER);
      await store.deleteAll('none', NEVER);
      expect(await listed(store, '')).toStrictEqual([]);
    });

    test('lists what lies beneath a folder, hidden folders only if asked for', async () => {
      await using store = await newStore();
      for (const path of ['x', 'a/1', 'a/b/2', 'ab/3', '.work/t/4', '.work/t/5'])
        await store.put(path, noise(3, 2), PUT);
      expect(await listed(store, '')).toStrictEqual(['a/1', 'a/b/2', 'ab/3', 'x']);
      expect(await listed(store, 'a')).toStrictEqual(['a/1', 'a/b/2']);
      expect(await listed(store, '.work/t')).toStrictEqual(['.work/t/4', '.work/t/5']);
      const found: string[] = [];
      for await (const path of store.list('', { signal, enters: (name) => name === 'a' })) found.push(path);
      expect(found.sort()).toStrictEqual(['a/1', 'x']);
      await store.deleteAll('.work/t', NEVER);
      await store.deleteAll('a', NEVER);
      expect(await listed(store, '.work/t')).toStrictEqual([]);
      expect(await listed(store, '')).toStrictEqual(['ab/3', 'x']);
    });

    test('puts on a condition: only in place of what was expected, or of nothing', async () => {
      await using store = await newStore();
      const [one, two] = [Buffer.from('one'), Buffer.from('two')];
      expect(await store.getTagged('d/doc.json', NEVER)).toBeNull();
      expect(await store.putIf('d/doc.json', one, '"no such tag"', PUT)).toBeNull();
      expect(await store.get('d/doc.json', NEVER)).toBeNull();
      const first = await store.putIf('d/doc.json', one, null, PUT);
      expect(first).not.toBeNull();
      expect(await store.putIf('d/doc.json', two, null, PUT)).toBeNull();
      const found = await store.getTagged('d/doc.json', NEVER);
      expect({ ...found, bytes: Buffer.from(found!.bytes).toString() }).toStrictEqual({ bytes: 'one', tag: first });
      const second = await store.putIf('d/doc.json', two, first, PUT);
      expect(second).not.toBe(first);
      expect(await store.putIf('d/doc.json', one, first, PUT)).toBeNull();
      expect(await store.getTagged('d/doc.json', NEVER)).toMatchObject({ tag: second });
      // As any other object it can be put and deleted.
      await store.put('d/doc.json', one, PUT);
      expect(await store.putIf('d/doc.json', two, second, PUT)).toBeNull();
      await store.delete('d/doc.json', NEVER);
      expect(await store.putIf('d/doc.json', two, first, PUT)).toBeNull();
      expect(await store.putIf('d/doc.json', two, null, PUT)).not.toBeNull();
      expect(await listed(store, '')).toStrictEqual(['d/doc.json']);
    });

    test('of ten writers at once none is lost', async () => {
      await using store = await newStore();
      const writers = Array.from({ length: 10 }, (_, writer) => `writer ${writer}`);
      await Promise.all(writers.map((writer) => addEntries(store, 'log.json', writer, 5)));
      const expected = writers.flatMap((writer) => Array.from({ length: 5 }, (_, n) => `${writer} entry ${n}`));
      expect((await entriesOf(store, 'log.json')).sort()).toStrictEqual(expected);
    });

    test('a second name is of the object that it was given last', async () => {
      await using store = await newStore();
      if (store.alias === undefined) return;
      await store.put('v/1', Buffer.from('one'), PUT);
      await store.put('v/2', Buffer.from('two'), PUT);
      await expect(store.alias('name', 'v/none', NEVER)).rejects.toMatchObject({ name: 'TilerError' });
      expect(await store.get('name', NEVER)).toBeNull();
      for (const target of ['v/1', 'v/2', 'v/2', 'v/1']) {
        await store.alias('name', target, NEVER);
        expect(await store.get('name', NEVER)).toStrictEqual(await store.get(target, NEVER));
      }
      await store.delete('v/1', NEVER);
      expect(Buffer.from((await store.get('name', NEVER))!).toString()).toBe('one');
      expect(await listed(store, '')).toStrictEqual(['name', 'v/2']);
    });

    test('an object that is moved is in place of what was there, and of nothing else', async () => {
      await using store = await newStore();
      await store.put('.work/new', Buffer.from('new'), PUT);
      await store.put('v/1', Buffer.from('old'), PUT);
      expect(await store.move('.work/none', 'v/1', { ...PUT, length: 3 })).toBe(false);
      expect(Buffer.from((await store.get('v/1', NEVER))!).toString()).toBe('old');
      expect(await store.move('.work/new', 'v/1', { ...PUT, length: 3 })).toBe(true);
      expect(Buffer.from((await store.get('v/1', NEVER))!).toString()).toBe('new');
      expect(await store.get('.work/new', NEVER)).toBeNull();
    });

    test('composes an object of bytes and of parts of others, small and large', async () => {
      await using store = await newStore();
      const [small, large] = [noise(9_000, 3), noise(13 * MIB, 4)];
      await store.put('.work/small', small, PUT);
      await store.put('.work/large', large, PUT);
      const head = noise(FIRST_READ_BYTES, 5);
      const [between, tail] = [noise(4_000, 6), [noise(500, 7), noise(6 * MIB, 8)]];
      await using composition = await store.compose('whole.bin', PUT);
      await composition.copy({ path: '.work/small', offset: 1_000 }, 3_000);
      await composition.copy({ path: '.work/large', offset: 77 }, 12 * MIB);
      await composition.write(between);
      await composition.copy({ path: '.work/large', offset: 0 }, 6 * MIB);
      await composition.copy({ path: '.work/small', offset: 0 }, 9_000);
      expect(await store.get('whole.bin', NEVER)).toBeNull();
      await composition.finish(head, tail);
      const expected = Buffer.concat([
        head,
        small.subarray(1_000, 4_000),
        large.subarray(77, 77 + 12 * MIB),
        between,
        large.subarray(0, 6 * MIB),
        small,
        ...tail,
      ]);
      expect(Buffer.compare((await store.get('whole.bin', NEVER))!, expected)).toBe(0);
    });

    test('a composition that is given up leaves nothing, and what was there stays', async () => {
      await using store = await newStore();
      await store.put('whole.bin', Buffer.from('before'), PUT);
      {
        await using composition = await store.compose('whole.bin', PUT);
        await composition.write(noise(6 * MIB, 9));
        await composition.write(noise(6 * MIB, 10));
      }
      expect(Buffer.from((await store.get('whole.bin', NEVER))!).toString()).toBe('before');
      expect(await listed(store, '')).toStrictEqual(['whole.bin']);
    });

    test('a composition that may be resumed is gone on with, or begun anew, to the same end', async () => {
      await using store = await newStore();
      const [small, large] = [noise(9_000, 3), noise(13 * MIB, 4)];
      await store.put('.work/small', small, PUT);
      await store.put('.work/large', large, PUT);
      const head = noise(FIRST_READ_BYTES, 5);
      const resume = { memo: '.work/upload', identity: 'one' };
      const compose = async (upTo: number, identity = 'one'): Promise<void> => {
        await using composition = await store.compose('whole.bin', { ...PUT, resume: { ...resume, identity } });
        await composition.copy({ path: '.work/small', offset: 0 }, 9_000);
        for (let n = 0; n < upTo; n++) await composition.copy({ path: '.work/large', offset: n }, 12 * MIB);
        if (upTo === 3) await composition.finish(head, [small]);
      };
      const parts = [0, 1, 2].map((n) => large.subarray(n, n + 12 * MIB));
      const expected = Buffer.concat([head, small, ...parts, small]);
      await compose(1, 'another');
      await compose(2);
      await compose(3);
      expect(Buffer.compare((await store.get('whole.bin', NEVER))!, expected)).toBe(0);
      // It is there already.
      await compose(3);
      expect(Buffer.compare((await store.get('whole.bin', NEVER))!, expected)).toBe(0);
      expect(await listed(store, '.work')).toStrictEqual(['.work/large', '.work/small']);
    });

    test('what is composed of bytes that are not there is refused', async () => {
      await using store = await newStore();
      await store.put('.work/short', noise(100, 12), PUT);
      for (const place of [
        { path: '.work/none', offset: 0 },
        { path: '.work/short', offset: 50 },
      ]) {
        await using composition = await store.compose('whole.bin', PUT);
        const compose = async (): Promise<void> => {
          await composition.copy(place, 51);
          await composition.finish(noise(FIRST_READ_BYTES, 13), []);
        };
        await expect(compose()).rejects.toMatchObject({ name: 'TilerError' });
      }
      expect(await store.get('whole.bin', NEVER)).toBeNull();
    });

    test('a small composition is one part', async () => {
      await using store = await newStore();
      const head = noise(FIRST_READ_BYTES, 11);
      await using composition = await store.compose('small.bin', PUT);
      await composition.write(Buffer.from('tiles'));
      await composition.finish(head, [Buffer.from('tail')]);
      const expected = Buffer.concat([head, Buffer.from('tilestail')]);
      expect(Buffer.compare((await store.get('small.bin', NEVER))!, expected)).toBe(0);
    });
  });
}
