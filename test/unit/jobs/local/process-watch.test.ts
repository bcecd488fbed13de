import { expect, test } from 'vitest';
import { ProcessWatch, describeLosses } from '../../../../jobs/local/process-watch.ts';

const MIB = 1024 * 1024;
const LIMITS = { hangMs: 5_000, maxRssBytes: 100 * MIB };

function clocked() {
  let nowMs = 0;
  const watch = new ProcessWatch<{ readonly name: string }>({ ...LIMITS, now: () => nowMs });
  const one = { name: 'one' };
  const two = { name: 'two' };
  /** Looks every second, as it is meant to be. */
  const pass = (seconds: number, each: () => void = () => {}) => {
    const silent = new Set<string>();
    for (let i = 0; i < seconds; i++) {
      nowMs += 1_000;
      each();
      for (const { name } of watch.look()) silent.add(name);
    }
    return [...silent];
  };
  return { watch, one, two, pass, sleep: (ms: number) => void (nowMs += ms) };
}

test('a process that is silent for longer than it may be is found, one that speaks is not', () => {
  const { watch, one, two, pass } = clocked();
  watch.started(one);
  watch.started(two);
  watch.heard(one);
  watch.heard(two);
  expect(pass(6, () => watch.heard(two))).toStrictEqual([]);
  expect(pass(1, () => watch.heard(two))).toStrictEqual(['one']);
  watch.gone(one);
  expect(pass(3, () => watch.heard(two))).toStrictEqual([]);
});

test('a process has half a minute for its first sign of life', () => {
  const { watch, one, pass } = clocked();
  watch.started(one);
  expect(pass(30)).toStrictEqual([]);
  expect(pass(1)).toStrictEqual(['one']);
});

test('when the parent itself was asleep, nobody counts as silent', () => {
  const { watch, one, pass, sleep } = clocked();
  watch.started(one);
  watch.heard(one);
  sleep(3_600_000);
  expect(watch.look()).toStrictEqual([]);
  expect(pass(6)).toStrictEqual([]);
  expect(pass(1)).toStrictEqual(['one']);
});

test.each([
  [50, 'fine'],
  [100, 'fine'],
  [101, 'retire'],
  [150, 'retire'],
  [151, 'outgrew'],
] as const)('%i MiB of 100: %s', (mib, verdict) => {
  const { watch, one } = clocked();
  watch.started(one);
  watch.heard(one, mib * MIB);
  watch.heard(one);
  expect(watch.memoryVerdict(one)).toBe(verdict);
});

test('a message of a process that is gone changes nothing', () => {
  const { watch, one } = clocked();
  watch.heard(one, 1000 * MIB);
  expect(watch.memoryVerdict(one)).toBe('fine');
});

test('losses are told by cause, with how often', () => {
  expect(describeLosses(['died', 'died'], LIMITS)).toBe('died 2 times');
  expect(describeLosses(['hung', 'outgrew', 'hung'], LIMITS)).toBe(
    'gave no sign of life for 5000 ms and was killed 2 times, held more than 150 MiB of memory and was killed once',
  );
});
