import { describe, expect, test } from 'vitest';
import { repliesOf } from '../../../../jobs/queue/run-bits.ts';

describe('repliesOf', () => {
  test('gives the replies in their order', () => {
    expect(
      repliesOf([
        [null, 1],
        [null, null],
      ]),
    ).toStrictEqual([1, null]);
  });

  test('throws the first error among them', () => {
    const replies = [[null, 1] as const, [new Error('WRONGTYPE'), null] as const, [new Error('second'), null] as const];
    expect(() => repliesOf(replies)).toThrow('WRONGTYPE');
  });

  test('a transaction that was given up is not one without replies', () => {
    expect(() => repliesOf(null)).toThrow(expect.objectContaining({ code: 'QUEUE_UNAVAILABLE' }));
  });
});
