import { expect, test } from 'vitest';
import { WindowRoom } from '../../../src/cog/window-room.ts';

test('gives samples of the type and length asked for, apart from one another', () => {
  const room = new WindowRoom();
  const first = room.take('uint16', 1000);
  const second = room.take('float64', 70_001);
  const mask = room.takeMask(5);
  expect([first, second, mask].map(({ constructor, length }) => [constructor, length])).toEqual([
    [Uint16Array, 1000],
    [Float64Array, 70_001],
    [Uint8Array, 5],
  ]);
  expect(new Set([first.buffer, second.buffer, mask.buffer]).size).toBe(3);
  room.release();
});

test('gives memory to another only once it was released, and only once', () => {
  const [one, other, third] = [new WindowRoom(), new WindowRoom(), new WindowRoom()];
  const { buffer } = one.take('uint8', 300_001);
  expect(other.take('uint8', 300_001).buffer).not.toBe(buffer);
  one.release();
  one.release();
  const again = [other.take('float32', 75_000).buffer, third.take('uint8', 300_001).buffer];
  expect(again.filter((one) => one === buffer)).toHaveLength(1);
  other.release();
  third.release();
});

test('does not keep what is large, nor more than its bound', () => {
  const room = new WindowRoom();
  const huge = room.take('uint8', 5 * 1024 * 1024).buffer;
  const many = Array.from({ length: 12 }, () => room.take('uint8', 2 * 1024 * 1024).buffer);
  room.release();
  const next = new WindowRoom();
  expect(next.take('uint8', 5 * 1024 * 1024).buffer).not.toBe(huge);
  const kept = Array.from({ length: 12 }, () => next.take('uint8', 2 * 1024 * 1024).buffer);
  const shared = kept.filter((buffer) => many.includes(buffer)).length;
  expect(shared).toBeGreaterThan(0);
  expect(shared).toBeLessThanOrEqual(8);
});
