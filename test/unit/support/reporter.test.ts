import type { TestModule } from 'vitest/node';
import { expect, test } from 'vitest';
import { closingLine, countTests, isSuccess } from '../../support/reporter.ts';

type State = 'passed' | 'failed' | 'skipped' | 'pending';

/** A finished test file as the reporter API shows it, with the parts that are counted. */
function moduleOf(moduleState: 'passed' | 'failed' | 'skipped', states: readonly State[]): TestModule {
  const tests = states.map((state) => ({ result: () => ({ state }) }));
  return { state: () => moduleState, children: { allTests: () => tests } } as unknown as TestModule;
}

test('the closing line counts every test of every file', () => {
  const totals = countTests([moduleOf('passed', ['passed', 'skipped']), moduleOf('failed', ['failed', 'passed'])], 0);
  expect(closingLine(totals)).toBe('2 passed, 1 failed, 1 skipped');
  expect(isSuccess(totals)).toBe(false);
});

test('a file that did not load is one failure', () => {
  const totals = countTests([moduleOf('failed', []), moduleOf('passed', ['passed'])], 0);
  expect(totals).toStrictEqual({ passed: 1, failed: 1, skipped: 0 });
});

test('an error outside any test is a failure, and so is a test without a result', () => {
  expect(countTests([moduleOf('passed', ['passed'])], 2).failed).toBe(2);
  expect(countTests([moduleOf('failed', ['pending'])], 0)).toStrictEqual({ passed: 0, failed: 1, skipped: 0 });
});

test('no test at all is no success, and neither are only skipped ones', () => {
  expect(isSuccess(countTests([], 0))).toBe(false);
  expect(isSuccess(countTests([moduleOf('skipped', ['skipped'])], 0))).toBe(false);
});
