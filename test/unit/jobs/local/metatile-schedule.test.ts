import { expect, test } from 'vitest';
import { createMetatileSchedule } from '../../../../jobs/local/metatile-schedule.ts';

function clocked(indices: Iterable<number>, isReady?: (index: number) => boolean) {
  let nowMs = 0;
  const schedule = createMetatileSchedule(indices, { now: () => nowMs, ...(isReady === undefined ? {} : { isReady }) });
  return { schedule, pass: (ms: number) => void (nowMs += ms) };
}

test('hands out the indices in their order, then nothing', () => {
  const { schedule } = clocked([3, 5]);
  expect(schedule.next(false)).toStrictEqual({ index: 3, alone: false });
  expect(schedule.isExhausted()).toBe(false);
  expect(schedule.next(false)).toStrictEqual({ index: 5, alone: false });
  expect(schedule.next(false)).toBeNull();
  expect(schedule.isExhausted()).toBe(true);
});

const COUNT_TO = (end: number): number[] => Array.from({ length: end }, (_, index) => index);

test('each process gets stretches of the plan, in their order', () => {
  const { schedule } = clocked(COUNT_TO(1000));
  const got: number[][] = [[], []];
  for (let turn = 0; turn < 40; turn++) got[turn % 2]!.push(schedule.next(false, turn % 2)!.index);
  const [first, second] = got;
  expect(first).toStrictEqual([...COUNT_TO(16), 32, 33, 34, 35]);
  expect(second).toStrictEqual([...COUNT_TO(32).slice(16), 48, 49, 50, 51]);
});

test.each([1, 2, 3, 7])(
  'everything is handed out once to %i processes, and none is idle before the end',
  (processes) => {
    const { schedule } = clocked(COUNT_TO(100));
    const got: number[] = [];
    for (let turn = 0; !schedule.isExhausted(); turn++) {
      // The first is as fast as all others together.
      const slot = turn % 2 === 0 ? 0 : turn % processes;
      got.push(schedule.next(false, slot)!.index);
    }
    expect(got.toSorted((a, b) => a - b)).toStrictEqual(COUNT_TO(100));
  },
);

test('at the end of the plan a process takes over what another has not begun, from its end', () => {
  const { schedule } = clocked(COUNT_TO(5));
  expect([0, 1, 1, 0, 1].map((slot) => schedule.next(false, slot)?.index)).toStrictEqual([0, 4, 3, 1, 2]);
  expect(schedule.next(false, 0)).toBeNull();
  expect(schedule.isExhausted()).toBe(true);
});

test.each([
  [0, 16],
  [15.5, 16],
  [27.5, 28],
  [1e9, 256],
])('with %d metatiles for each process, stretches are of %i', (share, length) => {
  const schedule = createMetatileSchedule(COUNT_TO(600), { share });
  expect([0, 1].map((slot) => schedule.next(false, slot)?.index)).toStrictEqual([0, length]);
});

test('each of two processes goes on in its own part of the plan', () => {
  const schedule = createMetatileSchedule(COUNT_TO(56), { share: 28 });
  const got: (number | undefined)[][] = [[], []];
  for (let turn = 0; turn < 56; turn++) got[turn % 2]!.push(schedule.next(false, turn % 2)?.index);
  expect(got).toStrictEqual([COUNT_TO(28), COUNT_TO(56).slice(28)]);
  expect(schedule.next(false, 0)).toBeNull();
  expect(schedule.isExhausted()).toBe(true);
});

test('is not exhausted while a stretch is not begun', () => {
  const { schedule } = clocked(COUNT_TO(2));
  schedule.next(false, 0);
  expect(schedule.next(false, 1)?.index).toBe(1);
  expect(schedule.isExhausted()).toBe(true);
});

test('reads the plan only one stretch ahead', () => {
  let read = 0;
  const { schedule } = clocked(
    (function* () {
      for (;;) yield read++;
    })(),
  );
  schedule.next(true);
  schedule.next(true);
  expect(read).toBe(16);
  schedule.next(true, 1);
  expect(read).toBe(32);
});

test('a metatile that is put back comes after its wait, before the rest of the plan', () => {
  const { schedule, pass } = clocked([1, 2, 3]);
  schedule.next(false);
  expect(schedule.tries(1)).toStrictEqual({ attempt: 1, waits: 0 });
  schedule.retry(1, 100, 'attempt');
  expect(schedule.nextDueInMs()).toBe(100);
  expect(schedule.next(false)?.index).toBe(2);
  pass(100);
  expect(schedule.nextDueInMs()).toBe(0);
  expect(schedule.next(false)).toStrictEqual({ index: 1, alone: false });
  expect(schedule.next(false)?.index).toBe(3);
  expect(schedule.nextDueInMs()).toBeNull();
});

test('is not exhausted while one waits', () => {
  const { schedule, pass } = clocked([1]);
  schedule.next(false);
  schedule.retry(1, 50);
  expect(schedule.next(false)).toBeNull();
  expect(schedule.isExhausted()).toBe(false);
  pass(50);
  expect(schedule.next(false)?.index).toBe(1);
  expect(schedule.isExhausted()).toBe(true);
});

test('one whose process died is only given to an idle process, alone', () => {
  const { schedule } = clocked([1, 2]);
  schedule.next(false);
  expect(schedule.lost(1, 'died')).toStrictEqual(['died']);
  schedule.retry(1, 0);
  expect(schedule.next(false)?.index).toBe(2);
  expect(schedule.next(false)).toBeNull();
  expect(schedule.next(true)).toStrictEqual({ index: 1, alone: true });
});

test('counts attempts, waits and losses apart, and forgets them when it is settled', () => {
  const { schedule } = clocked([]);
  schedule.retry(4, 0, 'attempt');
  schedule.retry(4, 0, 'wait');
  schedule.retry(4, 0, 'wait');
  expect(schedule.lost(4, 'died')).toStrictEqual(['died']);
  schedule.retry(4, 0);
  expect(schedule.lost(4, 'hung')).toStrictEqual(['died', 'hung']);
  expect(schedule.tries(4)).toStrictEqual({ attempt: 2, waits: 2 });
  schedule.settle(4);
  expect(schedule.tries(4)).toStrictEqual({ attempt: 1, waits: 0 });
  expect(schedule.lost(4, 'outgrew')).toStrictEqual(['outgrew']);
});

test('one that is not ready waits for the others, and goes before what follows once it is', () => {
  const ready = new Set([1, 3, 4]);
  const { schedule } = clocked([1, 2, 3, 4], (index) => ready.has(index));
  expect(schedule.next(false)?.index).toBe(1);
  expect(schedule.next(false)?.index).toBe(3);
  ready.add(2);
  expect(schedule.next(false)?.index).toBe(2);
  expect(schedule.next(false)?.index).toBe(4);
  expect(schedule.next(false)).toBeNull();
  expect(schedule.isExhausted()).toBe(true);
});

test('is not exhausted while one is not ready, and looks only so far for one that is', () => {
  let read = 0;
  let isReady = false;
  const { schedule } = clocked(
    (function* () {
      for (;;) yield read++;
    })(),
    () => isReady,
  );
  expect(schedule.next(true)).toBeNull();
  expect(schedule.isExhausted()).toBe(false);
  expect(read).toBe(64);
  isReady = true;
  expect(schedule.next(true)?.index).toBe(0);
  expect(read).toBe(64);
});
