import { describe, expect, test } from 'vitest';
import {
  fromAwsError,
  fromFileError,
  fromTransportError,
  isRangeBehindEnd,
  rangeError,
} from '../../../src/cog/source-errors.ts';
import { labelOf } from '../../../src/cog/href-label.ts';

const ATTEMPT = { label: 's3://bucket/key', offset: 5, length: 10 };

function named(name: string, status?: number, headers: Readonly<Record<string, string>> = {}): Error {
  const metadata = status === undefined ? {} : { $metadata: { httpStatusCode: status } };
  return Object.assign(new Error('what the store said'), { name, ...metadata, $response: { headers } });
}

describe('fromAwsError', () => {
  test.each([
    [named('NoSuchKey', 404), 'ASSET_NOT_FOUND'],
    [named('NoSuchBucket', 404), 'ASSET_NOT_FOUND'],
    [named('NotFound', 404), 'ASSET_NOT_FOUND'],
    [named('AccessDenied', 403), 'ASSET_FORBIDDEN'],
    [named('InvalidAccessKeyId', 403), 'ASSET_FORBIDDEN'],
    [named('CredentialsProviderError'), 'ASSET_FORBIDDEN'],
    [named('PreconditionFailed', 412), 'ASSET_CHANGED'],
    [named('TokenProviderError'), 'ASSET_FORBIDDEN'],
    [named('SlowDown', 503), 'SOURCE_THROTTLED'],
    [named('SlowDownRead'), 'SOURCE_THROTTLED'],
    [named('RequestTimeout', 400), 'SOURCE_UNAVAILABLE'],
    [named('RequestTimeTooSkewed', 403), 'SOURCE_UNAVAILABLE'],
    [named('TooManyRequests', 429), 'SOURCE_THROTTLED'],
    [named('InternalError', 500), 'SOURCE_UNAVAILABLE'],
    [named('ServiceUnavailable', 503), 'SOURCE_UNAVAILABLE'],
    [named('TimeoutError'), 'SOURCE_UNAVAILABLE'],
    [Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }), 'SOURCE_UNAVAILABLE'],
    ['a thrown string', 'SOURCE_UNAVAILABLE'],
  ])('%s is %s', (error, code) => {
    expect(fromAwsError(error, ATTEMPT)).toMatchObject({
      code,
      cause: error,
      context: { href: 's3://bucket/key', offset: 5 },
    });
  });

  test('Retry-After is kept', () => {
    expect(fromAwsError(named('SlowDown', 503, { 'retry-after': '3' }), ATTEMPT)).toMatchObject({
      retryAfterMs: 3_000,
    });
    expect(fromAwsError(named('Odd', 503, { 'retry-after': '3' }), ATTEMPT)).toMatchObject({
      code: 'SOURCE_THROTTLED',
      retry: { afterMs: 3_000 },
    });
  });

  test('a range behind the end is told apart', () => {
    expect(isRangeBehindEnd(named('InvalidRange', 416))).toBe(true);
    expect(isRangeBehindEnd(named('Odd', 416))).toBe(true);
    expect(isRangeBehindEnd(named('NoSuchKey', 404))).toBe(false);
    expect(isRangeBehindEnd(null)).toBe(false);
  });
});

test.each([
  ['ENOENT', 'ASSET_NOT_FOUND'],
  ['ENOTDIR', 'ASSET_NOT_FOUND'],
  ['ELOOP', 'ASSET_NOT_FOUND'],
  ['EACCES', 'ASSET_FORBIDDEN'],
  ['EPERM', 'ASSET_FORBIDDEN'],
  ['EIO', 'SOURCE_UNAVAILABLE'],
  ['EMFILE', 'SOURCE_UNAVAILABLE'],
])('a file error %s is %s', (code, expected) => {
  expect(fromFileError(Object.assign(new Error('failed'), { code }), ATTEMPT)).toMatchObject({ code: expected });
});

test('aborts and translated errors pass through', () => {
  const abort = new DOMException('stop', 'AbortError');
  const known = rangeError('ASSET_CORRUPT', ATTEMPT, 'it is damaged');
  for (const translate of [fromAwsError, fromFileError, fromTransportError]) {
    expect(translate(abort, ATTEMPT)).toBe(abort);
    expect(translate(known, ATTEMPT)).toBe(known);
  }
});

test('the causes of a failed connection are named', () => {
  const error = new AggregateError([new Error('no route to ::1'), new Error('refused by 127.0.0.1')], '');
  expect(fromTransportError(error, ATTEMPT)).toMatchObject({
    message: 'Reading 10 bytes at 5 of s3://bucket/key: no route to ::1; refused by 127.0.0.1',
  });
});

test.each([
  ['https://host/a.tif?X-Amz-Signature=1#x', 'https://host/a.tif'],
  ['https://user:secret@host/a.tif', 'https://host/a.tif'],
  ['https://host/a@b.tif', 'https://host/a@b.tif'],
  ['s3://bucket/a b.tif', 's3://bucket/a b.tif'],
])('%s is called %s', (href, label) => {
  expect(labelOf(href)).toBe(label);
});
