import { describe, expect, test } from 'vitest';
import { fromAwsError, isNoSuchKey } from '../../../src/store/aws-error.ts';

function named(name: string, status?: number): Error {
  return Object.assign(new Error(''), { name, ...(status !== undefined && { $metadata: { httpStatusCode: status } }) });
}

describe('fromAwsError', () => {
  test.each([
    ['SlowDownWrite', 503, 'STORE_THROTTLED'],
    ['TooManyRequests', undefined, 'STORE_THROTTLED'],
    ['Odd', 429, 'STORE_THROTTLED'],
    ['RequestTimeout', 400, 'STORE_UNAVAILABLE'],
    ['RequestTimeTooSkewed', 403, 'STORE_UNAVAILABLE'],
    ['OperationAborted', 409, 'STORE_UNAVAILABLE'],
    ['TimeoutError', undefined, 'STORE_UNAVAILABLE'],
    ['InternalError', 500, 'STORE_UNAVAILABLE'],
    ['CredentialsProviderError', undefined, 'STORE_FORBIDDEN'],
    ['TokenProviderError', undefined, 'STORE_FORBIDDEN'],
    ['AccessDenied', 403, 'STORE_FORBIDDEN'],
    ['NoSuchBucket', 404, 'STORE_FORBIDDEN'],
    ['PreconditionFailed', 412, 'STORE_CONFLICT'],
  ])('%s with the status %s is %s', (name, status, code) => {
    const error = named(name, status);
    expect(fromAwsError(error, 'Writing')).toMatchObject({
      code,
      cause: error,
      message: `Writing: ${status === undefined ? name : `${status} ${name}`}`,
    });
  });
});

test.each([
  ['NoSuchKey', 404, true],
  ['NotFound', 404, true],
  ['NoSuchBucket', 404, false],
  ['AccessDenied', 403, false],
])('%s means that there is no such object: %s', (name, status, expected) => {
  expect(isNoSuchKey(named(name, status))).toBe(expected);
});
