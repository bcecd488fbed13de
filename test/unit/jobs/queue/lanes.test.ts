import { expect, test } from 'vitest';
import { advance, isHot, joinAt, priorityAt } from '../../../../jobs/queue/lanes.ts';

test('small runs are hot, unless another lane is asked for', () => {
  const lanes = { hotMetatiles: 64 };
  expect([isHot(64, lanes, null), isHot(65, lanes, null)]).toStrictEqual([true, false]);
  expect([isHot(1, lanes, 'normal'), isHot(1e9, lanes, 'hot')]).toStrictEqual([false, true]);
});

test('the tick grows by one each 16 metatiles, whatever the batches', () => {
  let turn = { tick: 5, taken: 0 };
  const priorities: number[] = [];
  for (const batch of [1, 14, 20, 0, 13]) {
    for (let n = 0; n < batch; n++) priorities.push(priorityAt(turn, n));
    turn = advance(turn, batch);
  }
  expect(priorities).toStrictEqual(Array.from({ length: 48 }, (_, i) => 5 + Math.floor(i / 16)));
  expect(turn).toStrictEqual({ tick: 8, taken: 0 });
});

test('priorities stay within what BullMQ takes', () => {
  expect(priorityAt({ tick: 0, taken: 0 }, 0)).toBe(1);
  expect(priorityAt({ tick: 2_097_152, taken: 15 }, 400)).toBe(2_097_152);
});

test('a run that was away does not make up for it, and one that is ahead stays there', () => {
  expect(joinAt({ tick: 3, taken: 7 }, 90)).toStrictEqual({ tick: 90, taken: 0 });
  expect(joinAt({ tick: 95, taken: 7 }, 90)).toStrictEqual({ tick: 95, taken: 7 });
});
