import { describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../src/store/object-store.ts';
import { FIRST_READ_BYTES } from '../../src/store/pmtiles/header.ts';

const signal = new AbortController().signal;
const NEVER = { signal };
const PUT = { signal, contentType: 'application/octet-stream' };
const MIB = 1024 * 1024;

async function listed(store: ObjectStore, folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const path of store.list(folder, NEVER)) paths.push(path);
  return paths.sort();
}

function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
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

    test('what is composed of bytes that are not there is refused', async () => {
      await using store = await newStore();
      await store.put('.work/short', noise(100, 12), PUT);
      for (const place of [
        { path: '.work/none', offset: 0 },
        { path: '.work/short', offset: 50 },
      ]) {
        await using composition = await store.compose('whole.bin', PUT);
        const copied = composition.copy(place, 51);
        await expect(copied).rejects.toMatchObject({ name: 'TilerError' });
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
