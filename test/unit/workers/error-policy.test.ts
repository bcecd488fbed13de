import { UnrecoverableError } from 'bullmq';
import { expect, test } from 'vitest';
import { failureOf } from '../../../jobs/retry.ts';
import { ERROR_CODES, TilerError } from '../../../src/errors.ts';
import { RetryLater, attemptOf, createBackoffStrategy, toQueueError } from '../../../workers/error-policy.ts';

const SETTINGS = { attempts: 3, backoffMs: 1_000 };

test.each(ERROR_CODES)('%s: never is unrecoverable, all else is tried again after a wait', (code) => {
  const error = new TilerError(code, 'found');
  const told = toQueueError([failureOf(error)], 1, SETTINGS);
  expect(told).toBeInstanceOf(error.retry === 'never' ? UnrecoverableError : RetryLater);
  expect(told.message).toBe(`${code}: found`);
});

test('the last attempt is unrecoverable', () => {
  const failures = [failureOf(new TilerError('SOURCE_UNAVAILABLE', 'x'))];
  expect(toQueueError(failures, 2, SETTINGS)).toBeInstanceOf(RetryLater);
  expect(toQueueError(failures, 3, SETTINGS)).toBeInstanceOf(UnrecoverableError);
});

test('the back-off strategy waits as long as the error says, else exponentially', () => {
  const strategy = createBackoffStrategy(SETTINGS);
  const told = toQueueError([failureOf(new TilerError('STAC_THROTTLED', 'x', { retryAfterMs: 4_321 }))], 1, SETTINGS);
  expect(strategy(1, 'custom', told)).toBe(4_321);
  const wait = strategy(3, 'custom', new Error('lost'));
  expect(wait).toBeGreaterThanOrEqual(2_000);
  expect(wait).toBeLessThanOrEqual(4_000);
});

test('the first execution is attempt 1', () => {
  expect(attemptOf({ attemptsMade: 0 })).toBe(1);
});
