import { expect, test } from 'vitest';
import { failureFromText } from '../../../../jobs/queue/failure-text.ts';

const FAILURE = { tile: { z: 3, x: 1, y: 2 }, code: 'ASSET_CORRUPT', message: 'm', retryAfterMs: null } as const;

test('a failure comes back as it was kept, also one of a version that knew no asset', () => {
  const failure = { ...FAILURE, asset: 'c/i/red' };
  expect(failureFromText(JSON.stringify(failure))).toStrictEqual(failure);
  expect(failureFromText(JSON.stringify(FAILURE))).toStrictEqual(FAILURE);
});

test.each([
  '{',
  'null',
  '[]',
  JSON.stringify({ ...FAILURE, code: 'NO_SUCH_CODE' }),
  JSON.stringify({ ...FAILURE, tile: '3/1/2' }),
  JSON.stringify({ ...FAILURE, asset: 7 }),
  JSON.stringify({ ...FAILURE, message: undefined }),
])('%s is none', (text) => {
  expect(failureFromText(text)).toBeNull();
});
