import { DelayedError, UnrecoverableError, WaitingError } from 'bullmq';
import type { Job } from 'bullmq';
import { expect, test } from 'vitest';
import type { MetatileResult } from '../../../jobs/metatile-result.ts';
import { failureOf } from '../../../jobs/retry.ts';
import { NO_STAGES, createIoCounters, timed } from '../../../src/observe.ts';
import { NOTHING_LEFT_OUT } from '../../../src/render/left-out.ts';
import { RetryLater } from '../../../workers/error-policy.ts';
import type { WorkerMetrics } from '../../../workers/metrics.ts';
import { createWorkerMetrics } from '../../../workers/metrics.ts';
import { fieldsOf, withMetrics } from '../../../workers/observed-processor.ts';

const RESULT: MetatileResult = {
  index: 3,
  rendered: 5,
  empty: 2,
  failures: [],
  leftOut: NOTHING_LEFT_OUT,
  io: { ...createIoCounters(), bytesRead: 100 },
  ms: 1,
};
const FAILURE = failureOf(new Error('x'));

/** What is counted for a job whose processor gives a result or none, and then ends so. */
async function countedFor(result: MetatileResult | null, error: Error | null): Promise<ReadonlyMap<string, number>> {
  const metrics: WorkerMetrics = createWorkerMetrics(() => true);
  const job = { id: 'a-3' } as unknown as Job<object>;
  const process = withMetrics<object>(
    (onResult) => async () => {
      if (result !== null) onResult(job, result);
      await Promise.resolve();
      if (error !== null) throw error;
    },
    metrics,
  );
  const thrown = await process(job).then(
    () => null,
    (cause: unknown) => cause,
  );
  expect(thrown).toBe(error);
  const series = (await metrics.text()).matchAll(/^(tilewright_\w+)(?:\{outcome="(\w+)"\})? ([1-9]\d*)$/gm);
  return new Map([...series].map(([, name = '', outcome = '', value]) => [`${name} ${outcome}`.trim(), Number(value)]));
}

test.each([
  ['done', RESULT, null],
  ['dropped', null, null],
  ['failed', RESULT, new UnrecoverableError('x')],
  ['retried', RESULT, new RetryLater(FAILURE, 10)],
  ['retried', null, new Error('a fault')],
  ['postponed', null, new DelayedError()],
  ['handed_back', null, new WaitingError()],
])('a metatile counts as %s', async (outcome, result, error) => {
  const counted = await countedFor(result, error);
  expect(counted.get(`tilewright_metatiles_total ${outcome}`)).toBe(1);
  expect([...counted.keys()].filter((key) => key.startsWith('tilewright_metatiles_'))).toHaveLength(1);
  // What was read was read, whatever it came to; tiles count once they are settled.
  expect(counted.get('tilewright_read_bytes_total') ?? 0).toBe(result === null ? 0 : 100);
  const isSettled = outcome === 'done' || outcome === 'failed';
  expect(counted.get('tilewright_tiles_total rendered') ?? 0).toBe(isSettled ? 5 : 0);
});

test('a payload says as much as it is what it should be', () => {
  expect(fieldsOf({ v: 1, run: 'a', index: 4 })).toStrictEqual({ run: 'a', metatile: 4 });
  expect(fieldsOf({ run: 'a' })).toStrictEqual({ run: 'a' });
  expect(fieldsOf({ run: { toString: 1 }, index: 'x' })).toStrictEqual({});
});

test('a stage is measured whether it succeeds or fails', async () => {
  const observed: [string, number][] = [];
  const meter = { observe: (stage: string, seconds: number) => void observed.push([stage, seconds]) };
  expect(await timed(meter, 'read', async () => await Promise.resolve(7))).toBe(7);
  await expect(timed(meter, 'open', async () => await Promise.reject(new Error('x')))).rejects.toThrow('x');
  expect(observed.map(([stage]) => stage)).toStrictEqual(['read', 'open']);
  for (const [, seconds] of observed) expect(seconds).toBeGreaterThanOrEqual(0);
  expect(await timed(NO_STAGES, 'read', async () => await Promise.resolve(7))).toBe(7);
});
