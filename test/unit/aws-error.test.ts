import { describe, expect, test } from 'vitest';
import { parseAwsError } from '../../src/aws-error.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');

describe('parseAwsError', () => {
  test('reads what an answer said', () => {
    const error = Object.assign(new Error('Please reduce your request rate.\n  Deserialization error: a hint'), {
      name: 'SlowDown',
      $metadata: { httpStatusCode: 503 },
      $response: { headers: { 'retry-after': 'Sun, 22 Nov 2026 12:00:09 GMT' } },
    });
    expect(parseAwsError(error, NOW)).toStrictEqual({
      name: 'SlowDown',
      message: 'Please reduce your request rate.',
      status: 503,
      retryAfterMs: 9000,
    });
  });

  test.each<[string, unknown, { name: string; message: string }]>([
    [
      'a failed connection',
      Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }),
      { name: 'ECONNRESET', message: 'read ECONNRESET' },
    ],
    ['a plain error', new Error('failed'), { name: 'Error', message: 'failed' }],
    ['a long message', new TypeError('x'.repeat(999)), { name: 'TypeError', message: 'x'.repeat(200) }],
    ['a thrown string', 'failed', { name: 'unknown error', message: 'failed' }],
    ['null', null, { name: 'unknown error', message: '' }],
    [
      'parts of other types',
      { name: 5, $metadata: { httpStatusCode: '503' }, $response: { headers: { 'retry-after': 5 } } },
      { name: 'unknown error', message: '' },
    ],
  ])('%s has no answer', (_, error, expected) => {
    expect(parseAwsError(error, NOW)).toStrictEqual({ ...expected, status: null, retryAfterMs: null });
  });
});
