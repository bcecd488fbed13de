import { expect, test } from 'vitest';
import { BlockCache } from '../../../src/cog/block-cache.ts';
import type { DecodedBlock } from '../../../src/cog/decode-block.ts';

const block = (sizeBytes: number): DecodedBlock => ({ width: 1, rows: 1, planes: [], sizeBytes });

function put(cache: BlockCache, key: string, sizeBytes: number): DecodedBlock {
  const made = block(sizeBytes);
  cache.begin(key).finish(made);
  return made;
}

test('the least recently used blocks go when the bytes exceed the bound', () => {
  const cache = new BlockCache(100);
  const a = put(cache, '1/a', 40);
  put(cache, '1/b', 40);
  expect(cache.get('1/a')).toBe(a);
  put(cache, '1/c', 40);
  expect(cache.get('1/b')).toBeNull();
  expect(cache.get('1/a')).toBe(a);
  expect(cache.sizeBytes).toBe(80);
  put(cache, '1/d', 101);
  expect(cache.get('1/d')).toBeNull();
  expect(cache.sizeBytes).toBe(80);
});

test('a pending block is known, and handed to all who wait for it', async () => {
  const cache = new BlockCache(100);
  const pending = cache.begin('1/a');
  expect(cache.has('1/a')).toBe(true);
  expect(cache.get('1/a')).toBeNull();
  const waiting = Promise.all([cache.pending('1/a'), cache.pending('1/a')]);
  const made = block(10);
  pending.finish(made);
  expect(await waiting).toEqual([made, made]);
  expect(cache.pending('1/a')).toBeNull();
  expect(cache.get('1/a')).toBe(made);
});

test('a failed read is not remembered', async () => {
  const cache = new BlockCache(100);
  const pending = cache.begin('1/a');
  pending.fail(new Error('damaged'));
  await expect(pending.promise).rejects.toThrow('damaged');
  expect(cache.has('1/a')).toBe(false);
});

test('the blocks of one COG can be forgotten', () => {
  const cache = new BlockCache(100);
  put(cache, '1/a', 10);
  put(cache, '11/a', 10);
  cache.forget('1/');
  expect(cache.has('1/a')).toBe(false);
  expect(cache.has('11/a')).toBe(true);
  expect(cache.sizeBytes).toBe(10);
});
