import { UnrecoverableError } from 'bullmq';
import { expect, test } from 'vitest';
import { METATILE_QUEUE } from '../../../jobs/queue/catalog.ts';
import { decideRetry, failureOf } from '../../../jobs/retry.ts';
import { ERROR_CODES, TilerError } from '../../../src/errors.ts';
import {
  RetryLater,
  WaitForHost,
  createBackoffStrategy,
  toQueueError,
  triesOf,
} from '../../../workers/error-policy.ts';

const SETTINGS = { attempts: 3, backoffMs: 1_000 };
const FIRST = { attempt: 1, waits: 0 };

test.each(ERROR_CODES)('%s: what the decision about it is in the words of BullMQ', (code) => {
  const failures = [failureOf(new TilerError(code, 'found'))];
  const told = toQueueError(failures, FIRST, SETTINGS);
  const classes = { failed: UnrecoverableError, again: RetryLater, wait: WaitForHost };
  expect(told).toBeInstanceOf(classes[decideRetry(failures, FIRST, SETTINGS).kind]);
  expect(told.message).toBe(`${code}: found`);
});

test('the last attempt is unrecoverable', () => {
  const failures = [failureOf(new TilerError('SOURCE_UNAVAILABLE', 'x'))];
  expect(toQueueError(failures, { attempt: 2, waits: 9 }, SETTINGS)).toBeInstanceOf(RetryLater);
  expect(toQueueError(failures, { attempt: 3, waits: 9 }, SETTINGS)).toBeInstanceOf(UnrecoverableError);
});

test('the back-off strategy waits as long as the error says, else exponentially', () => {
  const strategy = createBackoffStrategy(SETTINGS);
  const told = toQueueError(
    [failureOf(new TilerError('SOURCE_UNAVAILABLE', 'x'))],
    { attempt: 2, waits: 0 },
    { ...SETTINGS, backoffMs: 30_000 },
  );
  const waitMs = strategy(2, 'custom', told);
  expect(told).toMatchObject({ afterMs: waitMs });
  expect(waitMs).toBeGreaterThanOrEqual(30_000);
  const wait = strategy(3, 'custom', new Error('lost'));
  expect(wait).toBeGreaterThanOrEqual(2_000);
  expect(wait).toBeLessThanOrEqual(4_000);
});

test('the first execution is attempt 1, and waits are counted beside', () => {
  const data = METATILE_QUEUE.parse({ v: 1, run: 'r', index: 0 });
  expect(triesOf({ attemptsMade: 0, data })).toStrictEqual(FIRST);
  const putOff = METATILE_QUEUE.parse({ v: 1, run: 'r', index: 0, waits: 3 });
  expect(triesOf({ attemptsMade: 1, data: putOff })).toStrictEqual({ attempt: 2, waits: 3 });
});
